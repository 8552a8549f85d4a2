"""sqlglot's opinion on conditions: constants that it folds, nothing where it does not know, never a crash."""

from __future__ import annotations

import pytest

from pgguard.sql.second_opinion import MAX_BYTES, true_for_every_row


@pytest.mark.parametrize(
    "sql",
    [
        "delete from t where 1 + 1 = 2",
        "update t set a = 1 where 'a' || 'b' = 'ab'",
        "delete from t where date '2020-01-01' < date '2021-01-01'",
        "with gone as (delete from t where 2 > 1 returning *) select * from gone",
        "select 1; delete from t where case when true then true end",
    ],
)
def test_what_comes_to_true(sql: str) -> None:
    (says,) = true_for_every_row(sql)

    assert says.endswith(" on t is true for every row whose columns are not NULL")


@pytest.mark.parametrize(
    "sql",
    [
        "delete from t", "delete from t where id = 1", "delete from t where a or b", "select 1 where 1 = 1",
        "delete from t where f(1) = 1", "delete from t where 1 = 2", "delete from t where null is null and a > 1",
        "selec 1", "", "merge into t using s on true when matched then delete",
        "delete from t where " + "(" * 5_000 + "true" + ")" * 5_000,
        "delete from t where 1 = 1 or " + "x" * MAX_BYTES + " = 1",
        "delete from t where " + " + ".join(["1"] * 900) + " = 900",
        "delete from t where (a = 1) is unknown or (a = 1) is not unknown",
        "delete from t where " + " or ".join(f"a = {n}" for n in range(50)) + " or true",
    ],
)  # fmt: skip
def test_what_does_not_or_is_not_known(sql: str) -> None:
    assert list(true_for_every_row(sql)) == []
