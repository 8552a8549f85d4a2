"""A policy's own tests: the evidence that a test gives, decided by the same ``decide`` that judges real statements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pgguard import checks
from pgguard.evidence.measurement import Destroyed, Measurement, Rows, TableEffect
from pgguard.policy import budget as budgets
from pgguard.policy import decide as decisions
from pgguard.policy.budget import Spent
from pgguard.policy.match import running
from pgguard.policy.model import Policy
from pgguard.policy.trial_shape import Counts, Given, Trial
from pgguard.policy.verdict import Allow, Asked, Caller, Evidence, Hold, Measure, Refuse, Verdict
from pgguard.sql.read import read
from pgguard.sql.statement import Effect, Statement, StatementKind

_IN_SCHEMA = ("table", "data", "view", "materialized view", "index", "sequence", "function", "type")
_READING = (StatementKind.SELECT, StatementKind.SESSION, StatementKind.TRANSACTION, StatementKind.EMPTY)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a test came to. ``wrong`` is "" when it is as expected, else what was expected and what came."""

    decision: str
    by: tuple[str, ...]
    checks: tuple[str, ...]
    sqlstate: str
    verdict: Verdict
    wrong: str = ""


def run(policy: Policy, trial: Trial) -> Outcome:
    """Judge the test's statements by ``policy`` and compare with what it expects."""
    policy = policy if trial.time is None else policy.at(trial.time)
    asked = asks(trial)
    outcome = judged(policy, asked, evidence(trial.given, asked, policy))
    return Outcome(
        outcome.decision, outcome.by, outcome.checks, outcome.sqlstate, outcome.verdict, _wrong(trial, outcome)
    )


def judged(policy: Policy, asked: Asked, known: Evidence) -> Outcome:
    """The verdict on this, in the words of tests."""
    verdict = decisions.decide(policy, asked, known)
    found = tuple(dict.fromkeys(finding.check for finding in asked.findings))
    match verdict:
        case Allow(rule=rule):
            return Outcome("allow", (rule,) if rule else (), found, "", verdict)
        case Measure():
            return Outcome("measure", (), found, "", verdict)
        case Hold(blames=blames):
            return Outcome("approve", tuple(b.rule for b in blames), found, "PGG02", verdict)
        case Refuse(blames=blames, sqlstate=sqlstate):
            return Outcome("refuse", tuple(b.rule for b in blames), found, sqlstate, verdict)


def asks(trial: Trial) -> Asked:
    """Who asks for what, as a session would put it."""
    caller = Caller(
        trial.user,
        trial.database or "postgres",
        trial.application_name,
        trial.address,
        trial.role or trial.user,
        trial.claim,
    )
    text = trial.sql.encode("utf-8", "surrogatepass")
    statements = read(text).statements
    findings = (
        f for s in statements for f in checks.find(s, text[s.start : s.start + s.length].decode("utf-8", "replace"))
    )
    return Asked(caller, statements, tuple(dict.fromkeys(findings)))


def evidence(given: Given, asked: Asked, policy: Policy) -> Evidence:
    """The evidence that a test gives. When it gives none, only plain reads count as proved harmless."""
    statements = asked.statements
    if given.unmeasurable:
        return Evidence(measurable=False, why=given.unmeasurable)
    if given.measured is not None or given.destroyed is not None:
        destroyed = tuple(
            Destroyed(x.kind, _in_schema(x.name) if x.kind in _IN_SCHEMA else x.name, x.how, rows=x.rows)
            for x in given.destroyed or ()
        )
        found = Measurement(_tables(given, statements), destroyed)
        return Evidence(measurement=found, spent=_spent(policy, given, asked, found))
    if given.bound is not None:
        deletes = any(Effect.DELETE in s.effects for s in running(statements))
        spent = _spent(policy, given, asked, _at_most(given.bound, statements))
        return Evidence(bound=given.bound, bound_deleted=given.bound if deletes else 0, spent=spent)
    return Evidence(harmless=all(_plainly_harmless(s) for s in statements))


def _spent(policy: Policy, given: Given, asked: Asked, found: Measurement) -> tuple[Spent, ...]:
    return budgets.supposed(budgets.counting(policy, asked.caller), given.spent, found)


def _at_most(bound: int, statements: tuple[Statement, ...]) -> Measurement:
    """So many rows of the table that the text writes to."""
    names = (_in_schema(str(write.relation)) for s in running(statements) for write in s.writes)
    return Measurement((TableEffect(0, next(names, "public.unknown"), Rows(deleted=bound)),))


def _tables(given: Given, statements: tuple[Statement, ...]) -> tuple[TableEffect, ...]:
    targets = {_in_schema(str(write.relation)) for s in running(statements) for write in s.writes}
    totals = {_in_schema(name): rows for name, rows in given.tables.items()}
    measured: Mapping[str, Counts] = given.measured or {}
    return tuple(
        TableEffect(
            oid, _in_schema(name), Rows(counts.inserted, counts.updated, counts.deleted),
            _in_schema(name) in targets, totals.get(_in_schema(name)),
        )
        for oid, (name, counts) in enumerate(measured.items(), start=16384)
    )  # fmt: skip


def _plainly_harmless(statement: Statement) -> bool:
    """No call, write or operator of one's own can hide in it: without a catalog no more can be proved than this."""
    hiding = statement.calls or statement.writes or statement.drops or statement.files
    return statement.kind in _READING and not hiding


def _in_schema(name: str) -> str:
    return name if "." in name else f"public.{name}"


def _wrong(trial: Trial, outcome: Outcome) -> str:
    expect = trial.expect
    sql = trial.sql if len(trial.sql) <= 60 else trial.sql[:57] + "..."
    pairs = (
        ("decision", expect.decision, outcome.decision),
        ("by", _set(expect.by), _set(outcome.by)),
        ("check", _set(expect.check), _set(outcome.checks)),
        ("sqlstate", expect.sqlstate, outcome.sqlstate),
    )
    for what, expected, got in pairs:
        if expected not in (None, "") and expected != got:
            by = f" by {', '.join(outcome.by)}" if what == "decision" and outcome.by else ""
            return f'{what} of "{sql}" as {trial.user}: expected {_words(expected)}, got {_words(got)}{by}'
    return ""


def _set(names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(sorted(set(names)))


def _words(value: str | tuple[str, ...] | None) -> str:
    return value if isinstance(value, str) else ", ".join(value or ()) or "nothing"
