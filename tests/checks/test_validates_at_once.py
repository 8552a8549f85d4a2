"""validates-at-once: what it says, and what it leaves alone."""

from __future__ import annotations

from pgguard.checks.validates_at_once import NAME, find
from tests.checks.table import table

test_it_speaks, test_it_is_silent = table(
    NAME,
    find,
    speaks={
        "alter table t add check (a > 0)":
            "the statement adds a check that is not NOT VALID, and reads every row under a lock (t)",
        "alter table t add foreign key (a) references u":
            "the statement adds a foreign key that is not NOT VALID, and reads every row with both tables locked (t)",
        "alter table t add constraint n not null a":
            "the statement adds a NOT NULL that is not NOT VALID, and reads every row under a lock (t)",
    },
    silent=[
        "alter table t add check (a > 0) not valid",
        "alter table t add foreign key (a) references u not valid",
        "alter table t validate constraint c",
        "create table t (a int references u)",
    ],
)
