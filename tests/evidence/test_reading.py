"""The reading against real servers: what counts, what does not, and that nothing of the client's can change it."""

from __future__ import annotations

from typing import Any

import pytest

from pgguard.errors import ProtocolViolation
from pgguard.evidence.envelope import sealed
from pgguard.evidence.measurement import Reading
from pgguard.evidence.reading import CATALOGS, parse_reading, reading_sql


def counts(reading: Reading) -> dict[str, tuple[int, int, int]]:
    return {reading.names[oid]: (r.inserted, r.updated, r.deleted) for oid, r in reading.rows.items()}


def measured(client: Any, sql: str, **how: bool) -> dict[str, tuple[int, int, int]]:
    client.flush()
    client.run("begin")
    try:
        client.run(sql)
        return counts(client.reading(**how))
    finally:
        client.run("rollback")


TABLES = """
create table a (id int primary key, v int);
create table b (id int primary key, a_id int references a on delete cascade on update cascade);
create table c (id int, b_id int references b on delete set null);
create unlogged table u (id int);
create table p (id int, k int) partition by list (k);
create table p1 partition of p for values in (1);
create table p2 partition of p for values in (2);
create table base (id int);
create table child () inherits (base);
create table log (id int);
create table noisy (id int);
create function tell() returns trigger language plpgsql as
  'begin delete from log where id <= 3; return null; end';
create trigger t after update on noisy for each statement execute function tell();
create view av as select * from a;
insert into a select g, g from generate_series(1, 100) g;
insert into b select g, 1 + g % 100 from generate_series(1, 300) g;
insert into c select g, 1 + g % 300 from generate_series(1, 600) g;
insert into u select generate_series(1, 40);
insert into p select g, 1 from generate_series(1, 50) g;
insert into base select generate_series(1, 10);
insert into child select generate_series(1, 20);
insert into log select generate_series(1, 10);
insert into noisy values (1);
"""

CASES = [
    ("delete from a where id <= 10", {"public.a": (0, 0, 10), "public.b": (0, 0, 30), "public.c": (0, 60, 0)}),
    ("update a set id = id + 1000 where id = 1", {"public.a": (0, 1, 0), "public.b": (0, 3, 0)}),
    ("update noisy set id = 2", {"public.noisy": (0, 1, 0), "public.log": (0, 0, 3)}),
    ("delete from u", {"public.u": (0, 0, 40)}),
    ("update p set k = 2 where id <= 4", {"public.p1": (0, 0, 4), "public.p2": (4, 0, 0)}),
    ("delete from base", {"public.base": (0, 0, 10), "public.child": (0, 0, 20)}),
    ("delete from only base", {"public.base": (0, 0, 10)}),
    ("update av set v = 0 where id <= 7", {"public.a": (0, 7, 0)}),
    (
        "insert into a select g, 0 from generate_series(95, 105) g on conflict (id) do update set v = 0",
        {"public.a": (5, 6, 0)},
    ),
    (
        "merge into u using (select 1 as x) s on u.id <= 5 when matched and u.id = 1 then update set id = 0"
        " when matched then delete",
        {"public.u": (0, 1, 4)},
    ),
    ("with gone as (delete from log returning id) insert into u select id from gone",
     {"public.log": (0, 0, 10), "public.u": (10, 0, 0)}),
    ("create temp table tt as select generate_series(1, 9) as id; delete from tt", {}),
    ("copy (select 1) to stdout", None),
    ("delete from log; truncate log", {}),
    ("do $$ begin execute 'delete from log'; end $$", {"public.log": (0, 0, 10)}),
    ("select 1", {}),
]  # fmt: skip


def test_what_counts(client: Any, subtests: pytest.Subtests) -> None:
    client.run(TABLES)
    for sql, expected in CASES:
        if expected is None:
            continue
        with subtests.test(sql):
            assert measured(client, sql) == expected
            assert measured(client, sql, objects=True) == expected
            assert measured(client, sql, everywhere=True) == expected


def test_known_relations_are_read_and_no_others(client: Any) -> None:
    client.run(TABLES)
    client.flush()
    client.run("begin; delete from a where id <= 10; create temp table tt as select 1; delete from tt")
    reading = client.reading([client.oid("a"), client.oid("b"), client.oid("u"), 4_000_000_000])
    assert counts(reading) == {"public.a": (0, 0, 10), "public.b": (0, 0, 30)}
    assert reading.strong == () and not reading.catalogs
    client.run("rollback")


def test_a_table_of_another_owner_without_any_right(connect: Any) -> None:
    """A SECURITY DEFINER function changes what the caller cannot even see; so it does in a READ ONLY transaction."""
    owner, other = connect("owner"), connect("other")
    owner.run("create schema hidden; create table hidden.t (id int); insert into hidden.t select generate_series(1, 9)")
    owner.run("create function public.purge() returns void security definer language sql as 'delete from hidden.t'")
    assert measured(other, "select public.purge()") == {"hidden.t": (0, 0, 9)}
    other.run("begin read only")
    assert counts(other.reading()) == {}
    assert other.reading([owner.oid("pg_class")]).current_user == "other"
    other.run("rollback")


HOSTILE = """
create schema evil;
create function evil.boom(oid, oid) returns bool language plpgsql as 'begin raise exception ''ran''; end';
create operator evil.= (function = evil.boom, leftarg = oid, rightarg = oid);
create operator evil.>= (function = evil.boom, leftarg = oid, rightarg = oid);
create operator evil.<> (function = evil.boom, leftarg = oid, rightarg = oid);
create function evil.boomt(text, text) returns bool language plpgsql as 'begin raise exception ''ran''; end';
create operator evil.= (function = evil.boomt, leftarg = text, rightarg = text);
create operator evil.<> (function = evil.boomt, leftarg = text, rightarg = text);
create function evil.current_setting(text, bool) returns text language plpgsql as 'begin raise exception ''ran''; end';
create function evil.current_setting(text) returns text language plpgsql as 'begin raise exception ''ran''; end';
create function evil.pg_stat_get_xact_tuples_deleted(oid) returns bigint language sql as 'select 0::bigint';
create function evil.unnest(oid[]) returns setof oid language plpgsql as 'begin raise exception ''ran''; end';
create function evil.bool_or(bool) returns bool language plpgsql as 'begin raise exception ''ran''; end';
create view evil.pg_class as select 1 as oid;
create domain evil.oid as int;
create domain evil.text as int;
"""


def test_a_hostile_search_path_changes_nothing(client: Any) -> None:
    client.run(TABLES + HOSTILE)
    client.run("set search_path = evil, public, pg_catalog; set standard_conforming_strings = off")
    client.run("set quote_all_identifiers = on; set transform_null_equals = on; set array_nulls = off")
    expected = {"public.a": (0, 0, 10), "public.b": (0, 0, 30), "public.c": (0, 60, 0)}
    for how in ({}, {"objects": True}, {"everywhere": True}):
        assert measured(client, "delete from public.a where id operator(pg_catalog.<=) 10", **how) == expected
    client.run("begin; drop table public.log")
    assert [d.name for d in client.destroyed()] == ["public.log"]
    reading = client.reading([client.oid("public.a")])
    assert not reading.standard_conforming_strings and reading.search_path == "evil, public, pg_catalog"
    client.run("rollback")


def test_names_arrive_in_any_client_encoding(client: Any) -> None:
    """A table that the client's encoding cannot spell must not make its transaction fail."""
    client.run('create table "größe €" (id int); insert into "größe €" values (1)')
    client.run('create function f() returns void language sql as $$ delete from "größe €" $$')
    client.run("set client_encoding = 'LATIN1'")
    assert measured(client, "select f()") == {"public.größe €": (0, 0, 1)}


def test_parallel_workers_do_not_lose_counts(client: Any) -> None:
    client.run(TABLES)
    setting = "force_parallel_mode" if int(client.server.name) < 16 else "debug_parallel_query"
    client.run(f"set {setting} = on; set parallel_setup_cost = 0; set jit_above_cost = 0")
    assert measured(client, "delete from u") == {"public.u": (0, 0, 40)}
    client.flush()
    client.run("begin; delete from u")
    assert counts(client.reading([client.oid("u")])) == {"public.u": (0, 0, 40)}
    client.run("rollback")


def test_repeatable_read_counts_as_well(client: Any) -> None:
    client.run(TABLES)
    client.flush()
    client.run("begin isolation level serializable; delete from log where id <= 2")
    assert counts(client.reading()) == {"public.log": (0, 0, 2)}
    client.run("rollback")


def test_strong_locks_objects_and_catalogs(client: Any) -> None:
    client.run(TABLES + "create function gone() returns int language sql as 'select 1'")
    client.run("begin; lock table log; drop function gone()")
    reading = client.reading()
    assert reading.strong == (client.oid("log"),)
    assert [classid for classid, _ in reading.strong_objects] == [1255]
    assert reading.catalogs["pg_proc"].deleted == 1
    client.run("rollback; begin; create or replace function gone() returns int language sql as 'select 2'")
    assert client.reading().catalogs["pg_proc"].updated == 1
    client.run("rollback; begin; select * from a for update; insert into log values (1)")
    assert client.reading().strong == ()
    client.run("rollback")


def test_state_is_the_session_as_it_is_now(connect: Any) -> None:
    client = connect("owner")
    client.run("begin; set local pgguard.token = 'tok'; set pgguard.reason = 'why \"so\"'; set role other")
    client.run("declare c cursor for select 1")
    client.run("declare h cursor with hold for select 2")
    reading = client.reading([])
    assert reading.settings == {"token": "tok", "reason": 'why "so"'}
    assert reading.current_user == "other" and reading.holdable == ("declare h cursor with hold for select 2",)
    assert reading.track_counts and reading.standard_conforming_strings
    assert reading.session_replication_role == "origin"
    client.run("rollback")
    assert client.reading([]).settings == {}
    root = connect("postgres")
    root.run("set session_replication_role = replica; set track_counts = off")
    reading = root.reading()
    assert not reading.track_counts and reading.session_replication_role == "replica"


def test_what_cannot_be_counted_is_named(connect: Any) -> None:
    root = connect("postgres")
    root.run("create extension postgres_fdw; create server s foreign data wrapper postgres_fdw"
             f" options (port '{root.server.port}', host '127.0.0.1', dbname 'postgres')")  # fmt: skip
    root.run("create user mapping for postgres server s options (user 'postgres', password_required 'false')")
    root.run("create table real (id int); insert into real values (1)")
    root.run("create foreign table far (id int) server s options (table_name 'real')")
    root.run("create access method other_heap type table handler heap_tableam_handler")
    root.run("create table odd (id int) using other_heap; insert into odd values (1)")
    root.run("begin; delete from far; delete from odd")
    assert root.reading().uncountable == ("public.far", "public.odd")
    assert root.reading([root.oid("far"), root.oid("odd")]).uncountable == ("public.far", "public.odd")
    root.run("rollback; begin; select * from far; select * from odd")
    assert root.reading().uncountable == ()
    root.run("rollback")


def test_a_catalog_written_by_hand_cannot_be_counted(connect: Any) -> None:
    """A superuser's UPDATE of pg_trigger changes objects that no lock names; DDL never looks like this."""
    root = connect("postgres")
    root.run("create table t (id int)")
    root.run("begin; update pg_catalog.pg_trigger set tgenabled = 'D' where false; delete from pg_class where false")
    assert root.reading().uncountable == ("pg_catalog.pg_class", "pg_catalog.pg_trigger")
    root.run("rollback")


def test_catalog_oids_are_what_they_are_called(client: Any) -> None:
    for oid, name in CATALOGS.items():
        assert client.run(f"select {oid}::regclass::text")[0][0] == name


@pytest.mark.parametrize(
    "broken",
    [
        [],
        [[None]],
        [["zz"]],
        [["7b7d"]],
        [[b'["state", []]'.hex()]],
        [[b"[1, 2, 3]".hex()]],
        [[b'["16384", 1, 1, 1, "s", "t", "r", "2", "p", true, false, null]'.hex()]],
    ],
)
def test_an_answer_that_is_not_whole_raises(broken: list[list[str | None]]) -> None:
    with pytest.raises(ProtocolViolation):
        parse_reading(broken)


def test_every_shape_says_who_asks() -> None:
    for sql in (reading_sql(frozenset({1})), reading_sql(None), reading_sql(frozenset({1}), objects=True)):
        assert sql.startswith("/* pgguard */ ") and "\\" not in sql
    assert sealed("x").startswith("pg_catalog.")
