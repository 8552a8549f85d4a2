"""unique-without-index: what it says, and what it leaves alone."""

from __future__ import annotations

from pgguard.checks.unique_without_index import NAME, find
from tests.checks.table import table

test_it_speaks, test_it_is_silent = table(
    NAME,
    find,
    speaks={
        "alter table t add unique (a)": "the statement adds a unique constraint and builds its index under a lock (t)",
        "alter table t add constraint p primary key (a)":
            "the statement adds a primary key and builds its index under a lock (t)",
        "alter table t add exclude using gist (a with &&)":
            "the statement adds an exclusion constraint and builds its index under a lock (t)",
        "alter table t add a int unique":
            "the statement adds a column with a key and builds its index under a lock (t)",
    },
    silent=[
        "alter table t add unique using index i",
        "alter table t add primary key using index i",
        "create table t (a int unique)",
        "alter table t add a int",
    ],
)
