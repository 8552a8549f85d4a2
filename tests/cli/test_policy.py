"""``pgguard policy``: what it prints, and its exit codes 0, 1 and 2, without a traceback whatever it is given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pgguard.cli.policy import app

PRODUCTION = str(Path(__file__).resolve().parents[2] / "policies" / "production.yaml")

SMALL = """\
version: 1
callers: {people: {not_roles: [app]}}
limits:
  - {name: people, match: {caller: people}, rows: 100, beyond: refuse}
tests:
  - {as: ann, sql: select 1, expect: {decision: allow}}
  - {as: ann, sql: delete from t, given: {bound: 5}, expect: {decision: DECISION}}
"""


def pgguard(*arguments: str) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


@pytest.fixture
def good(tmp_path: Path) -> str:
    return _written(tmp_path / "good.yaml", SMALL.replace("DECISION", "allow"))


@pytest.fixture
def failing(tmp_path: Path) -> str:
    return _written(tmp_path / "failing.yaml", SMALL.replace("DECISION", "refuse"))


@pytest.fixture
def broken(tmp_path: Path) -> str:
    return _written(tmp_path / "broken.yaml", SMALL.replace("rows: 100", "row: 100"))


def _written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_validate(good: str, failing: str, broken: str, tmp_path: Path) -> None:
    result = pgguard("validate", good)
    assert (result.exit_code, result.stdout) == (0, f"{good}: ok: 1 rules, limits and budgets, 2 tests pass\n")

    result = pgguard("validate", good, failing)
    assert result.exit_code == 1
    assert (
        f'{failing}:7: test 2 failed: decision of "delete from t" as ann: expected refuse, got allow' in result.stderr
    )

    result = pgguard("validate", failing, broken)
    assert result.exit_code == 2
    assert f'{broken}:4: "row" is not known here, did you mean "rows"?' in result.stderr

    assert pgguard("validate", str(tmp_path / "nosuch.yaml")).exit_code == 2
    assert pgguard("validate").exit_code == 2


def test_validate_as_json(good: str, failing: str) -> None:
    result = pgguard("validate", "--json", good, failing)
    assert result.exit_code == 1
    assert [(r["file"], r["ok"], r["line"]) for r in json.loads(result.stdout)] == [
        (good, True, None),
        (failing, False, 7),
    ]


def test_test(good: str, failing: str, broken: str) -> None:
    assert pgguard("test", good).stdout == "2 passed, 0 failed\n"
    result = pgguard("test", "-v", good)
    assert result.exit_code == 0
    assert f"{good}:7: ok: ann: delete from t: allow" in result.stdout

    result = pgguard("test", failing)
    assert result.exit_code == 1
    assert f'{failing}:7: failed: decision of "delete from t" as ann: expected refuse, got allow' in result.stdout
    assert "1 passed, 1 failed" in result.stdout

    outcomes = json.loads(pgguard("test", failing, "--json").stdout)
    assert [(o["line"], o["decision"], bool(o["failed"])) for o in outcomes] == [
        (6, "allow", False),
        (7, "allow", True),
    ]

    assert pgguard("test", broken).exit_code == 2


def test_explain() -> None:
    given = "{tables: {accounts: 2000}, measured: {accounts: {deleted: 2000}, inventory: {deleted: 50}}}"
    result = pgguard("explain", "delete from accounts", "--policies", PRODUCTION, "--as", "ann", "--given", given)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:6] == [
        "approve (PGG02)",
        'rule "people", 2050 rows (limit 100)',
        'rule "most-of-a-table", 2000 of 2000 rows of public.accounts (limit 20%)',
        "accounts: 2000 rows deleted",
        "inventory: 50 rows deleted by cascade or trigger",
        'a member of "dba" can approve it; an approval is good for 30 minutes',
    ]
    assert "statements: delete" in result.stdout
    assert "check: no-where: " in result.stdout


def test_explain_as_json() -> None:
    arguments = ("explain", "drop table t", "--policies", PRODUCTION, "--as", "ann", "--claim", "staging", "--json")
    said = json.loads(pgguard(*arguments).stdout)
    assert (said["decision"], said["by"], said["sqlstate"]) == ("refuse", ["claims"], "PGG01")
    assert said["statements"] == ["drop"]
    assert "staging" in said["hint"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--given", "{measred: {}}"), '--given:1: "measred" is not known here, did you mean "measured"?'),
        (("--given", "{measured: "), "--given:1: the file ends too early"),
        (("--claim", "a\nb"), "control characters are not allowed here"),
    ],
)
def test_explain_with_bad_evidence(arguments: tuple[str, ...], sentence: str) -> None:
    result = pgguard("explain", "select 1", "--policies", PRODUCTION, "--as", "ann", *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"pgguard: {sentence}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("sql", ["", "not sql", "select '\x00'", "se\udcfflect 1", "(" * 5000])
def test_explain_any_text(sql: str) -> None:
    assert pgguard("explain", sql, "--policies", PRODUCTION, "--as", "ann").exit_code == 0


def test_schema() -> None:
    schema = json.loads(pgguard("schema").stdout)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert "limits" in schema["properties"]
