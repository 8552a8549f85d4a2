"""runs-code-later: what it says, and what it leaves alone."""

from __future__ import annotations

from pgguard.checks.runs_code_later import NAME, find
from tests.checks.table import table

test_it_speaks, test_it_is_silent = table(
    NAME,
    find,
    speaks={
        "create trigger a before insert on t execute function f()": "a trigger will run with later statements",
        "create rule r as on insert to t do nothing": "a rule will rewrite later statements",
        "create event trigger e on ddl_command_end execute function f()":
            "an event trigger will run with later commands",
        "create policy p on t using (true)": "a policy will run with later statements",
        "create schema s create trigger a before insert on t execute function f()":
            "a trigger will run with later statements",
    },
    silent=[
        "create index on t (a)",
        "create table t (a int)",
        "drop trigger a on t",
    ],
)


test_expressions_count, test_and_only_over_user_code = table(
    NAME,
    find,
    reaches=True,
    speaks={
        "create index on t (f(a))": "an index will run user code, also in autovacuum",
        "create statistics s on (f(a)), b from t": "extended statistics will run user code, also in autovacuum",
        "create table t (a int default f())":
            "a table's defaults, checks, generated columns or partition key will run user code",
        "alter table t add check (f(a))": "a table's defaults, checks or generated columns will run user code",
        "create domain d as int check (f(value))": "a domain will run user code wherever it is used",
    },
    silent=["create index on t (f(a))", "create table t (a int default f())", "alter table t add check (f(a))"],
)
