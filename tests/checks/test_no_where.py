"""no-where: what it says, and what it leaves alone."""

from __future__ import annotations

import pytest

from pgguard.checks.no_where import NAME, find
from pgguard.sql.read import read


@pytest.mark.parametrize(
    ("says", "sql"),
    [
        ("an UPDATE or DELETE has no WHERE and changes every row (statement writes t)", "delete from t"),
        ("an UPDATE or DELETE has no WHERE and changes every row (statement writes t)", "update t set a = 1"),
        (
            "an UPDATE or DELETE has no WHERE and changes every row (statement writes t)",
            "with d as (delete from t returning *) select * from d",
        ),
        (
            "an UPDATE or DELETE has no WHERE and changes every row (statement writes t)",
            "explain analyze delete from t",
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
        "insert into t values (1) on conflict (a) do update set b = 1",
        "merge into t using s on a = b when matched then delete",
        "explain delete from t",
        "prepare p as delete from t",
    ],
)
def test_it_is_silent(sql: str) -> None:
    assert find(read(sql.encode()).statements[0], sql, False) is None
