"""What is destroyed of relations, their data and columns, asked of a real server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pgguard.errors import ProtocolViolation
from pgguard.evidence.compare import compare, created

NOTHING: list[str] = []
CASES: list[tuple[str, list[str]]] = [
    ("lock table w.a in access exclusive mode", NOTHING),
    ("alter table w.a add column if not exists v int", NOTHING),
    ("alter table w.a add column c int", NOTHING),
    ("alter table w.a add column c int default 7", NOTHING),
    ("alter table w.a add column c double precision default random()", NOTHING),
    ("alter table w.a add column c int generated always as (v + 1) stored", NOTHING),
    ("alter table w.a alter v set default 2", NOTHING),
    ("alter table w.a alter amount set not null", NOTHING),
    ("alter table w.a alter t type varchar(20)", NOTHING),
    ("alter table w.b set unlogged", NOTHING),
    ("create table w.new (id int primary key, a_id int references w.a)", NOTHING),
    ("create temp table tt (id int); insert into tt values (1); truncate tt; drop table tt", NOTHING),
    ("create or replace view w.vb as select id from w.va", NOTHING),
    ("alter table w.a add column c int; create or replace view w.va as select id, v from w.a", NOTHING),
    ("alter table w.a add column c int; create or replace view w.va as select id, v from w.a where c = 1",
     ["view w.va replaced"]),
    ("create or replace view w.va as select id, amount::int as v from w.a", ["view w.va replaced"]),
    ("create table w.p3 partition of w.p for values in (3)", NOTHING),
    ("cluster w.a using a_pkey", NOTHING),
    ("refresh materialized view w.m", NOTHING),
    ("comment on table w.a is 'x'", NOTHING),
    ("analyze w.a", NOTHING),
    ("drop table if exists w.nosuch", NOTHING),
    ("create table if not exists w.a (id int)", NOTHING),
    ("update w.a set v = 2; delete from w.b", NOTHING),
    ("insert into w.a values (-1, 1, 'n', 1)", NOTHING),
    ("savepoint s; drop table w.b; truncate w.own; rollback to s", NOTHING),
    ("create table w.new (id int); insert into w.new values (1); truncate w.new; drop table w.new", NOTHING),
    ("grant select on w.a to public", NOTHING),
    ("drop table w.b", ["table w.b dropped 500"]),
    ("do $$ begin execute 'drop table w.b'; end $$", ["table w.b dropped 500"]),
    (
        "drop table w.a cascade",
        [
            "constraint w.b.b_a_id_fkey dropped",
            "materialized view w.m dropped 1",
            "table w.a dropped 1000",
            "view w.va dropped",
            "view w.vb dropped",
        ],
    ),
    ("drop table w.own", ["table w.own dropped 100"]),
    ("drop table w.p", ["table w.p dropped 0", "table w.p1 dropped 100", "table w.p2 dropped 100"]),
    ("drop table w.p1", ["table w.p1 dropped 100"]),
    ("truncate w.b", ["data w.b truncated 500"]),
    ("truncate w.own restart identity", ["data w.own truncated 100"]),
    ("truncate w.a cascade", ["data w.a truncated 1000", "data w.b truncated 500"]),
    ("truncate w.p", ["data w.p1 truncated 100", "data w.p2 truncated 100"]),
    ("delete from w.b; truncate w.b", ["data w.b truncated 500"]),
    ("truncate w.b; insert into w.b values (1, 1)", ["data w.b truncated 500"]),
    ("truncate w.b; insert into w.b select id, 1 from w.a", ["data w.b truncated 500"]),
    ("truncate w.b; insert into w.b values (1, 1); cluster w.b using b_pkey", ["data w.b truncated 500"]),
    ("alter table w.b set unlogged; insert into w.b values (999, 1)", NOTHING),
    ("truncate w.b; savepoint s; insert into w.b values (1, 1); rollback to s", ["data w.b truncated 500"]),
    ("alter table w.b drop column a_id", ["column w.b.a_id dropped 500"]),
    (
        "alter table w.a drop column id cascade",
        [
            "column w.a.id dropped 1000",
            "constraint w.b.b_a_id_fkey dropped",
            "view w.va dropped",
            "view w.vb dropped",
        ],
    ),
    ("alter table w.a alter amount type int using null", ["data w.a rewritten 1000"]),
    ("alter table w.b alter a_id type int using null", ["data w.b rewritten 500"]),
    ("alter table w.b alter a_id type bigint", ["data w.b rewritten 500"]),
    ("alter table w.a alter v drop not null", ["constraint w.a.v not null dropped"]),
    ("drop view w.vb", ["view w.vb dropped"]),
    ("drop view w.va cascade", ["view w.va dropped", "view w.vb dropped"]),
    ("create or replace view w.vb as select id from w.va where id > 1", ["view w.vb replaced"]),
    (
        "create trigger t instead of delete on w.vb for each row execute function w.tf()", NOTHING,
    ),
    ("drop view w.vb; create view w.vb as select v from w.va", ["view w.vb replaced"]),
    ("alter view w.vb set (security_barrier = true)", ["view w.vb changed"]),
    ("drop materialized view w.m", ["materialized view w.m dropped 1"]),
    ("alter table w.b rename to c", ["table w.b renamed"]),
    ("alter table w.b rename a_id to x", ["column w.b.a_id renamed"]),
    ("alter table w.b set schema public", ["table w.b renamed"]),
    ("alter table w.own set unlogged; alter table w.own set logged", NOTHING),
    ("drop table w.b; create table w.b (id int)", ["table w.b dropped 500"]),
    (
        "create table w.n (like w.b); insert into w.n table w.b; drop table w.b; alter table w.n rename to b",
        ["table w.b dropped 500"],
    ),
    ("alter table w.b drop column a_id, add column a_id int", ["column w.b.a_id dropped 500"]),
    ("alter table w.own alter v type int using 0", ["data w.own rewritten 100"]),
    ("truncate w.b; alter table w.b add column z float default random()", ["data w.b truncated 500"]),
    ("alter table w.b add column z float default random(); insert into w.b (id) values (900)", NOTHING),
    ("alter table w.a alter v set statistics 5, replica identity full", NOTHING),
    ("alter table w.a alter id add generated always as identity", NOTHING),
    # Nobody can tell a rewrite of an empty table from its TRUNCATE; the rows say that nothing went.
    ("alter table w.empty alter v type bigint", ["data w.empty truncated 0"]),
    (
        "alter table w.p drop column id",
        ["column w.p.id dropped 0", "column w.p1.id dropped 100", "column w.p2.id dropped 100"],
    ),
]


def test_statements(shop: Any, subtests: pytest.Subtests) -> None:
    """Every statement destroys exactly what stands beside it."""
    for sql, expected in CASES:
        with subtests.test(sql):
            assert shop.says(sql) == sorted(expected)


def test_a_suspect_that_cannot_be_asked_counts_as_emptied(connect: Any) -> None:
    """A role that may TRUNCATE and INSERT, but not SELECT, cannot be asked whether the table is empty."""
    owner, other = connect("owner"), connect("other")
    owner.run("create table t (id int); insert into t select generate_series(1, 50); analyze t")
    owner.run("grant truncate, insert on t to other")
    assert other.says("truncate t; insert into t values (1)") == ["data public.t truncated 50"]


def test_row_security_does_not_hide_rows_from_the_question(connect: Any) -> None:
    owner, other = connect("owner"), connect("other")
    owner.run("create table t (id int); insert into t select generate_series(1, 50); analyze t")
    owner.run("grant truncate, insert, select on t to other; alter table t enable row level security")
    owner.run("create policy p on t using (id > 10) with check (true)")
    assert other.says("truncate t; insert into t values (1), (2)") == ["data public.t truncated 50"]


def test_a_sequence_goes_without_the_table_that_owns_it(shop: Any) -> None:
    """Its DROP takes no lock on the table, so that nobody asks about that."""
    shop.run("create sequence w.numbers owned by w.b.a_id")
    assert shop.says("drop sequence w.numbers") == ["sequence w.numbers dropped"]
    assert shop.says("lock table w.b in exclusive mode; drop sequence w.numbers") == ["sequence w.numbers dropped"]
    assert shop.says("alter table w.b drop column a_id") == ["column w.b.a_id dropped 500"]
    assert shop.says("drop table w.b") == ["table w.b dropped 500"]


def test_created_tables_are_told_apart(shop: Any) -> None:
    shop.run("begin; create table w.new (id int); insert into w.new values (1); delete from w.new; truncate w.b")
    reading, outside, inside = shop.look()
    assert {reading.names[oid] for oid in created(outside, inside)} == {"w.new"}
    shop.run("rollback")


def test_an_incomplete_row_is_not_taken_for_an_empty_answer() -> None:
    broken = json.dumps(["relation", "16384", "public"]).encode().hex()
    with pytest.raises(ProtocolViolation):
        compare([[broken]], [])


def test_a_table_that_is_gone_again_was_made_here(shop: Any) -> None:
    """No row of it was ever committed, whatever earlier readings of the transaction counted."""
    shop.flush()
    shop.run("begin; create table w.gone (id int); insert into w.gone values (1); update w.gone set id = 2")
    gone = int(shop.run("select 'w.gone'::regclass::oid::int")[0][0])
    shop.run("drop table w.gone; lock table w.a")
    reading, outside, inside = shop.look()
    shop.run("rollback")

    assert gone in reading.strong
    assert created(outside, inside) == frozenset()
    assert created(outside, inside, reading.strong) >= {gone}
    assert shop.oid("w.a") not in created(outside, inside, reading.strong)


def test_a_rewrite_behind_a_stored_default_loses_nothing(shop: Any) -> None:
    """The stored default of an earlier ADD COLUMN leaves the catalog with the rewrite, as TYPE .. USING would do it."""
    shop.run("alter table w.b add column stored int default 7")
    shop.flush()
    shop.run("begin; alter table w.b add column more float default random()")
    reading, outside, inside = shop.look()
    shop.run("rollback")
    known, unknown = (compare(outside, inside, {}, reading.catalogs, retypes=retypes) for retypes in (False, True))

    assert known == ()
    assert [(lost.kind, lost.name, lost.how) for lost in unknown] == [("data", "w.b", "rewritten")]


def test_a_table_that_becomes_a_view_is_no_table_any_more(shop: Any) -> None:
    if shop.connection.info.server_version >= 160000:
        pytest.skip("PostgreSQL 15")
    rule = 'create rule "_RETURN" as on select to w.empty do instead select 1 as id, 2 as v'

    assert shop.says(rule) == ["table w.empty replaced 0"]
