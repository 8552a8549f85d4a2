"""column-type: what it says, and what it leaves alone."""

from __future__ import annotations

from pgguard.checks.column_type import NAME, find
from tests.checks.table import table

test_it_speaks, test_it_is_silent = table(
    NAME,
    find,
    speaks={
        "alter table t alter a type bigint":
            "the statement changes the type of a column, for which the table may be written anew (t)",
        "alter table t alter a type int using a::int, alter b set default 1":
            "the statement changes the type of a column, for which the table may be written anew (t)",
    },
    silent=[
        "alter table t alter a set default 1",
        "alter table t add a bigint",
    ],
)
