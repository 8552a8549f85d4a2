"""Names: CTE scoping as PostgreSQL does it, and calls that the text does not show."""

from __future__ import annotations

import pytest

from pgguard.sql.read import read


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ("with a as (select 1) select * from a", set()),
        ("with a as (select * from a) select * from a", {"a"}),
        ("with recursive a as (select * from a) select * from a", set()),
        ("with b as (select * from a), a as (select 1) select * from b", {"a"}),
        ("with recursive b as (select * from a), a as (select 1) select * from b", set()),
        ("select * from (with a as (select 1) select * from a) x, a", {"a"}),
        ("select 1 where exists (with a as (select 1) select * from a) and exists (select * from a)", {"a"}),
        ("(with a as (select 1) select * from a) union select * from a", {"a"}),
        ("with a as (select 1) (select * from a union select * from a)", set()),
        ("with a as (select 1) select * from s.a", {"s.a"}),
        ("with a as (select 1) insert into t select * from a", set()),
    ],
)
def test_a_cte_hides_a_table_only_where_it_can_be_seen(sql: str, reads: set[str]) -> None:
    assert reads == {str(name) for name in read(sql.encode()).statements[0].reads}


def test_a_cte_never_hides_a_target() -> None:
    """PostgreSQL looks for the target of a change among tables only."""
    statement = read(b"with a as (select 1) delete from a where x in (select * from a)").statements[0]

    assert (["a"], ()) == ([str(write.relation) for write in statement.writes], statement.reads)


@pytest.mark.parametrize(
    ("sql", "calls"),
    [
        ("select * from f(1) x, rows from (g(2), h(3)) y", {"f", "g", "h"}),
        ("select 1 limit f() offset g()", {"f", "g"}),
        ("select 1 from t group by f(a) having g(a) window w as (order by h(a))", {"f", "g", "h"}),
        ("select 1 from t tablesample s.m(f(1)) repeatable (g(2))", {"s.m", "f", "g"}),
        ("insert into t values (f(1)) on conflict (g(a)) where h(a) do update set b = i(1) where j(1) returning k(1)",
         set("fghijk")),
        ("update t set a[f(1)] = g(2) where h(3) returning i(4)", set("fghi")),
        ("select xmltable.* from xmltable(f(1) passing g(2) columns a int default h(3))", set("fgh")),
        ("select array[f(1)], row(g(2)), (h(3)).x, case when i(4) then j(5) end", set("fghij")),
        ("select distinct on (f(a)) 1 from t order by g(a)", set("fg")),
        ("with x as (select f(1)) cycle a set b to g(2) default h(3) using p select 1", None),
        ("copy (select f(1)) to stdout", {"f"}),
        ("execute p(f(1))", {"f"}),
        ("select merge_action()", {"merge_action"}),
        ("create index on t using s (a o.my_ops)", {"o.my_ops"}),
    ],
)  # fmt: skip
def test_every_call_is_found(sql: str, calls: set[str] | None) -> None:
    result = read(sql.encode())
    if calls is None:
        assert result.error  # PostgreSQL's grammar refuses these: nothing can be missed
    else:
        assert calls == {str(name) for name in result.statements[0].calls}
