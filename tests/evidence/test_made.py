"""What a transaction added, asked of a real server: each hazard in a DO, so that no text shows it."""

from __future__ import annotations

from typing import Any

import pytest

from pgguard.errors import ProtocolViolation
from pgguard.evidence.made import made

# Ordinary functions of a user: ``f`` of a number, ``w`` of a row (called without looking like a call).
SETTING = """
create function w.f2(int) returns int language plpgsql immutable as 'begin return $1; end';
create function public.of_row(w.loose) returns int language plpgsql immutable as 'begin return 1; end';
create function w.diff(int, int) returns float8 language plpgsql immutable as 'begin return 1; end';
create domain w.checked as int check (w.f2(value) > 0);
create domain w.over as w.checked;
create table w.q (id int, k int) partition by list (k);
create index q_f on w.q (w.f2(id));
create trigger q_trg before insert on w.q for each row execute function w.tf();
create table w.apart (id int, k int);
create table w.indexed (id int, t varchar(5), d int default w.f2(1));
create index indexed_f on w.indexed (w.f2(id), t);
grant select on w.loose to outside;
grant select (id, k), update (k) on w.q to outside;
create statistics w.st on id, k from w.loose;
set client_min_messages = error;
"""
LATER = "runs-code-later"
HAZARDS: list[tuple[str, list[tuple[str, str]]]] = [
    (
        "create trigger x after update on w.loose for each row execute function w.tf()",
        [(LATER, "a trigger will run with later statements (w.loose.x)")],
    ),
    (
        "create constraint trigger x after update on w.p1 for each row execute function w.tf()",
        [(LATER, "a trigger will run with later statements (w.p1.x)")],
    ),
    (
        "create rule x as on delete to w.loose do instead nothing",
        [(LATER, "a rule will rewrite later statements (w.loose.x)")],
    ),
    ("create policy x on w.loose using (false)", [(LATER, "a policy will run with later statements (w.loose.x)")]),
    (
        "create index x on w.loose (w.f2(id))",
        [(LATER, "an index will run user code, also in autovacuum (w.loose.w.x)")],
    ),
    ("create index x on w.loose ((loose.of_row))", [(LATER, "an index will run user code")]),
    ("create index x on w.loose (id) where w.f2(id) > 1", [(LATER, "an index will run user code")]),
    ("create index x on w.loose ((id::w.checked))", [(LATER, "an index will run user code")]),
    ("create index x on w.loose ((id::w.over))", [(LATER, "an index will run user code")]),
    ("create table w.new (id int); create index x on w.new (w.f2(id))", [(LATER, "an index will run user code")]),
    (
        "create table w.np (id int, k int) partition by list (k); create index on w.np (w.f2(id));"
        " alter table w.np attach partition w.apart for values in (1)",
        [(LATER, "an index will run user code"), (LATER, "an index will run user code")],
    ),
    (
        "create table w.np (id int, k int) partition by list (k);"
        " create trigger x after insert on w.np for each row execute function w.tf();"
        " alter table w.np attach partition w.apart for values in (1)",
        [
            (LATER, "a trigger will run with later statements (w.apart.x)"),
            (LATER, "a trigger will run with later statements (w.np.x)"),
        ],
    ),
    (
        "create table w.np (id int, k int) partition by list (k);"
        " create trigger x after insert on w.np for each row execute function w.tf()",
        [(LATER, "a trigger will run with later statements (w.np.x)")],
    ),
    ("create statistics w.x on (w.f2(id)), id from w.loose", [(LATER, "extended statistics will run user code")]),
    (
        "create table w.new (id int); create statistics w.x on (w.f2(id)), id from w.new",
        [(LATER, "extended statistics will run user code")],
    ),
    (
        "alter table w.loose alter k set default w.f2(1)",
        [(LATER, "a table's default or generated column will run user code (w.loose.k)")],
    ),
    (
        "alter table w.loose add g int generated always as (w.f2(id)) stored",
        [(LATER, "a table's default or generated column")],
    ),
    (
        "alter table w.loose add constraint x check (w.f2(id) > 0)",
        [(LATER, "a table's check will run user code (w.loose.x)")],
    ),
    ("alter table w.own alter v set default '1'::w.checked", [(LATER, "a table's default")]),
    ("create domain w.d as int check (w.f2(value) > 0)", [(LATER, "a domain will run user code")]),
    ("create domain w.d as int default w.f2(1)", [(LATER, "a domain will run user code")]),
    ("alter domain w.positive add check (w.f2(value) > 0)", [(LATER, "a domain will run user code")]),
    ("create type w.r as range (subtype = int, subtype_diff = w.diff)", [(LATER, "a range type will run user code")]),
    (
        "create table w.np (id int) partition by list (w.f2(id))",
        [(LATER, "a table's partition key will run user code")],
    ),
    ("alter table w.loose set unlogged", [("disables-safety", "the statement makes a table lose its rows")]),
    ("grant delete on w.loose to other", [("changes-roles", "privileges on objects are granted or revoked")]),
    ("grant delete on w.own to other", [("changes-roles", "privileges on objects are granted or revoked")]),
    ("revoke select on w.loose from outside", [("changes-roles", "privileges on objects")]),
    ("grant update (id) on w.loose to other", [("changes-roles", "privileges on objects")]),
    ("revoke select (id) on w.q from outside", [("changes-roles", "privileges on objects")]),
    ("revoke all (k) on w.q from outside", [("changes-roles", "privileges on objects")]),
    ("revoke all on w.q from outside", [("changes-roles", "privileges on objects")]),
    ("grant execute on function w.f() to other", [("changes-roles", "privileges on objects")]),
    ("grant create on schema w to other", [("changes-roles", "privileges on objects")]),
    ("alter default privileges in schema w grant select on tables to other", [("changes-roles", "privileges")]),
    ("alter role owner set search_path = w", [("changes-roles", "a setting of a role or database is changed")]),
    ("alter role owner password 'x'", [("changes-roles", "a role's password is changed")]),
]
AS_SUPERUSER: list[tuple[str, list[tuple[str, str]]]] = [
    ("create role minted login in role owner", [
        ("changes-roles", "a role is created (minted)"),
        ("changes-roles", "membership in role owner is granted to minted"),
    ]),
    ("alter role other createrole", [("changes-roles", "a role is changed (other)")]),
    ("alter role other createrole; alter role owner password ''x''", [
        ("changes-roles", "a role is changed (other)"), ("changes-roles", "a role's password is changed"),
    ]),
    ("create role gone; drop role gone; alter role other password ''x''", [
        ("changes-roles", "a role's password is changed"),
    ]),
    ("revoke other from owner", [("changes-roles", "membership in role other is revoked from owner")]),
    (
        "grant other to owner with admin option",
        [("changes-roles", "membership in role other is granted to owner")],
    ),
    ("alter table w.a owner to other", [("changes-roles", "an object changes its owner (w.a)")]),
    ("alter function w.f() owner to other", [("changes-roles", "an object changes its owner (w.f())")]),
    ("create table w.n (); alter schema w owner to other", [("changes-roles", "an object changes its owner (w)")]),
    ("grant set on parameter session_replication_role to other", [
        ("changes-roles", "privileges on parameters are granted or revoked"),
    ]),
    ("alter statistics w.st owner to other", [("changes-roles", "an object changes its owner (w.st)")]),
    ("alter database postgres set search_path = w", [("changes-roles", "a setting of a role or database")]),
    (
        "create function w.et() returns event_trigger language plpgsql as ''begin end'';"
        " create event trigger x on ddl_command_end execute function w.et()",
        [(LATER, "an event trigger will run with later commands (x)")],
    ),
]  # fmt: skip
HARMLESS = [
    "create table w.new (id serial primary key, a int references w.a on delete cascade, at timestamptz default now(),"
    " u uuid default gen_random_uuid(), n bigint generated always as identity, t text generated always as"
    " (''x'') stored, check (a > 0), e w.mood default ''sad'', d w.positive default 1, unique (a, at))",
    "create table w.new (id int default w.f2(1) check (w.f2(id) > 0))",
    "create table w.new (like w.a including all)",
    "create table w.new (id int, k int); grant select (id) on w.new to other; revoke select (id) on w.new from other",
    "alter table w.q add column more int; alter table w.q drop column id",
    "alter table w.loose add column c timestamptz default now(), add check (id > 0 or lower(id::text) = ''a'')",
    "alter table w.loose add column s serial, add column o w.over",
    "create view w.vc as select w.f2(id) from w.a",
    "create materialized view w.mc as select w.f2(id) from w.a",
    "create or replace view w.vb as select id from w.va",
    "create table w.new (v int); create view w.nv as select v from w.new;"
    " create trigger x before insert on w.new for each row execute function w.tf();"
    " create rule r as on delete to w.nv do instead nothing; create policy p on w.new using (true)",
    "create index x on w.loose (id); create index y on w.a (lower(t)) where v > 1; create index z on w.a ((v + 1))",
    "create statistics w.x on id, k from w.loose; create statistics w.y on (lower(t)), (v + 1) from w.a",
    "create table w.p3 partition of w.p for values in (3)",
    "create table w.q1 partition of w.q for values in (1)",
    "alter table w.q attach partition w.apart for values in (1)",
    "alter table w.indexed alter t type varchar(20)",
    "alter table w.a disable trigger a_trg; alter table w.a enable trigger a_trg",
    "alter trigger a_trg on w.a rename to b_trg; alter trigger b_trg on w.a rename to a_trg",
    "create type w.e2 as enum (''a''); create type w.c2 as (x int); create domain w.d2 as int check (value > 0);"
    " create type w.r2 as range (subtype = float8, subtype_diff = float8mi)",
    "create function w.g() returns int language sql as ''select 1''; create or replace function w.f() returns int"
    " language sql as ''select 1''",
    "create schema w2 create table t (id int primary key) create index on t ((id + 1))",
    "create temp table tt (id int default w.f2(1)); create index on tt (w.f2(id));"
    " create trigger x before insert on tt for each row execute function w.tf();"
    " create domain pg_temp.td as int check (w.f2(value) > 0)",
    "create table w.new (id int); grant select on w.new to other; alter table w.new owner to owner;"
    " alter table w.loose owner to owner; alter function w.f() owner to owner; alter schema w owner to owner",
    "create sequence w.s2; comment on table w.a is ''x''; insert into w.loose values (1, 1); truncate w.empty",
    "begin create trigger x before insert on w.loose for each row execute function w.tf(); raise ''no'';"
    " exception when others then null; end",
    "begin create role owner; exception when others then null; end",
]


def hazards(client: Any, sql: str, user: str = "owner") -> list[tuple[str, str]]:
    client.flush()
    client.run("begin")
    try:
        client.run(sql)
        reading, outside, inside = client.look()
        return sorted(made(outside, inside, reading.catalogs))
    finally:
        client.run("rollback")


def hidden(sql: str) -> str:
    parts = "; ".join(f"execute '{part}'" for part in sql.replace("''", "\x00").replace("'", "''").split("; "))
    return "do $do$ begin " + parts.replace("\x00", "''") + "; end $do$"


def expect(found: list[tuple[str, str]], expected: list[tuple[str, str]]) -> None:
    assert [check for check, _ in found] == [check for check, _ in expected], found
    for (_, says), (_, begins) in zip(found, sorted(expected), strict=True):
        assert says.startswith(begins)


@pytest.fixture
def stage(shop: Any) -> Any:
    shop.run(SETTING)
    return shop


def test_hazards(stage: Any) -> None:
    for sql, expected in HAZARDS:
        expect(hazards(stage, hidden(sql)), expected)
        expect(hazards(stage, f"savepoint s; {sql}; release s"), expected)


def test_what_a_superuser_adds(stage: Any, connect: Any) -> None:
    admin = connect("postgres")
    for sql, expected in AS_SUPERUSER:
        expect(hazards(admin, hidden(sql)), sorted(expected))


def test_harmless(stage: Any) -> None:
    for sql in HARMLESS:
        if sql.startswith("begin "):
            assert hazards(stage, f"do $do$ {sql.replace(chr(39) * 2, chr(39))} $do$") == [], sql
            continue
        assert hazards(stage, hidden(sql)) == [], sql
        assert hazards(stage, sql.replace("''", "'")) == [], sql


def test_a_table_of_the_session_is_not_a_hazard_in_a_later_transaction(stage: Any) -> None:
    stage.run("create temp table tt (id int)")
    sql = (
        "create index on tt (w.f2(id)); alter table tt alter id set default w.f2(1);"
        " create trigger x before insert on tt for each row execute function w.tf()"
    )
    assert hazards(stage, sql) == []


def test_what_others_commit_meanwhile_is_not_new(stage: Any, connect: Any) -> None:
    neighbour = connect("owner")
    stage.flush()
    stage.run("begin; create table w.new (id int references w.a); create rule r as on insert to w.new do nothing;"
              " alter table w.new alter id set default w.f2(1)")  # fmt: skip
    neighbour.run("create rule x as on insert to w.loose do nothing; alter table w.loose alter k set default w.f2(1);"
                  " grant delete on w.loose to other")  # fmt: skip
    reading, outside, inside = stage.look()
    assert any(b"x" in bytes.fromhex(row[0]) for row in inside)
    assert made(outside, inside, reading.catalogs) == ()
    stage.run("rollback")


def test_a_name_that_autovacuum_looks_up(stage: Any) -> None:
    """What the body of an index's function calls by name, another function, type or operator can take the place of."""
    names = frozenset({"helper", "||", "kind"})
    for sql, says in [
        ("create function w.helper(int) returns int language sql as 'select 1'", "look for a function of this name"),
        ("create function w.other(int) returns int language sql as 'select 1'", ""),
        ("create function pg_temp.helper(int) returns int language sql as 'select 1'", ""),
        ("create domain w.kind as int", "look for a type of this name"),
        ("create or replace function w.f2(int) returns int language plpgsql immutable as 'begin return 2; end'", ""),
        ("create operator w.|| (leftarg = int, rightarg = int, function = int4pl)", "with operators in them"),
    ]:
        stage.run("begin")
        stage.run(sql)
        reading, outside, inside = stage.look()
        found = [text for _, text in made(outside, inside, reading.catalogs, called_later=names)]
        assert [says in text for text in found] == ([True] if says else []), (sql, found)
        stage.run("rollback")


def test_a_row_of_the_wrong_shape_is_refused() -> None:
    def sealed(text: str) -> list[list[str]]:
        return [[text.encode().hex()]]

    for row in (
        '["code", "trigger.1", "trigger", "1"]',
        '["code", "index.1", "index", "1", "w.a", "x", "0", [["16400", "f"]], []]',
    ):
        with pytest.raises(ProtocolViolation):
            made([], sealed(row))
