"""``pgguard policy validate | test | explain | schema``: working on a policy file."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from pgguard.cli.trying import login, through_pgguard
from pgguard.errors import ConfigError, PolicyError, UpstreamUnavailable
from pgguard.policy import explain as words
from pgguard.policy.consent import crowd
from pgguard.policy.load import given as read_given
from pgguard.policy.load import untested
from pgguard.policy.model import Policy
from pgguard.policy.trial import Outcome, asks, evidence, judged, run
from pgguard.policy.trial_shape import Given, Trial
from pgguard.policy.verdict import Hold, Refuse

NO = 1  # the answer is no: a policy test failed
WRONG = 2  # wrong use, or a policy that cannot be used
AWAY = 3  # the server of --dsn

app = typer.Typer(help="Check, test and explain a policy file.", no_args_is_help=True, pretty_exceptions_enable=False)
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Policy files.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def validate(files: Files, as_json: Json = False) -> None:
    """Say whether each FILE can be used, its own tests included. Exit code 1: a test failed; 2: the file is wrong."""
    results = [_validated(file) for file in files]
    for result in results:
        if not as_json:
            print(result["says"], file=sys.stderr if result["exit"] else sys.stdout)
    if as_json:
        _print_json(results)
    raise typer.Exit(max(result["exit"] for result in results))


@app.command("test")
def run_tests(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Policy file.", show_default=False)],
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the tests that pass, too.")] = False,
    as_json: Json = False,
) -> None:
    """Run the tests of FILE and show what each came to. Exit code 1: one failed."""
    with _plain_errors():
        policy, lines = untested(file)
    outcomes = [(trial, line, run(policy, trial)) for trial, line in zip(policy.tests, lines, strict=True)]
    failed = sum(bool(outcome.wrong) for _, _, outcome in outcomes)
    if as_json:
        _print_json([_as_data(trial, outcome) | {"line": line} for trial, line, outcome in outcomes])
    else:
        for trial, line, outcome in outcomes:
            if outcome.wrong:
                print(f"{file}:{line}: failed: {outcome.wrong}")
            elif verbose:
                by = f" by {', '.join(outcome.by)}" if outcome.by else ""
                print(f"{file}:{line}: ok: {trial.user}: {words.visible(trial.sql)}: {outcome.decision}{by}")
        print(f"{len(outcomes) - failed} passed, {failed} failed")
    raise typer.Exit(NO if failed else 0)


@app.command()
def explain(
    sql: Annotated[str, typer.Argument(metavar="SQL", show_default=False, help="Statements to judge.")],
    policies: Annotated[Path, typer.Option("--policies", help="Policy file.", show_default=False)],
    user: Annotated[str, typer.Option("--as", help="The user who asks (session_user).", show_default=False)] = "",
    given: Annotated[str, typer.Option("--given", help="Evidence as in a policy test, in YAML or JSON.")] = "",
    claim: Annotated[str, typer.Option("--claim", help="What pgguard.environment is set to.")] = "",
    database: Annotated[str, typer.Option("--database", help="The database.")] = "",
    dsn: Annotated[str, typer.Option("--dsn", help="Run it there, measure it, and roll it back.")] = "",
    admin_dsn: Annotated[
        str, typer.Option("--admin-dsn", envvar="PGGUARD_ADMIN_DSN", help="With --dsn: pgguard's own login.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Show what the policy says of SQL, by which rules, with the evidence that is given or measured."""
    with _plain_errors():
        policy, _ = untested(policies)
        if dsn:
            _measured(sql, policy, policies, dsn, admin_dsn or dsn, claim, as_json=as_json)
            return
        if not user:
            raise ConfigError("--as says who asks, or --dsn where it is run")
        trial = _trial(sql, user, given, claim, database)
    asked = asks(trial)
    outcome = judged(policy, asked, evidence(trial.given, asked, policy))
    if as_json:
        _print_json(_as_data(trial, outcome) | {"statements": [s.kind.value for s in asked.statements]})
        return
    for line in _explained(policy, outcome):
        print(line)
    print("statements: " + (", ".join(s.kind.value for s in asked.statements) or "none"))
    for line in words.finding_lines(asked.findings):
        print(f"check: {line}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of policy files, for editors."""
    _print_json({"$schema": "https://json-schema.org/draft/2020-12/schema", **Policy.model_json_schema()})


def _validated(file: Path) -> dict[str, Any]:
    try:
        policy, lines = untested(file)
    except PolicyError as error:
        return {"file": str(file), "ok": False, "exit": WRONG, "line": error.line, "says": str(error)}
    for number, (trial, line) in enumerate(zip(policy.tests, lines, strict=True), start=1):
        if wrong := run(policy, trial).wrong:
            says = f"{file}:{line}: test {number} failed: {wrong}"
            return {"file": str(file), "ok": False, "exit": NO, "line": line, "says": says}
    tests = f"{len(policy.tests)} tests pass" if policy.tests else "it has no tests"
    says = f"{file}: ok: {policy.rules_count} rules, limits and budgets, {tests}"
    return {"file": str(file), "ok": True, "exit": 0, "line": None, "says": says}


def _measured(sql: str, policy: Policy, file: Path, dsn: str, admin_dsn: str, claim: str, *, as_json: bool) -> None:
    """As ``serve`` would measure it, with nothing of it left."""
    told = asyncio.run(through_pgguard(sql, policy.at(time.time()), file, dsn, admin_dsn, claim))
    names = ("sqlstate", "message", "detail", "hint")
    error = dict(zip(names, told.error, strict=True)) if told.error is not None else None
    asked = asks(_trial(sql, login(dsn), "", claim, ""))
    if as_json:
        notices = [{"message": message, "detail": detail} for message, detail in told.notices]
        kinds = [s.kind.value for s in asked.statements]
        _print_json({"as": login(dsn), "sql": sql, "notices": notices, "error": error, "statements": kinds})
    else:
        for said in (*told.notices, *([told.error[1:3]] if told.error is not None else [])):
            print("\n".join(filter(None, said)))
        if not told.notices and error is None:
            print("allow: it changes nothing that the policy speaks of")
        print("statements: " + (", ".join(s.kind.value for s in asked.statements) or "none"))
        for line in words.finding_lines(asked.findings):
            print(f"check: {line}")
    if error is not None:
        raise typer.Exit(NO)


def _trial(sql: str, user: str, given: str, claim: str, database: str) -> Trial:
    evidence_given = read_given(given) if given.strip() else Given()
    try:
        trial = Trial.model_validate(
            {"as": user, "sql": sql, "claim": claim, "database": database, "expect": {"decision": "allow"}}
        )
    except ValidationError as error:
        raise PolicyError(str(error.errors()[0]["msg"])) from None
    return trial.model_copy(update={"given": evidence_given})


def _explained(policy: Policy, outcome: Outcome) -> Iterator[str]:
    sqlstate = f" ({outcome.sqlstate})" if outcome.sqlstate else ""
    allowed_by = f" by {outcome.by[0]}" if outcome.decision == "allow" and outcome.by else ""
    yield f"{outcome.decision}{sqlstate}{allowed_by}"
    if isinstance(outcome.verdict, (Hold, Refuse)):
        yield from words.blame_lines(outcome.verdict.blames)
        if outcome.verdict.measurement is not None:
            yield from words.effect_lines(outcome.verdict.measurement)
    if isinstance(outcome.verdict, Hold) and policy.approval is not None:
        minutes = f"{outcome.verdict.expires / 60:g}"
        who = crowd(outcome.verdict.by, outcome.verdict.needs)
        yield f"{who} can approve it; an approval is good for {minutes} minutes"


def _as_data(trial: Trial, outcome: Outcome) -> dict[str, Any]:
    refusal = words.refusal(outcome.verdict) if isinstance(outcome.verdict, Refuse) else None
    return {
        "as": trial.user,
        "sql": trial.sql,
        "decision": outcome.decision,
        "by": list(outcome.by),
        "check": list(outcome.checks),
        "sqlstate": outcome.sqlstate,
        "says": words.blame_lines(outcome.verdict.blames) if isinstance(outcome.verdict, (Hold, Refuse)) else [],
        "hint": refusal.hint if refusal else "",
        "failed": outcome.wrong,
    }


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except PolicyError as error:
        print(f"pgguard: {error}", file=sys.stderr)
        raise typer.Exit(WRONG) from None
    except (ConfigError, UpstreamUnavailable) as error:
        print(f"pgguard: {error}", file=sys.stderr)
        raise typer.Exit(error.exit_code if isinstance(error, ConfigError) else AWAY) from None
