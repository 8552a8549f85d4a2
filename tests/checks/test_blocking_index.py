"""blocking-index: what it says, and what it leaves alone."""

from __future__ import annotations

from pgguard.checks.blocking_index import NAME, find
from tests.checks.table import table

test_it_speaks, test_it_is_silent = table(
    NAME,
    find,
    speaks={
        "create index on t (a)": "the statement builds an index, and nobody can write to the table meanwhile (t)",
        "create unique index i on s.t (a)":
            "the statement builds an index, and nobody can write to the table meanwhile (s.t)",
        "reindex table t": "the statement rebuilds an index, and nobody can write to the table meanwhile",
        "drop index i":
            "the statement drops an index, and waits for its users while all others wait for the table",
    },
    silent=[
        "create index concurrently on t (a)",
        "create index on only t (a)",
        "reindex (concurrently) table t",
        "drop index concurrently i",
        "drop table t",
    ],
)
