"""All checks together: who speaks, who is silent, and that each has its row and its page."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest

from pgguard import checks
from pgguard.checks.finding import Finding
from pgguard.policy.load import load
from pgguard.sql.read import read
from tests.checks.table import SPEAKS

for _name, _ in checks.ALL:
    importlib.import_module(f"tests.checks.test_{_name.replace('-', '_')}")
POLICIES = Path(__file__).resolve().parents[2] / "policies"


def found(sql: str, reaches: bool = False) -> list[tuple[str, str]]:
    (statement,) = read(sql.encode()).statements
    return [(finding.check, finding.says) for finding in checks.find(statement, sql, reaches)]


NO_WHERE = "an UPDATE or DELETE has no WHERE and changes every row (statement writes t)"


def test_several_checks_speak_of_one_statement() -> None:
    assert ["always-true", "reads-files"] == [
        check for check, _ in found("copy (delete from t where 1 = 1 returning *) to program 'x'")
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "delete from t where id = 1",
        "select * from t where 1 = 1",
        "insert into t values (1) on conflict (a) do update set b = 1",
        "merge into t using s on a = b when matched then delete",
        "explain delete from t",
        "prepare p as delete from t",
        "alter table t enable trigger a",
        "alter table t enable row level security",
        "set session_replication_role = origin",
        "reset session_replication_role",
        "set row_security = on",
        "set role a",
        "copy t from stdin",
        "copy t to stdout",
        "create index concurrently on t (a)",
        "drop table t",
    ],
)
def test_no_check_speaks(sql: str) -> None:
    assert [] == found(sql)


def test_reaching_user_code_alone_is_no_finding() -> None:
    assert [] == found("select f(a) from t", reaches=True)
    assert [] == found("insert into t values (f(1))", reaches=True)


def test_every_check_is_in_the_list_and_documents_itself() -> None:
    """One file, one row in ALL; the docstring is the page."""
    names = {module.name for module in pkgutil.iter_modules(checks.__path__)} - {"finding"}

    assert {name.replace("_", "-") for name in names} == {name for name, _ in checks.ALL}
    for name in names:
        page = importlib.import_module(f"pgguard.checks.{name}").__doc__ or ""
        assert page.startswith(name.replace("_", "-") + ": ")
        assert all(part in page for part in ("*Problem*", "*Instead*", "*Exceptions*"))


@pytest.mark.parametrize("path", sorted(POLICIES.glob("*.yaml")), ids=lambda path: path.name)
def test_advice_refuses_nothing_that_the_shipped_policies_speak_of(path: Path) -> None:
    advice = {name for name, _ in checks.ADVICE}

    assert not [rule.name for rule in load(path).rules if advice & set(rule.match.get("check", ()))]


def test_advice_is_asked_of_every_statement_that_has_something_for_it() -> None:
    """``find`` passes over the advice where a statement has neither details nor subcommands."""
    for name in (name for name, _ in checks.ADVICE):
        for sql, says in SPEAKS[name].items():
            assert (name, says) in found(sql), sql


def test_findings_are_plain_data() -> None:
    (finding,) = checks.find(read(b"delete from t").statements[0], "delete from t")

    assert Finding("no-where", NO_WHERE) == finding
