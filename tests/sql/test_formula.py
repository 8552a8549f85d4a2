"""Conditions in every disguise: as formulas, they are found to be true for every row, or left alone."""

from __future__ import annotations

import pytest

from pgguard.sql.predicate import always_true

ALIKE = "the ON of MERGE on t asks nothing of its rows: it changes all of them or none"
SAYS = "the WHERE of DELETE on t is true for every row whose columns are not NULL"


@pytest.mark.parametrize(
    "where",
    [
        "exists (select 1)", "exists (values (1))", "exists (select 1 from t)", "exists (select * from t limit 1)",
        "exists (select count(*) from u where false)", "not exists (select 1 where false)",
        "exists (select 1 from t x where x.id = t.id)", "exists (select 1 from t x where x.id = t.id and 1 = 1)",
        "id in (select id from t)", "id in (select id from t where true)", "id in (select x.id from t x)",
        "id in (select id)", "id in (id, 3)", "id = any(array[id])", "id = any(select id from t order by id)",
        "id <> all('{}')", "not id = any('{}')", "id not in (select id where false)", "t.id in (select id from t)",
        "x between '-infinity' and 'infinity'", "name >= ''", "length(name) >= 0", "abs(x) > -1", "count(x) >= 0",
        "coalesce(x, 1) is not null", "coalesce(null, true)", "coalesce(x, '') = coalesce(x, '')", "coalesce(true, x)",
        "case when x = 1 then true else true end", "case x when 1 then x = 1 else x <> 1 end",
        "(x = 1) is not null or x = 2 or x <> 2", "(x is null) is not null", "1 is not null", "'t'::boolean",
        "'yes' = 'yes'",
        "(x = 1) = (x = 1)", "(x > 1) <> (x <= 1)", "(x = 1) in (true, false)", "row(x, y) = row(x, y)",
        "x is not distinct from x", "x is distinct from null or x is null", "name like '%' || '%'", "name ~~ '%'",
        "name similar to '%'", "'1' = 1", "- x = - x", "x::int8 = x::bigint", "(select true)", "(select 1) = 1",
        "x + 1 = x + 1",
        "x % 2 = 0 or x % 2 <> 0", "now() = now()", "name operator(pg_catalog.~~) '%'", "not (x = 1 and x = 2)",
        "(x = 1) is distinct from (x <> 1)", "lower(name) like 'a' or lower(name) not like 'a'",
    ],
)  # fmt: skip
def test_disguises_are_seen_through(where: str) -> None:
    assert SAYS == always_true(f"delete from t where {where}")


def test_merge_has_its_condition_in_on() -> None:
    every = "the ON of MERGE on t is true for every row whose columns are not NULL"

    assert every == always_true("merge into t using s on true when matched then delete")
    assert every == always_true("merge into t using s on t.id = t.id when matched and 1 = 1 then update set a = 1")
    assert always_true("merge into t using s on s.id = 1 when matched then delete") == ALIKE
    assert always_true("merge into t using s on true when matched and t.x = 1 then delete") is None


def test_all_integers_are_named_as_such() -> None:
    says = SAYS.replace("are not NULL", "are integers and not NULL")

    assert says == always_true("delete from t where id between -2147483648 and 2147483647")
    assert says == always_true("delete from t where id between -9223372036854775808 and 9223372036854775807")
    assert always_true("delete from t where id not between -2147483648 and 2147483647") is None


@pytest.mark.parametrize(
    "text",
    [
        "delete from t using u where t.id = u.id", "delete from t using u where id = 1",
        "delete from t using u where u.id = id",
        "update t set a = u.b from u where u.id = t.id and u.x",
        "delete from t where exists (select 1 from u where u.id = t.id)",
        "delete from t where exists (select 1 from u where id = 1)", "delete from t where id in (select id from u)",
        "delete from t where id in (select other from t)", "delete from t where id in (select id from t where x = 1)",
        "delete from t where id in (select id from t limit 5)", "delete from t where id in (select max(id) from t)",
        "delete from t where id not in (select id from t where x = 1)",
        "delete from t where id in (select id from s.t)",
        "with t as (select 1 as id) delete from t where id in (select id from t)",
        "delete from t where id in (select distinct on (x) id from t)",
        "delete from t where id in (select min(id) from t group by x)",
        "delete from t using u where id in (select id from t)",
        "delete from t where not exists (select 1 from t x where x.id > t.id)",
        "delete from t where exists (select 1 from t x where x.parent = t.id)", "delete from t where random() < 0.5",
        "delete from t where random() < 0.5 or random() >= 0.5", "delete from t where false",
        "delete from t where 1 = 0",
        "delete from t where null", "delete from t where not null", "delete from t where x <> null",
        "delete from t where not (x = null)",
        "delete from t where null = null or x = 1", "delete from t where x is not null",
        "delete from t where deleted_at is null",
        "delete from t where coalesce(x, 0) = 0", "delete from t where coalesce(active, false)",
        "delete from t where active",
        "delete from t where not active", "delete from t where x between 0 and 2147483647",
        "delete from t where name > ''",
        "delete from t where name <> ''", "delete from t where length(name) > 0",
        "delete from t where length(name) >= 1",
        "delete from t where name like '_%'", "delete from t where x in (true)",
        "delete from t where now() - at > interval '1 day'",
        "delete from t where case when x = 1 then true else false end",
        "delete from t where case when x = 1 then true end",
        "delete from t where (x = 1) = (y = 1)", "delete from t where x > 0 and x < 100",
        "delete from t where x = 1 or y <> 1",
        "delete from t where user_visible(t)", "delete from t where t.*::text like '%a%'",
        "delete from t where x = all(y)",
        "delete from t where f(x)", "delete from t where id = $1 or $2",
        "delete from t where x >= '-infinity'::date and y = 1",
        "delete from t where 'a' < 'b' and x = 1", "update t set a = 1 where b = 2",
        "delete from t where current_user = name",
        "delete from t where x::int4 = 1 or x::int8 <> 1", "delete from t where ctid in (select ctid from t limit 100)",
        "merge into t using s on t.id = s.id when matched then delete", "delete from t where x > 5 or x <= '4'",
        "merge into t using s on t.id = s.id when matched and true then update set a = 1",
        "merge into t using s on t.id = s.id when not matched by source then delete",
    ],
)  # fmt: skip
def test_what_chooses_rows_is_left_alone(text: str) -> None:
    assert always_true(text) is None
