"""always-true: what it says, and what it leaves alone."""

from __future__ import annotations

from pgguard.checks.always_true import NAME, find
from tests.checks.table import table

test_it_speaks, test_it_is_silent = table(
    NAME,
    find,
    speaks={
        "delete from t where 1 = 1": "the WHERE of DELETE on t is true for every row whose columns are not NULL",
        "delete from t where email like '%@test%' or email not like '%@test%'":
            "the WHERE of DELETE on t is true for every row whose columns are not NULL",
    },
    silent=[
        "delete from t where id = 1",
        "select * from t where 1 = 1",
        "update t set a = 1 where x > 0 or x < 0",
    ],
)
