"""required-column: what it says, and what it leaves alone."""

from __future__ import annotations

from pgguard.checks.required_column import NAME, find
from tests.checks.table import table

test_it_speaks, test_it_is_silent = table(
    NAME,
    find,
    speaks={
        "alter table t add a int not null": "the statement adds a column that must not be NULL and has no default (t)",
    },
    silent=[
        "alter table t add a int not null default 0",
        "alter table t add a int",
        "alter table t add a int generated always as identity",
        "alter table t add a serial not null",
    ],
)
