"""The lists of additions: short, asked only where a catalog changed, and readable by everybody."""

from __future__ import annotations

from typing import Any

from pgguard.evidence.additions import additions
from pgguard.evidence.envelope import PREFIX
from pgguard.evidence.reading import CATALOGS
from pgguard.evidence.victims import parse_victims

ALL = frozenset(CATALOGS.values())


def ask(run: Any, changed: frozenset[str] = ALL, *, inside: bool = True) -> list[list[Any]]:
    return parse_victims(run(PREFIX + " UNION ALL ".join(additions(changed, inside))))


def test_only_changed_catalogs_are_asked_for() -> None:
    assert list(additions(frozenset(), True)) == []
    assert list(additions(frozenset({"pg_depend", "pg_attribute"}), False)) != list(additions(ALL, False))
    assert len(list(additions(frozenset({"pg_auth_members"}), True))) == 1


def test_inside_lists_what_the_transaction_wrote(shop: Any) -> None:
    shop.run("create domain w.d as int")
    shop.run("begin; create table w.new (id int default 1); grant select on w.new to other")
    whole = ("domain", "member", "default privileges")
    rows = [row for row in ask(shop.run) if row[0] not in whole]
    assert [row[0] for row in rows if row[-1] is not None] == ["code", "owner", "rights"], rows
    assert rows[0][2] == "default"
    # Privileges on columns that nobody has: where there were some, they were revoked.
    assert {row[1].split(".")[0] for row in rows if row[-1] is None} == {"pg_attribute"}
    shop.run("rollback")
    assert [row for row in ask(shop.run) if row[0] not in whole] == []


def test_outside_lists_what_it_replaced(shop: Any) -> None:
    shop.run("begin; grant select on w.a to other; drop trigger a_trg on w.a")
    asked = ask(lambda sql: shop.outside.execute(sql).fetchall(), inside=False)
    rights = [row[2] for row in asked if row[:2] == ["rights", f"pg_class.{shop.oid('w.a')}"]]
    assert rights == [None]
    assert [row[5] for row in asked if row[:3:2] == ["code", "trigger"]] == ["a_trg"]
    shop.run("rollback")


def test_a_savepoint_is_part_of_its_transaction(shop: Any) -> None:
    shop.run("begin; savepoint a; create rule x as on delete to w.b do instead nothing; release a")
    assert [row[5] for row in ask(shop.run) if row[2:3] == ["rule"]] == ["x"]
    shop.run("rollback")


def test_functions_of_the_query_are_not_those_of_the_client(shop: Any) -> None:
    shop.run("create function w.age(xid) returns int language sql immutable as 'select 1'")
    shop.run("create function w.f2(int) returns int language sql immutable as 'select 1'")
    shop.run("set search_path = w, pg_catalog; set standard_conforming_strings = off")
    shop.run("begin; create index on w.own (w.f2(v))")
    (row,) = (row for row in ask(shop.run) if row[2:3] == ["index"])
    assert [function[1] for function in row[7]] == ["f2"]
    shop.run("rollback")
