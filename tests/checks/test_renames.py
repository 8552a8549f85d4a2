"""renames: what it says, and what it leaves alone."""

from __future__ import annotations

from pgguard.checks.renames import NAME, find
from tests.checks.table import table

test_it_speaks, test_it_is_silent = table(
    NAME,
    find,
    speaks={
        "alter table t rename to u": "the statement renames a table (t)",
        "alter table s.t rename a to b": "the statement renames a column (s.t)",
        "alter view v rename to w": "the statement renames a view (v)",
        "alter function f() rename to g": "the statement renames a function",
        "alter schema s rename to r": "the statement renames a schema",
        "alter type e rename value 'a' to 'b'": "the statement renames a value of an enum type",
        "alter type c rename attribute a to b": "the statement renames a field of a type (c)",
        "alter database d rename to e": "the statement renames a database",
        "alter table t set schema s": "the statement moves an object to another schema",
    },
    silent=[
        "alter index i rename to j",
        "alter table t rename constraint a to b",
        "alter trigger a on t rename to b",
        "alter table t add a int",
        "alter type e add value 'c'",
    ],
)
