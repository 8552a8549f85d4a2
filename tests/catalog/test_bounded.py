"""A proved bound is never below what the server really did: every exception that was found is run here."""

from __future__ import annotations

import psycopg
import pytest

from pgguard.catalog.proof import Bounded, Unproved

FLOAT8, TEXT, INT8, INT4, BPCHAR = 701, 25, 20, 23, 1042

PLAIN = """
create table t (id int primary key, big bigint unique, name text unique, code varchar(10) unique, n numeric unique,
                u uuid unique, d date unique, at timestamptz unique, local timestamp unique, fixed char(5) unique,
                flag bool, f float8, other int);
insert into t (id, big, name, code) select g, g, 'n' || g, 'c' || g from generate_series(1, 1000) g;
create table pair (a int, b int, v text, primary key (a, b));
create type mood as enum ('sad', 'ok');
create table moods (m mood primary key, v int);
"""


@pytest.mark.parametrize(
    ("sql", "types", "rows"),
    [
        ("delete from t where id = 5", (), 1),
        ("delete from t where id = 5 and name like '%x%' and f > random()", (), 1),
        ("delete from public.t where 5 = id", (), 1),
        ("delete from t as x where x.id in (1, 2, 3)", (), 3),
        ("update t set other = other + 1 where id = $1", (), 1),
        ("update t set other = other + 1 where id = $1", (INT4,), 1),
        ("update t set other = 1 where big = $1", (), 1),
        ("update t set other = 1 where big = $1", (INT8,), 1),
        ("update t set other = 1 where big in ($1, 2)", (INT4,), 2),
        ("update t set other = 1 where name = 'n5'", (), 1),
        ("update t set other = 1 where name = $1", (TEXT,), 1),
        ("update t set other = 1 where code = 'c5'", (), 1),
        ("update t set other = 1 where n = 5", (), 1),
        ("update t set other = 1 where n = 5.5", (), 1),
        ("update t set other = 1 where u = '00000000-0000-0000-0000-000000000001'", (), 1),
        ("update t set other = 1 where u = '00000000-0000-0000-0000-000000000001'::uuid", (), 1),
        ("update t set other = 1 where d = '2026-01-01'", (), 1),
        ("update t set other = 1 where at = '2026-01-01'", (), 1),
        ("update t set other = 1 where fixed = 'abc'", (), 1),
        ("delete from pair where a = 1 and b in (1, 2) and v is not null", (), 2),
        ("delete from pair where a in (1, 2) and b in (1, 2)", (), 4),
        ("delete from moods where m = 'sad'", (), 1),
        ("explain analyze delete from t where id = 5", (), 1),
    ],
)
def test_a_lookup_by_unique_key_is_bounded(make_database, sql, types, rows):
    proof = make_database(PLAIN).prove(sql, types)
    assert isinstance(proof, Bounded), proof
    assert rows == proof.rows
    assert proof.table.startswith("public.")


@pytest.mark.parametrize(
    ("sql", "types"),
    [
        ("delete from t where id > 5", ()),
        ("delete from t where id = 5 or id = 6", ()),
        ("delete from t where other = 5", ()),
        ("delete from t", ()),
        ("delete from t where id = (random() * 1000)::int", ()),
        ("delete from t where id = any(array[1, 2])", ()),
        ("delete from t where id in (select other from t)", ()),
        ("delete from t where name = 'a' collate \"C\"", ()),
        ("delete from t where id operator(pg_catalog.=) 5", ()),
        ("delete from t where big = $1", (FLOAT8,)),
        ("delete from t where big = 1::float8", ()),
        ("delete from t where fixed = $1", (TEXT,)),
        ("delete from t where local = $1", (1184,)),
        ("delete from t where f > $1 and big = $1", ()),
        ("delete from t where -$1 < 5 and big = $1", ()),
        ("delete from t where sqrt($1) < 5 and big = $1", ()),
        ("delete from t where $1 > 0::float8 and big = $1", ()),
        ("delete from t where n = $1 and f = $1", ()),
        ("delete from t where at > $1 and local = $1", ()),
        ("delete from pair where a = 1", ()),
        ("delete from pair where a = 1 and b is null", ()),
        ("delete from pair where a = 1 and b is not distinct from 3", ()),
        ("delete from t using pair where id = 5", ()),
        ("with x as (select 1) delete from t where id = 5", ()),
        ("insert into t (id) values (1) on conflict (id) do update set other = 1", ()),
    ],
)
def test_anything_else_is_measured(make_database, sql, types):
    proof = make_database(PLAIN).prove(sql, types)
    assert isinstance(proof, Unproved), proof
    assert proof.relations


# (schema, statement, parameter types, rows that it really touched)
EXCEPTIONS = {
    "bigint = float8 beyond 2^53": (
        "create table t (id bigint primary key); insert into t values (9007199254740992), (9007199254740993)",
        "delete from t where id = 9007199254740992::float8", (), 2,
    ),
    "nondeterministic collation": (
        "create collation ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
        "create table t (k text primary key, v text); insert into t values ('a'), ('A');",
        "delete from t where k = 'a' collate ci", (), 2,
    ),
    "pg_catalog not first": (
        "create schema ev; create function ev.eq(int, int) returns bool language sql immutable as 'select true';"
        "create operator ev.= (leftarg = int, rightarg = int, function = ev.eq);"
        "create table t (id int primary key); insert into t select generate_series(1, 1000);"
        "set search_path = ev, pg_catalog, public",
        "delete from t where id = 5", (), 1000,
    ),
    "int = text through a user's operator": (
        "create function eq(int, text) returns bool language sql immutable as 'select true';"
        "create operator = (leftarg = int, rightarg = text, function = eq);"
        "create table t (id int primary key); insert into t select generate_series(1, 1000)",
        "delete from t where id = '1'::text", (), 1000,
    ),
    "deferrable unique": (
        "create table t (id int unique deferrable initially deferred, v int)",
        "delete from t where id = 1", (), None,
    ),
    "inheritance child": (
        "create table t (id int primary key); create table c () inherits (t); insert into t values (1);"
        "insert into c select 1 from generate_series(1, 700)",
        "delete from t where id = 1", (), 701,
    ),
    "unique on one partition only": (
        "create table t (id int, p int) partition by list (p); create table t1 partition of t for values in (1);"
        "create table t2 partition of t for values in (2);"
        "create unique index on t1 (id); create unique index on t2 (id);"
        "insert into t values (1, 1), (1, 2)",
        "delete from t where id = 1", (), 2,
    ),
    "null in a pair": (
        "create table t (a int, b int, unique (a, b)); insert into t select 1, null from generate_series(1, 400)",
        "delete from t where a = 1 and b is null", (), 400,
    ),
    "partial unique index": (
        "create table t (id int, v int); create unique index on t (id) where v = 1;"
        "insert into t values (1, 1), (1, 2), (1, 2)",
        "delete from t where id = 1", (), 3,
    ),
    "unique expression": (
        "create table t (id int, v int); create unique index on t ((id + v)); insert into t values (1, 1), (1, 2)",
        "delete from t where id = 1", (), 2,
    ),
    "subquery run again": (
        "create table t (id int primary key); insert into t select generate_series(1, 1000)",
        "delete from t where id in (select (random() * 1000)::int from generate_series(1, 5))", (), None,
    ),
    "timestamp = timestamptz over a gap": (
        "set timezone = 'Europe/Berlin'; create table t (at timestamp primary key);"
        "insert into t values ('2026-03-29 02:30'), ('2026-03-29 03:30')",
        "delete from t where at = '2026-03-29 03:30'::timestamptz", (), 2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", list(EXCEPTIONS), ids=lambda name: name.replace(" ", "-"))
def test_every_exception_that_touches_more_rows_is_not_bounded(make_database, case):
    schema, sql, types, really = EXCEPTIONS[case]
    try:
        database = make_database(schema)
    except psycopg.errors.FeatureNotSupported:
        pytest.skip("this server was built without ICU")
    if really is not None:
        with database.connection.transaction(force_rollback=True):
            assert really == database.connection.execute(sql).rowcount
    assert isinstance(database.prove(sql, types), Unproved)


def test_only_keeps_inheritance_children_out(make_database):
    database = make_database("create table t (id int primary key); create table c () inherits (t)")
    assert isinstance(database.prove("delete from only t where id = 1"), Bounded)


def test_a_partitioned_root_with_the_index_is_bounded(make_database):
    database = make_database(
        "create table t (id int primary key, v int) partition by range (id);"
        "create table t1 partition of t for values from (0) to (10)"
    )
    assert Bounded(1, "public.t", database.value("select 't'::regclass::oid::int"), True) == database.prove(
        "delete from t where id = 1"
    )
    assert isinstance(database.prove("update t set v = 1 where id = 1"), Bounded)


@pytest.mark.parametrize(
    ("action", "sql", "bounded"),
    [
        ("on delete cascade", "delete from p where id = 1", False),
        ("on delete set null", "delete from p where id = 1", False),
        ("on delete set default", "delete from p where id = 1", False),
        ("on delete restrict", "delete from p where id = 1", True),
        ("", "delete from p where id = 1", True),
        ("on delete cascade", "update p set v = 1 where id = 1", True),
        ("on update cascade", "update p set v = 1 where id = 1", True),
        ("on update cascade", "update p set id = 2 where id = 1", False),
        ("on update cascade", "update p set id = default where id = 1", False),
        ("on update cascade", "delete from p where id = 1", True),
    ],
)
def test_foreign_keys_with_an_action_are_followed(make_database, action, sql, bounded):
    database = make_database(
        f"create table p (id int primary key, v int); create table c (p int references p {action}, v int)"
    )
    proof = database.prove(sql)
    if bounded:
        assert isinstance(proof, Bounded), proof
    else:
        both = frozenset(database.value(f"select '{name}'::regclass::oid::int") for name in "pc")
        assert isinstance(proof, Unproved)
        assert both == proof.relations


def test_every_table_of_the_name_must_have_the_key(make_database):
    database = make_database("create table t (id int primary key); create schema s; create table s.t (id int)")
    proof = database.prove("delete from t where id = 1")
    assert isinstance(proof, Unproved)
    assert len(proof.relations or ()) == 2
    assert isinstance(database.prove("delete from public.t where id = 1"), Bounded)


def test_a_temporary_table_of_the_name_counts(make_database):
    database = make_database("create table t (id int primary key); create temp table t (id int)")
    assert isinstance(database.prove("delete from t where id = 1"), Unproved)
    assert isinstance(database.prove("delete from pg_temp.t where id = 1"), Unproved)


def test_unlogged_tables_are_measured(make_database):
    assert isinstance(
        make_database("create unlogged table t (id int primary key)").prove("delete from t where id = 1"), Unproved
    )


def test_an_operator_between_user_types_alone_does_not_matter(make_database):
    """citext and hstore bring an = of their own; every bigint key would be unproved with them installed."""
    schema = (
        "create table t (id int primary key); create type pair as (a int, b int);"
        "create function eq(pair, pair) returns bool language sql immutable as 'select true';"
        "create operator = (leftarg = pair, rightarg = pair, function = eq)"
    )
    assert isinstance(make_database(schema).prove("delete from t where id = 1"), Bounded)
