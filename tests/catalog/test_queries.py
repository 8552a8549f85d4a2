"""The catalog queries take no lock on what they describe, and the fingerprint changes exactly when it must."""

from __future__ import annotations

import time

import pytest

from pgguard.catalog.queries import FINGERPRINT_SQL, QUERIES

CHANGES = [
    "alter table t add column b int", "alter table t alter column a set not null", "alter table t rename to t2",
    "create index on t2 (a)", "alter table t2 add constraint c check (a > 0)", "alter table t2 rename column a to a2",
    "create function f() returns trigger language plpgsql as 'begin return new; end'",
    "create or replace function f() returns trigger language plpgsql as 'begin return null; end'",
    "create trigger g before insert on t2 for each row execute function f()", "alter table t2 disable trigger g",
    "create view v as select 1 as x", "create or replace view v as select 2 as x",
    "alter table t2 enable row level security",
    "create policy p on t2 using (true)", "alter table t2 alter column a2 set default 1", "create domain d as int",
    "alter domain d add check (value > 0)", "create type e as enum ('a')", "create table c () inherits (t2)",
    "create operator === (leftarg = int, rightarg = int, function = int4eq)", "create cast (d as text) with inout",
    "create schema s", "alter schema s rename to s2", "create statistics st on (a2 + 1), a2 from t2",
    "drop policy p on t2", "create collation x from \"C\"", "drop table c", "truncate t2",
]  # fmt: skip


def test_the_fingerprint_changes_with_every_change_that_matters(database):
    database.run("create table t (a int)")
    seen = [database.value(FINGERPRINT_SQL)]
    for change in CHANGES:
        database.run(change)
        assert database.value(FINGERPRINT_SQL) not in seen, change
        seen.append(database.value(FINGERPRINT_SQL))


def test_the_fingerprint_stays_through_vacuum_analyze_and_work(database):
    database.run("create table t (a int primary key, b text); create index on t (b)")
    before = database.value(FINGERPRINT_SQL)
    database.run("insert into t select g, g::text from generate_series(1, 1000) g")
    database.run("delete from t where a > 500")
    for sql in ("vacuum t", "analyze t", "vacuum (freeze, analyze) t", "vacuum freeze pg_class", "vacuum analyze"):
        database.run(sql)
    assert before == database.value(FINGERPRINT_SQL)


@pytest.mark.parametrize("name", [*QUERIES, "fingerprint"])
def test_no_query_waits_for_a_table_that_somebody_holds(database, name):
    database.run(
        "create table t (a int default 5 primary key, check (a > 0)) partition by range (a);"
        "create view v as select a from t; create index on t ((a + 1)); create materialized view m as select 1"
    )
    with database.server.connect(database.connection.info.dbname) as holder, holder.transaction(force_rollback=True):
        holder.execute("lock table t, v in access exclusive mode")
        holder.execute("refresh materialized view m")
        database.run("set lock_timeout = '100ms'")
        database.connection.execute(FINGERPRINT_SQL if name == "fingerprint" else QUERIES[name]).fetchall()


@pytest.mark.slow
def test_cost_with_2000_tables(database, capsys):
    """Prints what a picture and a fingerprint cost; asserts nothing about time."""
    database.run(
        "do $$ begin for i in 1..2000 loop execute format('create table t%s (id int primary key, a text not null, b int"
        " default 5, c timestamptz default now(), d numeric, e text, f int, g bool)', i); end loop; end $$"
    )
    began = time.perf_counter()
    rows = {name: database.connection.execute(sql).fetchall() for name, sql in QUERIES.items()}
    read = time.perf_counter()
    picture = database.picture()
    built = time.perf_counter()
    for _ in range(5):
        database.value(FINGERPRINT_SQL)
    finger = (time.perf_counter() - built) / 5
    with capsys.disabled():
        print(
            f"\nPostgreSQL {database.server.major}, 2000 tables: rows {(read - began) * 1e3:.0f} ms,"
            f" rows and build {(built - read) * 1e3:.0f} ms, fingerprint {finger * 1e3:.1f} ms"
        )
    assert 2000 == sum(1 for r in picture.relations.values() if r.schema == "public")
    assert rows["relations"]
