"""Locks, sizes and rows of somebody else's open transaction, seen from outside, and never more than may be seen."""

from __future__ import annotations

import pytest

from pgguard.errors import UpstreamUnavailable
from pgguard.upstream.witness import CHARACTERS


def nothing(schema, table, column):
    return False


def make(shop, sql):
    shop.execute(sql)
    return {name: oid for oid, name in shop.execute(
        "select oid::int8, relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
    ).fetchall()}  # fmt: skip


@pytest.fixture
def client(server):
    """A transaction that is open until the test is over."""
    with server.connect() as connection:
        connection.autocommit = False
        yield connection
        connection.rollback()


async def seen(admin, client, *oids, hidden=nothing):
    return await admin.witness("shop", client.info.backend_pid, oids, hidden, 5.0)


async def test_rows_as_they_were_before(admin, shop, client):
    rows = "insert into t values (1, 'a'), (2, 'b'), (3, null)"
    oids = make(shop, f"create table t (id int primary key, note text); {rows}")
    client.execute("update t set note = 'changed' where id = 1; savepoint s; delete from t where id = 3")
    found = await seen(admin, client, oids["t"])

    assert found.locks == (("public.t", "RowExclusiveLock"),)
    (sample,) = found.samples
    assert sorted(map(dict, sample.rows), key=lambda row: row["id"]) == [
        {"id": "1", "note": "a"}, {"id": "3", "note": None}
    ]  # fmt: skip


async def test_rows_that_others_are_about_to_lose_are_not_ours(server, admin, shop, client):
    oids = make(shop, "create table t (id int primary key); insert into t values (1), (2)")
    with server.connect() as other:
        other.autocommit = False
        other.execute("delete from t where id = 2")
        client.execute("delete from t where id = 1")
        found = await seen(admin, client, oids["t"])
        other.rollback()

    assert [dict(row) for sample in found.samples for row in sample.rows] == [{"id": "1"}]


async def test_hidden_columns_are_never_read(admin, shop, client):
    oids = make(shop, "create table t (id int, email text); insert into t values (1, 'a@b.c')")
    client.execute("delete from t")
    found = await seen(admin, client, oids["t"], hidden=lambda schema, table, column: column == "email")

    (sample,) = found.samples
    assert (sample.rows, sample.masked) == (((("id", "1"),),), 1)
    assert not (await seen(admin, client, oids["t"], hidden=lambda *names: True)).samples


async def test_no_code_of_users_runs_with_our_rights(server, admin, shop, client):
    """A cast, a rule of row security: each would run a function of the table's owner as pgguard."""
    oids = make(
        shop,
        "create table seen (who text); create type mood as enum ('good', 'bad');"
        "create function spy(mood) returns text language plpgsql as"
        " $$ begin insert into seen values (current_user); return 'spied'; end $$;"
        "create cast (mood as text) with function spy(mood);"
        "create function spy() returns bool language plpgsql as"
        " $$ begin insert into seen values (current_user); return true; end $$;"
        "create table t (id int, how mood); insert into t values (1, 'good');"
        "create type plain as enum ('good', 'bad'); create table u (how plain); insert into u values ('bad');"
        "create table guarded (id int); insert into guarded values (1); alter table guarded enable row level security;"
        "create policy p on guarded using (spy());",
    )
    client.execute("delete from t; delete from guarded; delete from u")
    found = await seen(admin, client, oids["t"], oids["guarded"], oids["u"])

    assert [(sample.table, dict(sample.rows[0])) for sample in found.samples] == [("public.u", {"how": "bad"})]
    assert shop.execute("select count(*) from seen").fetchone() == (0,)


async def test_long_values_and_odd_names(admin, shop, client):
    rows = """insert into "T"";" values (repeat('x', 9000), '\\x00')"""
    oids = make(shop, f'create table "T"";" ("a""b" text, """" bytea); {rows}')
    client.execute('delete from "T"";"')
    (sample,) = (await seen(admin, client, oids['T";'])).samples

    assert dict(sample.rows[0]) == {'a"b': "x" * CHARACTERS + "...", '"': "\\x00"}


async def test_a_table_that_is_locked_away_gives_nothing(admin, shop, client):
    oids = make(shop, "create table t (id int); insert into t values (1)")
    client.execute("truncate t")
    found = await seen(admin, client, oids["t"])

    assert (found.samples, found.locks) == ((), (("public.t", "AccessExclusiveLock"),))


async def test_sizes(admin, shop):
    rows = "insert into t select generate_series(1, 1000); analyze t"
    oids = make(shop, f"create table t (id int); {rows}; create table e ()")
    found = await admin.sizes("shop", [oids["t"], oids["e"], 99_999_999], 5.0)

    assert found[oids["t"]].rows == 1000
    assert found[oids["t"]].size >= 8192 * 4
    assert set(found) == {oids["t"]}


async def test_a_size_that_somebody_locks_away_is_no_wait(admin, shop, client):
    oids = make(shop, "create table t (id int); insert into t values (1)")
    client.execute("lock table t")
    with pytest.raises(UpstreamUnavailable):
        await admin.sizes("shop", [oids["t"]], 5.0)
