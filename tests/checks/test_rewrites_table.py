"""rewrites-table: what it says, and what it leaves alone."""

from __future__ import annotations

from pgguard.checks.rewrites_table import NAME, find
from tests.checks.table import table

test_it_speaks, test_it_is_silent = table(
    NAME,
    find,
    speaks={
        "alter table t add a serial": "the statement adds a serial column, for which the table is written anew (t)",
        "alter table t add a int generated always as identity":
            "the statement adds an identity column, for which the table is written anew (t)",
        "alter table t add a int generated always as (b + 1) stored":
            "the statement adds a stored generated column, for which the table is written anew (t)",
        "alter table t add a uuid default gen_random_uuid()":
            "the statement adds a column with a volatile default, for which the table is written anew (t)",
        "alter table t set logged": "the statement writes the table anew to make it logged (t)",
        "alter table t set tablespace x": "the statement moves the table to another tablespace (t)",
        "vacuum full": "the statement writes whole tables anew, one after the other, and nobody can use them meanwhile",
        "cluster t": "the statement writes the table anew in the order of an index, and nobody can use it meanwhile",
    },
    silent=[
        "alter table t add a int default 0",
        "alter table t add a timestamptz default now()",
        "alter table t add a int generated always as (b + 1) virtual",
        "vacuum t",
        "create table t (a serial)",
    ],
)
