"""Key terms: exactly the shape that a proof may build on, and nothing near it."""

from __future__ import annotations

import pytest

from pgguard.sql.read import read
from pgguard.sql.statement import KeyTerm, Value


def terms(sql: str) -> tuple[KeyTerm, ...] | None:
    return read(sql.encode()).statements[0].key_terms


INTEGER, STRING = Value("integer"), Value("string")


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("id = 1", [("id", INTEGER)]),
        ("1 = id", [("id", INTEGER)]),
        ("id = -1", [("id", INTEGER)]),
        ("id = 0", [("id", INTEGER)]),
        ("t.id = 3000000000", [("id", Value("bigint"))]),
        ("id = -3000000000", [("id", Value("bigint"))]),
        ("id = 99999999999999999999", [("id", Value("numeric"))]),
        ("id = 1.5", [("id", Value("numeric"))]),
        ("id = 'x'", [("id", STRING)]),
        ("id = true", [("id", Value("boolean"))]),
        ("id = $2", [("id", Value("param", 2))]),
        ("id = 'x'::uuid", [("id", Value("uuid"))]),
        ("id = 5::pg_catalog.int8", [("id", Value("int8"))]),
        ("id = int '5'", [("id", Value("int4"))]),
        ("id in (1, $1, 'x')", [("id", INTEGER, Value("param", 1), STRING)]),
        ("a = 1 and (b = 'x' and c = $1) and f(d) > 3", [("a", INTEGER), ("b", STRING), ("c", Value("param", 1))]),
    ],
)
def test_usable_terms(where: str, expected: list[tuple[str, Value]]) -> None:
    assert tuple(KeyTerm(column, values) for column, *rest in expected for values in [tuple(rest)]) == terms(
        f"delete from t where {where}"
    )


@pytest.mark.parametrize(
    "where",
    [
        "id = 1 or id = 2",
        "not id = 1",
        "id = null",
        "id in (1, null)",
        "id in (select 1)",
        "id = any($1)",
        "id = any(array[1])",
        "id not in (1)",
        "id <> 1",
        "id operator(s.=) 1",
        "id operator(pg_catalog.=) 1",
        "id::text = '1'",
        "id = 'x' collate \"C\"",
        "id collate \"C\" = 'x'",
        "(id, b) = (1, 2)",
        "id = 1 + 1",
        "id = f(1)",
        "id = other",
        "other.id = 1",
        "id = $1::int",
        "id = 1::int::bigint",
        "id = 'x'::mytype",
        "id = 'x'::s.uuid",
        "id = 'abc'::varchar(2)",
        "id = '{1}'::int[]",
        "id is not distinct from 1",
        "id between 1 and 1",
        "(t).id = 1",
        "t.* = 1",
        "s.t.id = 1",
        "id[1] = 1",
        "current_user = 'x'",
    ],
)
def test_everything_else_is_no_term(where: str) -> None:
    assert () == terms(f"delete from t where {where}")


@pytest.mark.parametrize(
    "sql",
    [
        "delete from t using s where t.id = 1",
        "update t set a = 1 from s where t.id = 1",
        "with x as (select 1) delete from t where id = 1",
        "delete from t where current of c",
        "select * from t where id = 1",
        "insert into t values (1)",
        "explain delete from t where id = 1",
        "merge into t using s on true when matched then delete",
    ],
)
def test_other_statements_are_not_the_shape(sql: str) -> None:
    assert terms(sql) is None


def test_an_alias_hides_the_name_of_the_table() -> None:
    assert (KeyTerm("id", (INTEGER,)),) == terms("delete from t x where x.id = 1")
    assert () == terms("delete from t x where t.id = 1")


def test_prepare_gives_parameters_their_declared_types() -> None:
    """A parameter declared float8 is compared with another operator than the index's own."""

    def inner(sql: str) -> tuple[KeyTerm, ...] | None:
        return read(sql.encode()).statements[0].inner[0].key_terms

    assert (KeyTerm("id", (Value("float8"),)),) == inner("prepare p(float8) as delete from t where id = $1")
    assert (KeyTerm("id", (Value("param", 2),)),) == inner("prepare p(int) as delete from t where id = $2")
    assert (KeyTerm("id", (Value("param", 1),)),) == inner("prepare p as delete from t where id = $1")
    assert inner("prepare p(s.int8) as delete from t where id = $1") is None
    assert inner("prepare p(int[]) as delete from t where id = $1") is None


@pytest.mark.parametrize(
    ("sql", "reused"),
    [
        ("delete from t where id = $1", set()),
        ("delete from t where id = $1 and b = $2", set()),
        ("delete from t where f > $1 and id = $1", {1}),
        ("update t set a = $2 where id = $1 and b in ($2, $3)", {2}),
        ("update t set a = (select f($1)) where id = $1 returning $2", {1}),
        ("delete from t where id = $1 and exists (select 1 from u where v = $1)", {1}),
    ],
)
def test_parameters_used_twice_are_told(sql: str, reused: set[int]) -> None:
    """The first use decides the type of an open parameter: a bigint key may then be compared with a float8."""
    assert reused == read(sql.encode()).statements[0].reused_params


def test_without_terms_parameters_are_not_counted() -> None:
    assert read(b"select $1 where a = $1").statements[0].reused_params is None
