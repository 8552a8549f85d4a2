"""Which rules speak of a request, of which of its lost objects, and in which words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pgguard.evidence.measurement import Destroyed
from pgguard.policy.match import (
    Answer,
    Sight,
    certain,
    glob_qualified,
    lost_kind,
    matches,
    measured_table,
    names,
    running,
    table_of,
    targets_named,
)  # fmt: skip
from pgguard.policy.model import Exception_, Rule
from pgguard.policy.verdict import Blame
from pgguard.sql.statement import Effect, Statement, StatementKind

_NEUTRAL = (StatementKind.TRANSACTION, StatementKind.EMPTY)


def answer(rule: Rule, sight: Sight) -> Answer:
    """Whether the rule matches; None: not known yet."""
    return matches(rule.match, _as_seen_by(rule, sight))


def blame(rule: Rule, sight: Sight) -> Blame:
    """The rule that matched, and what it saw."""
    return Blame(rule.name, _says(rule, _as_seen_by(rule, sight)), rule.digest)


def text_loses(statements: Iterable[Statement]) -> tuple[Destroyed, ...]:
    """What these statements destroy by their text alone, for those that cannot be measured."""
    return tuple(lost for statement in running(statements) for lost in _text_loses(statement))


def _text_loses(statement: Statement) -> Iterator[Destroyed]:
    for drop in statement.drops:
        yield Destroyed(drop.kind, str(drop.name))
    for write in statement.writes:
        if write.effect is Effect.TRUNCATE:
            yield Destroyed("data", str(write.relation), "truncated")
    if not statement.drops and Effect.DROP in statement.effects:
        yield Destroyed("object", statement.kind.value)  # DROP OWNED names nothing, and destroys all the same


def covers(rule: Rule, sight: Sight) -> bool:
    """Whether an allow-unmeasured rule speaks of *everything* that these statements do. FAIL CLOSED: where a blaming
    rule is satisfied with one statement that could match, this one wants every part of each to match for certain."""
    if matches(rule.match, sight, who_only=True) is not True:
        return False
    acting = [s for s in running(sight.asked.statements) if s.kind not in _NEUTRAL]
    return bool(acting) and not text_loses(acting) and all(_covered(rule, s) for s in acting)


def _covered(rule: Rule, statement: Statement) -> bool:
    match = rule.match
    if "kind" in match and statement.kind.value not in match["kind"]:
        return False
    if "effect" in match and not {e.value for e in statement.effects} <= set(match["effect"]):
        return False
    if "table" in match:
        tables = (*statement.reads, *targets_named(statement))
        if not tables or not all(certain(match["table"], name) for name in tables):
            return False
    return "call" not in match or _only_calls(match["call"], statement, tables_matched="table" in match)


def _only_calls(wanted: tuple[str, ...], statement: Statement, *, tables_matched: bool) -> bool:
    """Nothing but calls of the wanted functions: a relation, operator, cast or column can hide another call."""
    tables = () if tables_matched else (*statement.reads, *targets_named(statement))
    hiding = (
        *statement.operators, *statement.writes, *tables, *statement.inner,
        *(t for t in statement.types if t.schema != "pg_catalog"),
        *(c for c in statement.columns if c != "*"),
    )  # fmt: skip
    return (
        statement.kind in (StatementKind.SELECT, StatementKind.CALL)
        and bool(statement.calls)
        and all(certain(wanted, call) for call in statement.calls)
        and not hiding
    )


def _as_seen_by(rule: Rule, sight: Sight) -> Sight:
    if not rule.excepts or sight.lost is None:
        return sight
    return replace(sight, lost=tuple(x for x in sight.lost if not any(_excepted(e, x) for e in rule.excepts)))


def _excepted(exception: Exception_, lost: Destroyed) -> bool:
    if exception.table:
        table = table_of(lost)
        if table is None or not any(glob_qualified(g, *table) for g in exception.table):
            return False
    return exception.rows_at_most is None or (lost.rows is not None and lost.rows <= exception.rows_at_most)


def _says(rule: Rule, sight: Sight) -> str:
    """What the rule saw, by the most telling of its keys."""
    match = rule.match
    if "destroys" in match:
        seen = [x for x in sight.lost or () if "any" in match["destroys"] or lost_kind(x.kind) in match["destroys"]]
        return f"destroys {seen[0].kind} {seen[0].name}" + (f" and {len(seen) - 1} more" if len(seen) > 1 else "")
    if "check" in match:
        return ", ".join(dict.fromkeys(f.check for f in sight.asked.findings if f.check in match["check"]))
    statements = list(running(sight.asked.statements))
    if "call" in match:
        return "calls " + next(str(c) for s in statements for c in s.calls if names(match["call"], c))
    if "table" in match:
        measured = [t.name for t in sight.measurement.tables] if sight.measurement else []
        seen_tables = [t for t in measured if measured_table(match["table"], t)]
        seen_tables += [str(n) for s in statements for n in (*targets_named(s), *s.reads) if names(match["table"], n)]
        return f"touches table {seen_tables[0] if seen_tables else ' or '.join(match['table'])}"
    for key in ("kind", "effect"):
        if key in match:
            return f"{key} {' or '.join(match[key])}"
    return ", ".join(f"{key} {' or '.join(words) or chr(34) * 2}" for key, words in match.items())
