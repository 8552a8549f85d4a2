"""Every check: statements that it speaks of, with its exact sentence, and statements that it leaves alone."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

from pgguard import checks
from pgguard.checks.finding import Finding
from pgguard.sql.read import read


def found(sql: str, reaches: bool = False) -> list[tuple[str, str]]:
    (statement,) = read(sql.encode()).statements
    return [(finding.check, finding.says) for finding in checks.find(statement, sql, reaches)]


NO_WHERE = "an UPDATE or DELETE has no WHERE and changes every row (statement writes t)"
TRUE = "the WHERE of DELETE on t is true for every row whose columns are not NULL"
FILES = "COPY reads or writes a file of the server, or runs a program on it"
CASES = [
    ("no-where", NO_WHERE, "delete from t"),
    ("no-where", NO_WHERE, "update t set a = 1"),
    ("no-where", NO_WHERE, "with d as (delete from t returning *) select * from d"),
    ("no-where", NO_WHERE, "explain analyze delete from t"),
    ("always-true", TRUE, "delete from t where 1 = 1"),
    ("always-true", TRUE, "delete from t where email like '%@test%' or email not like '%@test%'"),
    ("disables-safety", "the statement disables a trigger (t)", "alter table t disable trigger a"),
    (
        "disables-safety",
        "the statement disables every trigger, foreign keys included (t)",
        "alter table t disable trigger all",
    ),
    (
        "disables-safety",
        "the statement disables every trigger that users made (t)",
        "alter table t disable trigger user",
    ),
    ("disables-safety", "the statement disables a rule (t)", "alter table t disable rule r"),
    (
        "disables-safety",
        "the statement disables row level security (s.t)",
        "alter table s.t disable row level security",
    ),
    (
        "disables-safety",
        "the statement exempts the owner from row level security (t)",
        "alter table t no force row level security",
    ),
    ("disables-safety", "the statement makes a table lose its rows in a crash (t)", "alter table t set unlogged"),
    ("disables-safety", "the statement disables an event trigger", "alter event trigger e disable"),
    (
        "disables-safety",
        "the statement disables triggers and foreign keys for the session",
        "set local session_replication_role = replica",
    ),
    ("disables-safety", "the statement switches row_security off", "set row_security to off"),
    ("changes-roles", "privileges on objects are granted or revoked", "grant select on t to x"),
    ("changes-roles", "membership in a role is granted or revoked", "revoke a from b"),
    (
        "changes-roles",
        "privileges on objects to come are granted or revoked",
        "alter default privileges grant select on tables to x",
    ),
    ("changes-roles", "a role is created", "create user a"),
    ("changes-roles", "a role is dropped", "drop role a"),
    ("changes-roles", "a role is changed", "alter role a password 'x'"),
    ("changes-roles", "a role is changed", "alter role a rename to b"),
    ("changes-roles", "a setting of a role is changed", "alter role a set b = 1"),
    ("changes-roles", "everything that a role owns changes its owner", "reassign owned by a to b"),
    (
        "changes-roles",
        "everything that a role owns is dropped, and its privileges are revoked",
        "drop owned by a",
    ),
    ("changes-roles", "an object changes its owner", "alter table t owner to a"),
    ("changes-roles", "an object changes its owner", "alter function f() owner to a"),
    ("changes-roles", "privileges on objects are granted or revoked", "grant a on table t to b"),
    (
        "runs-code-later",
        "a trigger will run with later statements",
        "create trigger a before insert on t execute function f()",
    ),
    ("runs-code-later", "a rule will rewrite later statements", "create rule r as on insert to t do nothing"),
    (
        "runs-code-later",
        "an event trigger will run with later commands",
        "create event trigger e on ddl_command_end execute function f()",
    ),
    ("runs-code-later", "a policy will run with later statements", "create policy p on t using (true)"),
    (
        "runs-code-later",
        "a trigger will run with later statements",
        "create schema s create trigger a before insert on t execute function f()",
    ),
    ("reads-files", FILES, "copy t from '/x'"),
    ("reads-files", FILES, "copy t to program 'x'"),
]


@pytest.mark.parametrize(("check", "says", "sql"), CASES, ids=lambda value: value[:50])
def test_a_check_speaks(check: str, says: str, sql: str) -> None:
    assert [(check, says)] == found(sql)


REACHING = [
    ("an index will run user code, also in autovacuum", "create index on t (f(a))"),
    ("extended statistics will run user code, also in autovacuum", "create statistics s on (f(a)), b from t"),
    (
        "a table's defaults, checks, generated columns or partition key will run user code",
        "create table t (a int default f())",
    ),
    (
        "a table's defaults, checks or generated columns will run user code",
        "alter table t add check (f(a))",
    ),
    ("a domain will run user code wherever it is used", "create domain d as int check (f(value))"),
]


@pytest.mark.parametrize(("says", "sql"), REACHING, ids=lambda value: value[:50])
def test_expressions_count_only_over_user_code(says: str, sql: str) -> None:
    assert [("runs-code-later", says)] == found(sql, reaches=True)
    assert [] == found(sql, reaches=False)


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
        "create index on t (a)",
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


def test_findings_are_plain_data() -> None:
    (finding,) = checks.find(read(b"delete from t").statements[0], "delete from t")

    assert Finding("no-where", NO_WHERE) == finding
