"""set-not-null: what it says, and what it leaves alone."""

from __future__ import annotations

from pgguard.checks.set_not_null import NAME, find
from tests.checks.table import table

test_it_speaks, test_it_is_silent = table(
    NAME,
    find,
    speaks={
        "alter table t alter a set not null":
            "the statement sets a column NOT NULL, and reads every row under a lock unless a check says so (t)",
    },
    silent=[
        "alter table t alter a drop not null",
        "alter table t add a int not null default 0",
        "create table t (a int not null)",
    ],
)
