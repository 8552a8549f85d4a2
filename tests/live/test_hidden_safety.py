"""Safeguards weakened and code installed where no text shows it: refused in words, nothing changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from live.pgguard import Pgguard
from live.postgres import Postgres
from live.refusals import CLAIM, VERBOSE, Refused, from_psql, unharmed

pytestmark = pytest.mark.live

# As ann, over a direct connection. ``evil`` is called by ``notes.evil``, which does not look like a call.
SETTING = """
set role ann;
create function ev() returns trigger language plpgsql as $$ begin delete from public.invoices; return new; end $$;
create function f(int) returns int language plpgsql immutable as $$ begin execute 'select 1'; return $1; end $$;
create function evil(public.notes) returns int language plpgsql immutable as
    $$ declare x int; begin select public.purge() into x; return 1; end $$;
create function installs(text) returns void language plpgsql as $$ begin execute $1; end $$;
create function gap(int, int) returns float8 language plpgsql immutable as $$ begin return 1; end $$;
create domain checked as int check (f(value) >= 0);
create table empty_one (id int);
"""

# What the snapshot of refusals leaves out.
ALSO = """
select (select string_agg(format('%s %s %s', roleid, member, admin_option), ',' order by roleid, member)
        from pg_auth_members),
    (select string_agg(r::text, ',' order by r::text) from pg_db_role_setting r),
    (select string_agg(format('%s %s', ev_class, rulename), ',' order by oid) from pg_rewrite),
    (select string_agg(format('%s %s', oid, relpersistence), ',' order by oid) from pg_class where oid >= 16384),
    (select string_agg(d::text, ',' order by oid) from pg_attrdef d),
    (select string_agg(stxname, ',' order by oid) from pg_statistic_ext)
"""

# F2-2, F2-7: in a DO.
INSTALLED = [
    "create trigger x after update on accounts for each row execute function ev()",
    "create constraint trigger x after update on accounts for each row execute function ev()",
    "create rule x as on delete to notes do instead nothing",
    "create policy x on notes using (false)",
    "create index x on notes (f(id))",
    "create index x on notes ((notes.evil))",
    "create index x on notes (id) where f(id) > 0",
    "create index x on notes ((n::checked))",
    "create index x on empty_one (f(id))",
    "create statistics x on (f(id)), n from notes",
    "alter table notes alter n set default f(1)",
    "alter table notes add check (f(n) >= 0)",
    "alter table notes add g int generated always as (f(n)) stored",
    "create domain later as int check (f(value) > 0)",
    "create type spread as range (subtype = int, subtype_diff = gap)",
    "alter table notes set unlogged",
    "grant delete on accounts to eve",
    "revoke select on accounts from bob",
    "alter default privileges grant delete on tables to eve",
    "alter role ann set search_path = elsewhere",
]

# F2-3: in plain text, in one statement or in a transaction that makes the function itself.
SPELLED = [
    "create index x on notes ((notes.evil))",
    "create index x on empty_one (f(id))",
    "create index x on notes (id) where notes.evil > 0",
    "begin; create function lower(public.notes) returns text language plpgsql immutable as"
    " $$begin return 'x'; end$$; create index x on notes (lower(notes)); commit",
    "begin; create function own(public.notes) returns int language plpgsql immutable as"
    " $$begin return 1; end$$; create index x on notes ((notes.own)); commit",
    "create type spread as range (subtype = int, subtype_diff = gap)",
    "create table t (v int); create index on t (f(v))",
    "alter table notes add g int generated always as (f(n)) stored",
]

HARMLESS = [
    "create table made (id serial primary key, a int references accounts on delete cascade,"
    " at timestamptz default now(), n bigint generated always as identity, u uuid default gen_random_uuid(),"
    " check (a > 0), unique (a, at))",
    "create view v as select id from notes",
    "create index x on notes (n)",
    "create index x on accounts (lower(email)) where balance > 0",
    "create index x on accounts ((balance + 1))",
    "create statistics x on id, n from notes",
    "alter table notes add column at timestamptz default now()",
    "alter table invoices add column s int default nextval(''made_up'')",
    "create table events_2026 partition of events for values from (''2026-01-01'') to (''2027-01-01'')",
    "create type mood as enum (''a'', ''b'')",
    "create domain positive as int check (value > 0)",
    "create function fresh() returns int language sql as ''select 1''",
]


@pytest.fixture
def guard(start_guard: Callable[..., Pgguard], server: Postgres) -> Pgguard:
    """One of its own for each test: a caller may have 20 open requests."""
    return start_guard(server)


def make(server: Postgres, database: str) -> None:
    made = server.psql(SETTING, user="postgres", dbname=database, args=["-v", "ON_ERROR_STOP=1"])
    assert made.returncode == 0, made.stderr


def refuse(guard: Pgguard, server: Postgres, database: str, text: str) -> Refused:
    with server.connect("postgres", database) as direct:
        before = direct.execute(ALSO.encode()).fetchone()
        with unharmed(server, database):
            ran = guard.psql(user="ann", dbname=database, args=[*VERBOSE, "-c", text], env=CLAIM)
            assert ran.returncode == 1, ran.stdout
            found = from_psql(ran)
        assert direct.execute(ALSO.encode()).fetchone() == before
    assert found.sqlstate in ("PGG01", "PGG02", "PGG05"), (text, found)
    assert any(check in found.detail for check in ("runs-code-later", "changes-roles", "disables-safety")), (
        text,
        found,
    )
    return found


def in_a_do(statement: str) -> str:
    doubled = statement.replace("''", "'").replace("'", "''")
    return f"do $do$ begin execute '{doubled}'; end $do$"


def test_in_a_do(guard: Pgguard, server: Postgres, database: str) -> None:
    make(server, database)
    for statement in INSTALLED[:10]:
        refuse(guard, server, database, in_a_do(statement))


def test_in_a_do_of_other_kinds(guard: Pgguard, server: Postgres, database: str) -> None:
    make(server, database)
    for statement in INSTALLED[10:]:
        refuse(guard, server, database, in_a_do(statement))


def test_in_a_function(guard: Pgguard, server: Postgres, database: str) -> None:
    make(server, database)
    for statement in (INSTALLED[0], INSTALLED[5], "grant delete on accounts to eve"):
        refuse(guard, server, database, f"begin; select installs($i${statement}$i$); commit")


def test_spelled_without_a_call(guard: Pgguard, server: Postgres, database: str) -> None:
    make(server, database)
    for statement in SPELLED:
        refuse(guard, server, database, statement)


@contextmanager
def _may_make_roles(server: Postgres) -> Iterator[None]:
    with server.connect("postgres", "postgres") as direct:
        direct.execute("create role guards; grant guards to ann with admin option; alter role ann createrole")
        try:
            yield
        finally:
            direct.execute("alter role ann nocreaterole; drop role if exists minted; drop role guards")


def test_roles_in_a_do(guard: Pgguard, server: Postgres, database: str) -> None:
    with _may_make_roles(server):
        for statement in (
            "create role minted login password ''x'' in role guards",
            "create role minted",
            "grant guards to eve",
            "alter role ann password ''x''",
        ):
            refuse(guard, server, database, in_a_do(statement))


def test_what_was_made_in_a_savepoint_that_is_gone_is_forgotten(
    guard: Pgguard, server: Postgres, database: str
) -> None:
    make(server, database)
    with guard.connect("ann", database) as client, client.transaction():
        client.execute("insert into notes values (7001)")
        client.execute(
            "do $$ begin create trigger x after update on notes for each row execute function ev();"
            " raise exception 'no'; exception when raise_exception then null; end $$"
        )
    assert server.value("select count(*) from notes where id = 7001", dbname=database) == 1


@pytest.mark.parametrize("hidden", [True, False], ids=["in a DO", "plain"])
def test_harmless(guard: Pgguard, server: Postgres, database: str, hidden: bool) -> None:
    server.psql("set role ann; create sequence made_up", user="postgres", dbname=database)
    for number, statement in enumerate(HARMLESS):
        statement = statement.replace(" x on", f" x{number} on")
        text = in_a_do(statement) if hidden else statement.replace("''", "'")
        ran = guard.psql(user="ann", dbname=database, args=[*VERBOSE, "-c", text])
        assert ran.returncode == 0, (statement, ran.stderr)


def test_a_second_person_may_allow_it(guard: Pgguard, server: Postgres, database: str) -> None:
    make(server, database)
    refused = refuse(guard, server, database, in_a_do(INSTALLED[0]))
    assert 'rule "safety"' in refused.message
    with guard.connect("bob", "pgguard") as console:
        console.execute(f"APPROVE {refused.request}".encode())
    ran = guard.psql(user="ann", dbname=database, args=[*VERBOSE, "-c", in_a_do(INSTALLED[0])], env=CLAIM)
    assert ran.returncode == 0, ran.stderr
    assert server.value("select count(*) from pg_trigger where tgname = 'x'", dbname=database) == 1
