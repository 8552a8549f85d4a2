"""What is harmless, what opaque, and which relations a measured statement can change."""

from __future__ import annotations

import pytest

from pgguard.catalog.proof import Bounded, Harmless, Unproved

SHOP = """
create table accounts (id int primary key, email text, at timestamptz default now());
create table orders (id int primary key, account int references accounts on delete cascade, status text);
create table items (id int primary key, ord int references orders on delete cascade deferrable, n int check (n > 0));
create table events (id bigint, at date) partition by range (at);
create table events_1 partition of events for values from ('2026-01-01') to ('2027-01-01');
create view v as select * from accounts;
create materialized view mv as select count(*) from orders;
create sequence s;
create index on accounts (lower(email));
"""

HARMLESS = [
    "select * from accounts a join orders o on o.account = a.id where lower(email) ~~ 'x%'",
    "select * from v", "select * from mv", "table accounts", "values (1)",
    "with x as (select 1 as y) select x.y from x",
    "select count(*), max(at), string_agg(email, ',') filter (where id > 1) from accounts group by rollup (id)",
    "select row_number() over (order by id), coalesce(null, 1), case id when 1 then 2 end from accounts",
    "select * from accounts for update skip locked",
    "select pg_advisory_unlock_all()", "select pg_is_in_recovery()", "select current_setting('server_version')",
    "select version(), pg_backend_pid(), current_user, current_schema()", "select nextval('s')",
    "select pg_advisory_xact_lock(1), pg_sleep(0), gen_random_uuid(), clock_timestamp(), txid_current()",
    "select has_table_privilege('accounts', 'select'), pg_get_viewdef('v'::regclass), format_type(23, -1)",
    "select to_regclass('x'), obj_description(1, 'pg_class'), jsonb_build_object('a', 1) -> 'a'",
    "select n.nspname, c.relname from pg_catalog.pg_class c"
    " left join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
    " where c.relname operator(pg_catalog.~) '^(x)$' collate pg_catalog.default"
    " and pg_catalog.pg_table_is_visible(c.oid)",
    "select * from information_schema.columns", "select * from pg_stat_activity",
    "select xmlelement(name a, 1)", "select '2026-01-01'::date + interval '1 day'", "select array[1,2] @> array[1]",
    "begin", "commit", "rollback", "savepoint a", "set statement_timeout = 5", "reset all", "show all", "discard all",
    "listen x", "notify x, 'y'", "prepare p as delete from accounts", "deallocate p",
    "lock table accounts", "declare c cursor for select * from accounts", "close c",
    "explain select * from accounts", "explain delete from accounts", "explain (analyze) select 1",
    "copy accounts to stdout", "copy (select 1) to stdout", "comment on table accounts is 'x'",
    "vacuum accounts", "vacuum", "analyze", "vacuum full accounts", "reindex table accounts",
    "reindex index accounts_pkey", "refresh materialized view mv", "cluster accounts using accounts_pkey", "checkpoint",
]  # fmt: skip


def test_what_clients_send_all_day_is_harmless(make_database):
    database = make_database(SHOP)
    assert [] == [(sql, database.prove(sql)) for sql in HARMLESS if database.prove(sql) != Harmless()]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("insert into accounts values (1, 'a', default)", Harmless(inserts=True)),
        ("insert into v (id) select id from accounts on conflict do nothing returning *", Harmless(inserts=True)),
        ("copy accounts from stdin", Harmless(inserts=True)),
        ("insert into items values (1, 1, 1)", Harmless(inserts=True, deferrable=True)),
        ("insert into events values (1, '2026-02-02')", Harmless(inserts=True)),
        ("create table n (id serial primary key, t text default 'x' check (length(t) > 1))", Harmless(ddl=True)),
        ("create temp table n (id int)", Harmless(ddl=True)),
        ("create index on orders (status)", Harmless(ddl=True)),
        ("create index concurrently on orders (upper(status))", Harmless(ddl=True)),
        ("alter table orders add column x int default 5, add check (x > 1)", Harmless(ddl=True)),
        ("create view w as select * from orders", Harmless(ddl=True)),
        ("create table n as select * from orders", Harmless(inserts=True, ddl=True)),
        ("select * into n from orders", Harmless(inserts=True, ddl=True)),
        ("create materialized view n as select * from orders", Harmless(inserts=True, ddl=True)),
        ("create type color as enum ('red')", Harmless(ddl=True)),
        ("create sequence q", Harmless(ddl=True)),
        ("create schema q", Harmless(ddl=True)),
    ],
)
def test_what_only_adds_is_harmless(make_database, sql, expected):
    assert expected == make_database(SHOP).prove(sql)


def test_a_select_that_is_a_set_is_harmless_unless_a_user_has_a_function_of_its_name(make_database):
    sql = "select set_config('search_path', $1, false)"
    assert isinstance(make_database(SHOP).prove(sql), Harmless)

    own = SHOP + """
        create schema own;
        create function own.set_config(text, varchar, bool) returns text language plpgsql as
            'begin delete from accounts; return 1; end';
    """
    proof = make_database(own).prove(sql)
    assert isinstance(proof, Unproved)
    assert proof.opaque


@pytest.mark.parametrize(
    "sql",
    [
        "do $$ begin end $$", "call p()", "execute p", "explain analyze execute p", "copy accounts to '/tmp/x'",
        "copy accounts from program 'cat'", "fetch 1 from c", "move all in c", "select no_such_function()",
        "select * from no_such_table", "delete from no_such_table", "select 1 operator(public.===) 2",
        "select set_config('a.b', '1', false)", "select pg_stat_force_next_flush()", "select setval('s', 1)",
        "select query_to_xml('delete from accounts returning 1', true, true, '')",
        "select pg_read_file('x')", "select lo_unlink(1)", "select pg_terminate_backend(1)",
        "select x.pg_reload_conf_x, x.pg_cancel_backend from generate_series(1, 1) x", "select (1).pg_cancel_backend",
        "select domain_in('x', 1, 1)", "update pg_class set relname = 'x'", "delete from pg_catalog.pg_proc",
        "update pg_settings set setting = '1'", "create extension citext", "load 'x'", "select ts_rewrite('a', 'b')",
        "explain select no_such_function()", "set constraints all immediate",
    ],
)  # fmt: skip
def test_what_is_not_understood_is_opaque(make_database, sql):
    proof = make_database(SHOP).prove(sql)
    assert isinstance(proof, Unproved), proof
    assert proof.opaque


@pytest.mark.parametrize(
    ("sql", "relations", "targets"),
    [
        ("delete from accounts", "accounts orders items", "accounts"),
        ("update accounts set email = 'x'", "accounts", "accounts"),
        ("delete from accounts where id = 1", "accounts orders items", "accounts"),
        ("delete from orders", "orders items", "orders"),
        ("delete from v", "accounts orders items", "v"),
        ("delete from events", "events events_1", "events"),
        ("with x as (delete from items returning *) select * from x", "items", "items"),
        ("insert into accounts values (1) on conflict (id) do update set email = 'x'", "accounts", "accounts"),
        ("explain analyze update accounts set email = 'x'", "accounts", "accounts"),
    ],
)
def test_a_measured_statement_names_what_can_change(make_database, sql, relations, targets):
    database = make_database(SHOP)

    def oids(names):
        return frozenset(database.value(f"select '{name}'::regclass::oid::int") for name in names.split())

    proof = database.prove(sql)
    assert isinstance(proof, Unproved), proof
    assert oids(relations) <= (proof.relations or frozenset())
    assert (proof.relations or frozenset()) <= oids(relations) | oids("v")
    assert oids(targets) == proof.targets
    assert not proof.changes_objects


@pytest.mark.parametrize(
    "sql",
    ["drop table accounts", "drop table if exists nosuch, items", "drop function if exists nosuch",
     "drop view " + "x" * 63, "truncate accounts cascade",
     "alter table orders drop column status",
     "alter table orders alter column status type int using null", "create or replace view v as select * from accounts",
     "grant all on accounts to public", "create role x", "drop role x", "alter system set work_mem = '1MB'",
     "drop database x", "alter table orders rename to o2", "alter table orders disable trigger all"],
)  # fmt: skip
def test_changes_of_objects_are_compared_from_outside(make_database, sql):
    proof = make_database(SHOP).prove(sql)
    assert isinstance(proof, Unproved), proof
    assert proof.changes_objects
    assert proof.relations is not None


@pytest.mark.parametrize("what", ["table nosuch", "index concurrently nosuch", "view x.nosuch, y", "sequence nosuch"])
def test_a_drop_of_what_is_in_no_schema_is_harmless(make_database, what):
    assert make_database(SHOP).prove(f"drop {what}") == Harmless(inserts=True, ddl=True)


@pytest.mark.parametrize("what", ["table accounts", "index accounts_pkey", "view v", "table other.accounts"])
def test_a_drop_of_what_is_in_any_schema_is_not(make_database, what):
    assert isinstance(make_database(SHOP).prove(f"drop {what}"), Unproved)


@pytest.mark.parametrize(
    "sql",
    ["alter table nosuch add column a int", "create index on nosuch (a)", "vacuum nosuch",
     "create trigger t before insert on nosuch execute function f()",
     "create table n (like nosuch)", "create index on orders (status nosuch_ops)"],
)  # fmt: skip
def test_ddl_on_what_is_not_known_is_opaque(make_database, sql):
    assert getattr(make_database(SHOP).prove(sql), "opaque", False)


def test_sql_json_and_operator_classes_are_not_unknown_functions(make_database, server):
    database = make_database(SHOP)
    assert Harmless(ddl=True) == database.prove("create index on orders (status varchar_pattern_ops)")
    assert Harmless(ddl=True) == database.prove("create index on orders using gist (status inet_ops)")
    for sql in ("select json_array(1)", "select json_value('1', '$')", "select json_object('a': 1)"):
        assert (database.prove(sql) == Harmless()) == (server.major >= 17 or "object" in sql), sql


def test_cascades_that_wait_for_commit_are_told(make_database):
    proof = make_database(SHOP).prove("delete from orders")
    assert isinstance(proof, Unproved)
    assert proof.deferrable


def test_foreign_tables_and_other_storage_are_opaque(make_database):
    database = make_database(
        "create foreign data wrapper w; create server s foreign data wrapper w;create foreign table f (id int) server s"
    )
    for sql in ("select * from f", "delete from f", "insert into f values (1)"):
        assert getattr(database.prove(sql), "opaque", False), sql


def test_event_triggers_make_all_ddl_opaque(make_database):
    database = make_database(
        SHOP + "create function e() returns event_trigger language plpgsql as 'begin end';"
        "create event trigger e on ddl_command_start execute function e()"
    )
    for sql in ("create table q ()", "drop table items", "comment on table items is 'x'", "create table q as select 1"):
        assert getattr(database.prove(sql), "opaque", False), sql
    assert isinstance(database.prove("update items set n = 2 where id = 1"), Bounded)
