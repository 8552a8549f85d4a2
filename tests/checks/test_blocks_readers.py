"""blocks-readers: what it says, and what it leaves alone."""

from __future__ import annotations

from pgguard.checks.blocks_readers import NAME, find
from tests.checks.table import table

test_it_speaks, test_it_is_silent = table(
    NAME,
    find,
    speaks={
        "refresh materialized view m": "the statement refreshes a materialized view, and nobody can read it meanwhile",
        "alter table t detach partition p":
            "the statement detaches a partition, and waits for its users while all others wait for the table (t)",
    },
    silent=[
        "refresh materialized view concurrently m",
        "refresh materialized view m with no data",
        "alter table t detach partition p concurrently",
        "alter table t attach partition p default",
    ],
)
