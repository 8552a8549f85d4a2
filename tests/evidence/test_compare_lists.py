"""What is destroyed of functions, types, schemas, roles, settings and the rest, asked of a real server."""

from __future__ import annotations

from typing import Any

import pytest

NOTHING: list[str] = []
CASES: list[tuple[str, list[str]]] = [
    ("create or replace function w.f() returns int language sql as 'select 1'", NOTHING),
    ("create function w.g() returns int language sql as 'select 1'", NOTHING),
    ("alter type w.mood add value 'angry'", NOTHING),
    ("alter domain w.positive add check (value < 1000)", NOTHING),
    ("drop sequence w.s", ["sequence w.s dropped"]),
    ("drop function w.f()", ["function w.f() dropped"]),
    ("drop procedure w.pr()", ["function w.pr() dropped"]),
    ("create or replace function w.f() returns int language sql as 'select 2'", ["function w.f() replaced"]),
    ("alter function w.f() security definer", ["function w.f() changed"]),
    ("alter function w.f() rename to g", ["function w.f() renamed"]),
    ("drop function w.tf() cascade", ["function w.tf() dropped", "trigger w.a.a_trg dropped"]),
    ("drop type w.mood", ["type w.mood dropped"]),
    ("drop type w.pair", ["type w.pair dropped"]),
    ("alter type w.pair drop attribute x", ["type w.pair changed"]),
    ("alter type w.mood rename value 'sad' to 'blue'", ["type w.mood changed"]),
    ("alter type w.mood rename to temper", ["type w.mood renamed"]),
    ("drop domain w.positive", ["type w.positive dropped"]),
    ("alter schema w rename to x", ["schema w renamed"]),
    ("grant create on schema w to other; alter table w.b owner to other", ["table w.b changed"]),
    ("create schema x; drop schema x", NOTHING),
    ("select lo_unlink(lo_create(0))", NOTHING),
]


def test_statements(shop: Any, subtests: pytest.Subtests) -> None:
    """Every statement destroys exactly what stands beside it."""
    for sql, expected in CASES:
        with subtests.test(sql):
            assert shop.says(sql) == sorted(expected)


ROOT: list[tuple[str, str, list[str]]] = [
    ("create role doomed", "drop role doomed", ["role doomed dropped"]),
    ("create role doomed", "alter role doomed rename to x", ["role doomed renamed"]),
    ("create role doomed login", "alter role doomed nologin", ["role doomed changed"]),
    ("create role doomed", "alter role doomed password 'x'", ["role password changed"]),
    ("create role doomed valid until '2030-01-01'", "set local timezone = 'Asia/Tokyo'; create role d2", []),
    ("create role doomed", "create role d2; grant doomed to d2", []),
    ("create role doomed", "alter role doomed set work_mem = '1MB'", []),
    (
        "create role doomed; alter role doomed set work_mem = '1MB'",
        "alter role doomed reset work_mem",
        ["role doomed changed"],
    ),
    (
        "create role doomed; alter role doomed set work_mem = '1MB'",
        "alter role doomed set work_mem = '2MB'",
        ["role doomed changed"],
    ),
    ("", "alter database template1 rename to x", ["database template1 renamed"]),
    ("create statistics st on k, v from t", "drop statistics st", ["statistics object public.st dropped"]),
    ("create collation co from \"C\"", "drop collation co", ["collation public.co dropped"]),
    (
        "create function ef() returns event_trigger language plpgsql as 'begin end';"
        " create event trigger doomed on ddl_command_end execute function ef()",
        "alter event trigger doomed disable",
        ["trigger doomed disabled"],
    ),
    (
        "create function ef() returns event_trigger language plpgsql as 'begin end';"
        " create event trigger doomed on ddl_command_end execute function ef()",
        "drop event trigger doomed",
        ["trigger doomed dropped"],
    ),
    ("create extension postgres_fdw", "drop extension postgres_fdw", ["extension postgres_fdw dropped"]),
    (
        "create extension postgres_fdw; create table member (id int); alter extension postgres_fdw add table member",
        "drop extension postgres_fdw",
        ["extension postgres_fdw dropped", "table public.member dropped"],
    ),
    ("select lo_create(4711)", "select lo_unlink(4711)", ["large object 4711 dropped"]),
    ("select lo_create(4711)", "do $$ begin perform lo_unlink(4711); end $$", ["large object 4711 dropped"]),
    ("select lo_from_bytea(4711, 'abcd')", "select lo_put(4711, 0, 'x')", ["large object contents changed 1"]),
    ("create publication pu", "drop publication pu", ["publication pu dropped"]),
    ("create publication pu", "alter publication pu set (publish = 'insert, delete')", ["publication pu changed"]),
    ("create publication pu with (publish = 'insert')", "alter publication pu set (publish = 'insert, delete')", []),
    ("create schema x; create text search configuration x.ts (copy = simple)",
     "alter text search configuration x.ts drop mapping for word",
     ["text search configuration x.ts changed"]),
    ("create schema x; create text search configuration x.ts (parser = default)",
     "alter text search configuration x.ts add mapping for word with simple", []),
    ("", "alter database template1 connection limit 7", ["database template1 changed"]),
    ("create schema x; create table x.t (i int); analyze x.t", "drop schema x cascade",
     ["schema x dropped", "table x.t dropped 0"]),
]  # fmt: skip


NOT_COMPARED = [
    "comment on table t is null", "alter table t alter k drop default", "alter table t set (fillfactor = 50)",
    "alter table t alter k set statistics 10", "alter text search dictionary x.di (stopwords = english)",
    "alter server far options (set dbname 'x')",
]  # fmt: skip


def test_what_the_page_of_limits_says_is_not_compared(connect: Any, subtests: pytest.Subtests) -> None:
    root = connect("postgres")
    root.run("create table t (k int default 1); comment on table t is 'x'; create schema x")
    root.run("create text search dictionary x.di (template = simple); create extension postgres_fdw;"
             " create server far foreign data wrapper postgres_fdw options (dbname 'y')")  # fmt: skip
    for sql in NOT_COMPARED:
        with subtests.test(sql):
            assert root.says(sql) == []


def test_statements_of_a_superuser(connect: Any, subtests: pytest.Subtests) -> None:
    root = connect("postgres")
    root.run("create table t (k int, v int)")
    clean = (
        "drop event trigger if exists doomed; drop function if exists ef(); drop role if exists doomed;"
        " drop publication if exists pu; drop schema if exists x cascade; select lo_unlink(oid) from"
        " pg_largeobject_metadata; drop extension if exists postgres_fdw cascade"
    )
    for before, sql, expected in ROOT:
        with subtests.test(sql):
            root.run(before or "select 1")
            try:
                assert root.says(sql) == sorted(expected)
            finally:
                root.run(clean)


def test_what_is_made_again_under_its_name_has_its_rights(shop: Any, subtests: pytest.Subtests) -> None:
    """GRANT alone replaces nothing; CREATE behind a DROP grants EXECUTE to everybody, and to nobody what others had."""
    shop.run("revoke execute on function w.f() from public; grant select on w.vb to other")
    function = "drop function w.f(); create function w.f() returns int language sql as 'select 1'"
    view = "drop view w.vb; create view w.vb as select id from w.va"
    for sql, expected in [
        (function, ["function w.f() replaced"]),
        (f"{function}; revoke execute on function w.f() from public", NOTHING),
        ("grant execute on function w.f() to other", NOTHING),
        (view, ["view w.vb replaced"]),
        (f"{view}; grant select on w.vb to other", NOTHING),
        ("revoke select on w.vb from other", NOTHING),
    ]:
        with subtests.test(sql):
            assert shop.says(sql) == expected


def test_an_aggregate_is_what_it_is_made_of(shop: Any) -> None:
    shop.run("create aggregate w.total(int) (sfunc = int4pl, stype = int, initcond = '0')")

    again = "create or replace aggregate w.total(int) (sfunc = {}, stype = int, initcond = '0')"
    assert shop.says(again.format("int4pl")) == NOTHING
    assert shop.says(again.format("int4mi")) == ["function w.total(integer) replaced"]
