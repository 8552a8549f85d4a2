"""no-where: what it says, and what it leaves alone."""

from __future__ import annotations

from pgguard.checks.no_where import NAME, find
from tests.checks.table import table

test_it_speaks, test_it_is_silent = table(
    NAME,
    find,
    speaks={
        "delete from t": "an UPDATE or DELETE has no WHERE and changes every row (statement writes t)",
        "update t set a = 1": "an UPDATE or DELETE has no WHERE and changes every row (statement writes t)",
        "with d as (delete from t returning *) select * from d":
            "an UPDATE or DELETE has no WHERE and changes every row (statement writes t)",
        "explain analyze delete from t": "an UPDATE or DELETE has no WHERE and changes every row (statement writes t)",
    },
    silent=[
        "delete from t where id = 1",
        "insert into t values (1) on conflict (a) do update set b = 1",
        "merge into t using s on a = b when matched then delete",
        "explain delete from t",
        "prepare p as delete from t",
    ],
)
