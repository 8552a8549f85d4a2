"""Everything pgguard asks over its own connections, against real servers."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from pgguard.catalog.proof import Bounded, Unproved
from pgguard.catalog.prove import prove
from pgguard.errors import UpstreamUnavailable
from pgguard.sql.read import read
from pgguard.upstream.admin import Admin


def proof(picture, sql):
    return prove(read(sql.encode()).statements[0], picture)


async def test_identify(server, admin):
    found = await admin.identify()
    assert server.major == found.version_num // 10000
    assert f"127.0.0.1:{server.port}" == found.name
    assert found.system_identifier.isdigit()


async def test_look_gives_text(admin):
    rows = await admin.look(
        "odd name", "select 1, true, null, 'x'::\"char\", 'a'::name, array[1, null], 26::oid, 'r'::text"
    )
    assert [["1", "t", None, "x", "a", "{1,NULL}", "26", "r"]] == rows
    assert [["odd name", "pgguard", "200ms", "2s"]] == await admin.look(
        "odd name",
        "select current_database(), current_setting('application_name'), current_setting('lock_timeout'),"
        " current_setting('statement_timeout')",
    )


async def test_look_reports_errors_and_goes_on(admin):
    with pytest.raises(UpstreamUnavailable, match="nosuch"):
        await admin.look("shop", "select nosuch")
    with pytest.raises(UpstreamUnavailable, match="statement timeout"):
        await admin.look("shop", "select pg_sleep(9)", deadline=5)
    with pytest.raises(UpstreamUnavailable, match=r"did not answer within 0\.2 s"):
        await admin.look("shop", "select pg_sleep(1)", deadline=0.2)
    assert [["1"]] == await admin.look("shop", "select 1")


async def test_a_lost_connection_is_opened_again(server, admin):
    (((pid,),),) = [await admin.look("shop", "select pg_backend_pid()")]
    with server.connect() as other:
        other.execute(f"select pg_terminate_backend({pid})")
    answers = []
    async with asyncio.timeout(60):
        while not answers:
            with contextlib.suppress(UpstreamUnavailable):
                answers = await admin.look("shop", "select 1")
            await asyncio.sleep(0.05)
    assert [["1"]] == answers


@pytest.mark.parametrize(
    "dsn", ["postgresql://x@127.0.0.1:1/postgres", "postgresql://x@nosuch.invalid/postgres", "nonsense://"]
)
async def test_a_server_that_is_not_there(dsn):
    admin = Admin(dsn)
    with pytest.raises(UpstreamUnavailable, match="admin connection"):
        await admin.identify()
    await admin.close()


async def test_a_database_that_is_not_there(admin):
    with pytest.raises(UpstreamUnavailable, match="nosuch"):
        await admin.picture("nosuch")


async def test_the_picture_follows_the_catalogs(admin, shop):
    shop.execute("create table t (id int primary key)")
    first = await admin.picture("shop")
    assert isinstance(proof(first, "delete from t where id = 1"), Bounded)
    assert first is await admin.picture("shop")
    assert admin.fresh("shop", 2.0)
    shop.execute(
        "create function f() returns trigger language plpgsql as 'begin delete from t; return old; end';"
        "create trigger g before delete on t for each row execute function f()"
    )
    await asyncio.sleep(2.5)
    assert isinstance(proof(await admin.picture("shop"), "delete from t where id = 1"), Unproved)


async def test_an_unchanged_picture_stays_young(admin, shop):
    first = await admin.picture("shop")
    await asyncio.sleep(2.6)  # nobody asks meanwhile
    async with asyncio.timeout(60):
        while admin.picture_age("shop") >= 2.0:
            await asyncio.sleep(0.05)
    assert first is await admin.picture("shop")


async def test_invalidate_reads_again_at_once(admin, shop):
    await admin.picture("shop")
    shop.execute("create table fresh (id int)")
    admin.invalidate("shop")
    assert not admin.fresh("shop", 3600)
    assert "fresh" in (await admin.picture("shop")).relations_by_name
    assert float("inf") == admin.picture_age("nosuch")


async def test_pictures_are_read_once_for_many_sessions(admin, shop):
    pictures = await asyncio.gather(*(admin.picture("shop") for _ in range(20)))
    assert 1 == len({id(p) for p in pictures})


async def test_a_picture_does_not_wait_for_locked_tables(server, admin, shop):
    shop.execute("create table t (id int primary key, check (id > 0)); create view v as select * from t")
    with server.connect() as holder, holder.transaction(force_rollback=True):
        holder.execute("lock table t, v in access exclusive mode")
        assert "t" in (await admin.picture("shop")).relations_by_name  # while it is locked
        assert {} == await admin.totals("shop", {oid(shop, "t"): 5})


def oid(connection, name):
    return connection.execute(f"select '{name}'::regclass::oid::int").fetchone()[0]


async def test_totals_stop_counting_and_leave_out_what_cannot_be_counted(admin, shop):
    shop.execute(
        'create table "Odd ""t" as select generate_series(1, 100) as g; create table few as select 1 as a;'
        "create table p (id int) partition by list (id); create table p1 partition of p default;"
        "insert into p select generate_series(1, 10); create table kid () inherits (few); insert into kid values (2);"
        "create view v as select 1; create table safe (a int); insert into safe values (1);"
        "alter table safe enable row level security"
    )
    names = {"few": 5, "p": 50, "v": 5, "safe": 5}
    stops = {oid(shop, name): stop for name, stop in names.items()} | {oid(shop, '"Odd ""t"'): 30, 999999: 5}
    found = await admin.totals("shop", stops)
    assert {oid(shop, "few"): 1, oid(shop, "p"): 10, oid(shop, '"Odd ""t"'): 30} == found


async def test_totals_do_not_run_the_owners_code(admin, shop):
    """An index predicate is folded by the planner, with the rights of whoever asks."""
    shop.execute(
        "create table told (who text); grant all on told to public;"
        "create function tell() returns bool language plpgsql as $$ begin"
        " insert into public.told values (current_user);"
        " return true; end $$;"
        "create function spy() returns bool language plpgsql immutable as $$ begin return public.tell(); end $$;"
        "create table t (a int); create index on t (a) where spy(); truncate told"
    )
    assert {} == await admin.totals("shop", {oid(shop, "t"): 5})
    assert 0 == shop.execute("select count(*) from told").fetchone()[0]


async def test_memberships_are_transitive(server, admin, shop):
    shop.execute("drop role if exists r1, r2, r3; create role r1; create role r2 in role r1; create role r3 in role r2")
    assert {"r1", "r2", "r3"} == await admin.memberships("r3")
    assert {"r1"} == await admin.memberships("r1")
    assert frozenset() == await admin.memberships("nosuch")


async def test_who_can_become_the_admin_role_is_told(server, admin, shop):
    assert "" == await admin.can_become()
    shop.execute("grant pgguard_admin to ann")
    try:
        assert "ann can become it" in await admin.can_become()
        assert "" == await admin.can_become("b%")
    finally:
        shop.execute("revoke pgguard_admin from ann")


async def test_the_self_test_proves_that_counters_count(server, admin, shop):
    await admin.self_test("shop")
    await admin.self_test("shop")
    shop.execute("alter role pgguard_admin set track_counts = off")
    other = Admin(server.admin_dsn)
    try:
        with pytest.raises(UpstreamUnavailable, match="track_counts must be on"):
            await other.self_test("shop")
    finally:
        await other.close()
        shop.execute("alter role pgguard_admin reset track_counts")


async def test_our_connections_cannot_write(admin, shop):
    shop.execute("create table t (a int); grant all on t to public")
    with pytest.raises(UpstreamUnavailable, match="read-only"):
        await admin.look("shop", "insert into public.t values (1) returning a")
