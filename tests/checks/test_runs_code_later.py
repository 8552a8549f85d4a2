"""runs-code-later: what it says, and what it leaves alone."""

from __future__ import annotations

import pytest

from pgguard.checks.runs_code_later import NAME, find
from pgguard.sql.read import read


@pytest.mark.parametrize(
    ("says", "sql"),
    [
        ("a trigger will run with later statements", "create trigger a before insert on t execute function f()"),
        ("a rule will rewrite later statements", "create rule r as on insert to t do nothing"),
        (
            "an event trigger will run with later commands",
            "create event trigger e on ddl_command_end execute function f()",
        ),
        ("a policy will run with later statements", "create policy p on t using (true)"),
        (
            "a trigger will run with later statements",
            "create schema s create trigger a before insert on t execute function f()",
        ),
    ],
)
def test_it_speaks(says: str, sql: str) -> None:
    found = find(read(sql.encode()).statements[0], sql, False)

    assert found is not None
    assert (NAME, says) == (found.check, found.says)


@pytest.mark.parametrize(
    "sql",
    [
        "create index on t (a)",
        "create table t (a int)",
        "drop trigger a on t",
    ],
)
def test_it_is_silent(sql: str) -> None:
    assert find(read(sql.encode()).statements[0], sql, False) is None


@pytest.mark.parametrize(
    ("says", "sql"),
    [
        (
            "an index will run user code, also in autovacuum",
            "create index on t (f(a))",
        ),
        (
            "extended statistics will run user code, also in autovacuum",
            "create statistics s on (f(a)), b from t",
        ),
        (
            "a table's defaults, checks, generated columns or partition key will run user code",
            "create table t (a int default f())",
        ),
        (
            "a table's defaults, checks or generated columns will run user code",
            "alter table t add check (f(a))",
        ),
        (
            "a domain will run user code wherever it is used",
            "create domain d as int check (f(value))",
        ),
    ],
)
def test_expressions_count_only_over_user_code(says: str, sql: str) -> None:
    statement = read(sql.encode()).statements[0]
    found = find(statement, sql, True)

    assert found is not None
    assert says == found.says
    assert find(statement, sql, False) is None
