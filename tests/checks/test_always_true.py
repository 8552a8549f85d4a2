"""always-true: what it says, and what it leaves alone."""

from __future__ import annotations

from pgguard.checks import by_value
from pgguard.checks.always_true import NAME, find
from pgguard.checks.finding import Finding
from pgguard.sql.read import read
from tests.checks.table import table

test_it_speaks, test_it_is_silent = table(
    NAME,
    find,
    speaks={
        "delete from t where 1 = 1": "the WHERE of DELETE on t is true for every row whose columns are not NULL",
        "delete from t where email like '%@test%' or email not like '%@test%'":
            "the WHERE of DELETE on t is true for every row whose columns are not NULL",
        "update t set a = 1 where x = x": "the WHERE of UPDATE on t is true for every row whose columns are not NULL",
        "with d as (delete from t where true returning *) select * from d":
            "the WHERE of DELETE on t is true for every row whose columns are not NULL",
        "delete from t using u where u.blocked":
            "the WHERE of DELETE on t asks nothing of its rows: it changes all of them or none",
        "merge into t using u on true when matched then delete":
            "the ON of MERGE on t is true for every row whose columns are not NULL",
    },
    silent=[
        "delete from t where id = 1",
        "select * from t where 1 = 1",
        "delete from t using u where u.id = t.id and u.blocked",
        "delete from t where deleted_at is not null",
        "update t set a = 1 where x > 0 or x < 0",
    ],
)


def test_all_statements_of_a_text_are_looked_at_together() -> None:
    """One limit of work for the whole text; what was found elsewhere is believed."""
    text = b"delete from a where 1 = 1; select 1; update b set c = 2 where d is null or d is not null"
    statements = read(text).statements

    assert ["a", "b"] == [found.says.split()[5] for found in by_value(statements, text)]
    assert [Finding(NAME, "said")] == [*by_value(statements, text, ("said",))]
    assert () == by_value(statements[1:2], text)


def test_values_of_a_bind_and_columns_that_cannot_be_null_are_known() -> None:
    text = b"delete from t where id = $1 or $2"
    statements = read(text).statements

    assert by_value(statements, text, params={1: "7", 2: "t"})
    assert not by_value(statements, text, params={1: "7", 2: "f"})
    assert not by_value(statements, text)
    text = b"delete from t where id is not null"
    assert by_value(read(text).statements, text, not_null=lambda name: frozenset({"id"}))
    assert not by_value(read(text).statements, text)
