"""always-true: what it says, and what it leaves alone."""

from __future__ import annotations

import pytest

from pgguard.checks.always_true import NAME, find
from pgguard.sql.read import read


@pytest.mark.parametrize(
    ("says", "sql"),
    [
        ("the WHERE of DELETE on t is true for every row whose columns are not NULL", "delete from t where 1 = 1"),
        (
            "the WHERE of DELETE on t is true for every row whose columns are not NULL",
            "delete from t where email like '%@test%' or email not like '%@test%'",
        ),
    ],
)
def test_it_speaks(says: str, sql: str) -> None:
    found = find(read(sql.encode()).statements[0], sql, False)

    assert found is not None
    assert (NAME, says) == (found.check, found.says)


@pytest.mark.parametrize(
    "sql",
    [
        "delete from t where id = 1",
        "select * from t where 1 = 1",
        "update t set a = 1 where x > 0 or x < 0",
    ],
)
def test_it_is_silent(sql: str) -> None:
    assert find(read(sql.encode()).statements[0], sql, False) is None
