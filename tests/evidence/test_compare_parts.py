"""What is destroyed of constraints, triggers, rules, policies and indexes, asked of a real server."""

from __future__ import annotations

from typing import Any

import pytest

NOTHING: list[str] = []
CASES: list[tuple[str, list[str]]] = [
    ("alter table w.a add constraint more check (v >= 0)", NOTHING),
    ("create index on w.a (amount)", NOTHING),
    ("create trigger t2 before insert on w.a for each row execute function w.tf()", NOTHING),
    ("alter table w.p attach partition w.loose for values in (3)", NOTHING),
    ("reindex table w.a", NOTHING),
    ("alter table w.a drop constraint a_amount_check", ["constraint w.a.a_amount_check dropped"]),
    (
        "alter table w.a drop constraint a_amount_check, add constraint a_amount_check check (amount >= -10)",
        ["constraint w.a.a_amount_check changed"],
    ),
    (
        "alter table w.a drop constraint a_amount_check; alter table w.a add constraint a_amount_check"
        "  check (  amount >= 0)",
        NOTHING,
    ),
    ("alter table w.b drop constraint b_a_id_fkey", ["constraint w.b.b_a_id_fkey dropped"]),
    (
        "alter table w.b drop constraint b_a_id_fkey, add constraint b_a_id_fkey foreign key (a_id) references w.a",
        ["constraint w.b.b_a_id_fkey changed"],
    ),
    ("alter table w.b rename constraint b_pkey to k", ["constraint w.b.b_pkey renamed", "index w.b_pkey renamed"]),
    ("alter table w.a disable trigger a_trg", ["trigger w.a.a_trg disabled"]),
    ("alter table w.a disable trigger user", ["trigger w.a.a_trg disabled"]),
    ("alter table w.a enable replica trigger a_trg", ["trigger w.a.a_trg disabled"]),
    ("drop trigger a_trg on w.a", ["trigger w.a.a_trg dropped"]),
    ("alter trigger a_trg on w.a rename to z", ["trigger w.a.a_trg renamed"]),
    (
        "create or replace trigger a_trg before insert on w.a for each row when (false) execute function w.tf()",
        ["trigger w.a.a_trg replaced"],
    ),
    ("alter table w.a disable row level security", ["policy w.a disabled"]),
    ("drop policy a_pol on w.a", ["policy w.a.a_pol dropped"]),
    ("alter policy a_pol on w.a using (true)", ["policy w.a.a_pol changed"]),
    ("drop rule b_rule on w.b", ["rule w.b.b_rule dropped"]),
    ("alter table w.b disable rule b_rule", ["rule w.b.b_rule disabled"]),
    ("drop index w.a_v", ["index w.a_v dropped"]),
    ("drop index w.a_t; create index a_t on w.a (t)", ["index w.a_t replaced"]),
    ("drop index w.a_t; create unique index a_t on w.a (t)", NOTHING),
    ("drop index w.a_t; create unique index a_t on w.a (t) nulls not distinct", ["index w.a_t replaced"]),
    ("drop index w.a_t; create unique index a_t on w.a (t collate \"C\")", ["index w.a_t replaced"]),
    ("drop index w.a_t; create unique index a_t on w.a (t text_pattern_ops)", ["index w.a_t replaced"]),
    ("drop index w.a_v; create index a_v on w.a using hash (v)", ["index w.a_v replaced"]),
    ("alter table w.own alter v type bigint, add unique (v)", ["data w.own rewritten 100"]),
    (
        "alter table w.a drop constraint a_amount_check, add constraint a_amount_check check (amount >= 0) no inherit",
        ["constraint w.a.a_amount_check changed"],
    ),
    (
        "alter table w.loose add constraint x exclude using gist (int4range(id, k) with &&)", NOTHING,
    ),
    ("alter index w.a_v rename to z", ["index w.a_v renamed"]),
    ("alter domain w.positive drop constraint positive_check", ["type w.positive changed"]),
    ("alter table w.p detach partition w.p1", ["table w.p1 changed"]),
]


def test_statements(shop: Any, subtests: pytest.Subtests) -> None:
    """Every statement destroys exactly what stands beside it."""
    for sql, expected in CASES:
        with subtests.test(sql):
            assert shop.says(sql) == sorted(expected)


def test_disabling_foreign_keys_is_named(connect: Any) -> None:
    """ALTER TABLE DISABLE TRIGGER ALL, which needs a superuser, switches foreign keys off without any other trace."""
    root = connect("postgres")
    root.run("create table a (id int primary key); create table b (id int references a)")
    assert root.says("alter table b disable trigger all") == ["trigger public.b foreign keys disabled"]


def test_referenced_partitions_come_and_go_without_noise(connect: Any) -> None:
    root = connect("owner")
    root.run("create table p (id int primary key) partition by list (id)")
    root.run("create table p1 partition of p for values in (1); create table p2 partition of p for values in (2)")
    root.run("create table c (id int references p); analyze p1")
    assert root.says("alter table p detach partition p1") == ["table public.p1 changed"]
    assert root.says("alter table c drop constraint c_id_fkey") == ["constraint public.c.c_id_fkey dropped"]


def test_inheritance_taken_away_is_a_change(connect: Any) -> None:
    owner = connect("owner")
    owner.run("create table a (id int); create table b () inherits (a)")
    assert owner.says("alter table b no inherit a") == ["table public.b changed"]


def test_a_virtual_column_has_the_values_of_its_expression(shop: Any) -> None:
    if shop.connection.info.server_version < 180000:
        pytest.skip("PostgreSQL 18 and later")
    shop.run("alter table w.own add column g int generated always as (v + 1) virtual")

    assert shop.says("alter table w.own alter g set expression as (v + 2)") == ["column w.own.g changed"]
    assert shop.says("alter table w.own alter g set expression as (v  +  1)") == NOTHING
