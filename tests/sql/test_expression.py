"""What an expression asks of the row, what its parameters and its columns make of it, and which constant it is."""

from __future__ import annotations

import pytest

from pgguard.sql.predicate import always_true
from pgguard.sql.statement import Name

SAYS = "the WHERE of DELETE on t is true for every row whose columns are not NULL"
ALIKE = "the WHERE of DELETE on t asks nothing of its rows: it changes all of them or none"


@pytest.mark.parametrize(
    "text",
    [
        "delete from t using u where u.x = 1",
        "delete from t using u, v where u.x = v.x and u.y > 5",
        "delete from t using u where t.id = t.id and u.x = 1",
        "delete from t using u join v on u.id = v.id where v.name = 'x'",
        "delete from t using (select 1 as x from v) as u where u.x = 1",
        "delete from t using t as b where b.id = 5",
        "delete from t where exists (select 1 from u)",
        "delete from t where exists (select 1 from u where u.x = 1)",
        "delete from t where (select count(*) from u) > 0",
        "delete from t where now() > '2020-01-01'",
        "delete from t where $1",
        "delete from t where $1 = 1",
        "delete from t where current_date = '2020-01-01' or pg_is_in_recovery()",
        "delete from t where (select u.x from u limit 1) = 'a'",
        "delete from t x where exists (select 1 from t where t.id = 1)",
    ],
)
def test_conditions_that_ask_nothing_of_the_row(text: str) -> None:
    """The join without a condition, the subquery that was meant to be tied to the row and is not."""
    assert ALIKE == always_true(text)


@pytest.mark.parametrize(
    ("where", "params", "found"),
    [
        ("$1 is null or x = $1", {1: None}, True),
        ("$1 is null or x = $1", {1: "5"}, False),
        ("name like $1", {1: "%"}, True),
        ("name like $1", {1: "a%"}, False),
        ("name like '%' || $1 || '%'", {1: ""}, True),
        ("x = $1 or x <> $2", {1: "5", 2: "5"}, True),
        ("x = $1 or x <> $2", {1: "5", 2: "6"}, False),
        ("$1 = $2", {1: "a", 2: "a"}, True),
        ("$1::int = 1", {1: "1"}, True),
        ("$1::boolean or x = 1", {1: "true"}, True),
        ("x = coalesce($1, x)", {1: None}, True),
        ("x = coalesce($1, x)", {1: "5"}, False),
        ("x = coalesce($1, $2, x)", {1: None, 2: None}, True),
        ("x between $1 and $2", {1: "-infinity", 2: "infinity"}, True),
    ],
)
def test_parameters_can_make_it_so(where: str, params: dict[int, str | None], found: bool) -> None:
    assert (SAYS if found else None) == always_true(f"delete from t where {where}", params)


def test_what_cannot_be_null_is_asked_of_the_catalog() -> None:
    def not_null(table: Name) -> frozenset[str]:
        return frozenset({"id"}) if table == Name("t", "s") else frozenset()

    assert always_true("delete from s.t where id is not null", None, not_null) is not None
    assert always_true("delete from s.t as x where x.id is not null", None, not_null) is not None
    assert always_true("delete from s.t where note is not null", None, not_null) is None
    assert always_true("delete from t where id is not null", None, not_null) is None
    assert always_true("delete from s.t where id is null or note = 'x'", None, not_null) is None
