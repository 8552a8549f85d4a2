"""What is destroyed besides rows, asked of a real server after each statement."""

from __future__ import annotations

from typing import Any

import pytest

SCHEMA = """
create schema w;
create table w.a (id int primary key, v int not null default 1, t varchar(10), amount numeric check (amount >= 0));
create index a_v on w.a (v);
create unique index a_t on w.a (t);
create table w.b (id int primary key, a_id int references w.a on delete cascade);
create table w.empty (id int, v int);
create table w.own (id serial primary key, v int);
create table w.p (id int, k int) partition by list (k);
create table w.p1 partition of w.p for values in (1);
create table w.p2 partition of w.p for values in (2);
create table w.loose (id int, k int);
create function w.f() returns int language sql as 'select 1';
create function w.tf() returns trigger language plpgsql as 'begin return new; end';
create trigger a_trg before insert on w.a for each row execute function w.tf();
create view w.va as select id, v from w.a;
create view w.vb as select id from w.va;
create materialized view w.m as select count(*) as n from w.a;
create rule b_rule as on insert to w.b where new.id < 0 do instead nothing;
alter table w.a enable row level security;
create policy a_pol on w.a using (v > 0);
create sequence w.s;
create type w.mood as enum ('sad', 'happy');
create type w.pair as (x int, y int);
create domain w.positive as int check (value > 0);
create procedure w.pr() language sql as 'select 1';
insert into w.a select g, g, 'x' || g, g from generate_series(1, 1000) g;
insert into w.b select g, g from generate_series(1, 500) g;
insert into w.own (v) select g from generate_series(1, 100) g;
insert into w.p select g, 1 + g % 2 from generate_series(1, 200) g;
analyze w.a, w.b, w.own, w.p, w.empty;
"""

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
    ("alter table w.a add constraint more check (v >= 0)", NOTHING),
    ("alter table w.a set unlogged", ["error"]),
    ("alter table w.b set unlogged", NOTHING),
    ("create index on w.a (amount)", NOTHING),
    ("create trigger t2 before insert on w.a for each row execute function w.tf()", NOTHING),
    ("create table w.new (id int primary key, a_id int references w.a)", NOTHING),
    ("create temp table tt (id int); insert into tt values (1); truncate tt; drop table tt", NOTHING),
    ("create or replace function w.f() returns int language sql as 'select 1'", NOTHING),
    ("create or replace view w.vb as select id from w.va", NOTHING),
    ("create function w.g() returns int language sql as 'select 1'", NOTHING),
    ("alter table w.p attach partition w.loose for values in (3)", NOTHING),
    ("create table w.p3 partition of w.p for values in (3)", NOTHING),
    ("reindex table w.a", NOTHING),
    ("cluster w.a using a_pkey", NOTHING),
    ("refresh materialized view w.m", NOTHING),
    ("comment on table w.a is 'x'", NOTHING),
    ("analyze w.a", NOTHING),
    ("alter type w.mood add value 'angry'", NOTHING),
    ("alter domain w.positive add check (value < 1000)", NOTHING),
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
    ("alter index w.a_v rename to z", ["index w.a_v renamed"]),
    ("drop view w.vb", ["view w.vb dropped"]),
    ("drop view w.va cascade", ["view w.va dropped", "view w.vb dropped"]),
    ("create or replace view w.vb as select id from w.va where id > 1", ["view w.vb replaced"]),
    ("drop view w.vb; create view w.vb as select v from w.va", ["view w.vb replaced"]),
    ("alter view w.vb set (security_barrier = true)", ["view w.vb changed"]),
    ("drop materialized view w.m", ["materialized view w.m dropped 1"]),
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
    ("alter domain w.positive drop constraint positive_check", ["type w.positive changed"]),
    ("drop domain w.positive", ["type w.positive dropped"]),
    ("alter table w.b rename to c", ["table w.b renamed"]),
    ("alter table w.b rename a_id to x", ["column w.b.a_id renamed"]),
    ("alter table w.b set schema public", ["table w.b renamed"]),
    ("alter schema w rename to x", ["schema w renamed"]),
    ("alter table w.b owner to other", ["error"]),
    ("grant create on schema w to other; alter table w.b owner to other", ["table w.b changed"]),
    ("alter table w.p detach partition w.p1", ["table w.p1 changed"]),
    ("create schema x; drop schema x", NOTHING),
    ("select lo_unlink(lo_create(0))", NOTHING),
]


def words(client: Any) -> list[str]:
    return [
        f"{d.kind} {d.name} {d.how}" + (f" {d.rows}" if d.rows is not None else "") for d in client.destroyed()
    ]


@pytest.fixture
def shop(client: Any) -> Any:
    client.run(SCHEMA)
    return client


def test_statements(shop: Any, subtests: pytest.Subtests) -> None:
    """Every statement of the list destroys exactly what stands beside it, and nothing that is not there."""
    for sql, expected in CASES:
        with subtests.test(sql):
            shop.flush()
            shop.run("begin")
            try:
                shop.run(sql)
                said = words(shop)
            except Exception as trouble:
                said = ["error", str(trouble)]
            shop.run("rollback")
            if expected == ["error"]:
                assert said[0] == "error"
            else:
                assert said == sorted(expected)
