"""Session state that changes what a text means, on every road to it: followed or refused, never guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from live.pgguard import Pgguard, policy_file
from live.postgres import Postgres
from live.raw import Raw
from live.refusals import from_raw

pytestmark = pytest.mark.live

# A road: what a superuser did before, what stands in the StartupMessage, and what the client sends first.
Road = tuple[str, dict[str, str], tuple[str, ...]]


def roads(name: str, value: str) -> dict[str, Road]:
    """Every road on which ``name`` can become ``value``."""
    option = {"options": f"-c {name}={value}"}
    call = f"set_config('{name}', '{value}', false)"
    return {
        "SET": ("", {}, (f"set {name} = {value}",)),
        "SET SESSION ... TO": ("", {}, (f"set session {name} to '{value}'",)),
        "SET LOCAL": ("", {}, ("begin", f"set local {name} = {value}")),
        "set_config": ("", {}, (f"select {call}",)),
        "set_config in a WITH": ("", {}, (f"with x as materialized (select {call}) select * from x",)),
        "inside a DO": ("", {}, (f"do $$ begin perform {call}; end $$",)),
        "inside a function": ("", {}, (
            f"create function pg_temp.sets() returns text language sql as $$ select {call} $$", "select pg_temp.sets()",
        )),
        "inside a function, in a block": ("", {}, (
            f"create function pg_temp.sets() returns text language sql as $$ select {call} $$",
            "begin", "select pg_temp.sets()",
        )),
        "startup options": ("", option, ()),
        "ALTER ROLE": (f"alter role ann in database {{}} set {name} = {value}", {}, ()),
        "ALTER DATABASE": (f"alter database {{}} set {name} = {value}", {}, ()),
        "RESET to what startup said": ("", option, (f"set {name} to default", f"reset {name}")),
        "RESET ALL": ("", option, ("reset all",)),
        "DISCARD ALL": ("", option, ("discard all",)),
        "ROLLBACK to what was set before": ("", {}, (
            f"set {name} = {value}", "begin", f"reset {name}", "rollback",
        )),
        "ROLLBACK TO": ("", option, ("begin", "savepoint a", f"set {name} to default", "rollback to a")),
        "a prepared SET": ("", {}, (f"prepare p as select {call}", "execute p")),
        "a copied set_config": ("", {}, (f"copy (select {call}) to stdout",)),
    }  # fmt: skip


SETTING = """
create schema other authorization ann;
grant usage, create on schema public to keeper;
grant select, delete on all tables in schema public to keeper;
grant set on parameter session_replication_role to ann;
set role ann;
create table other.notes (id int, body text, n int);
insert into other.notes select 1, 'x', i from generate_series(1, 500) i;
"""


@pytest.fixture(scope="module")
def shared(server: Postgres) -> Iterator[str]:
    """One database for all roads: where the tests pass, nothing is lost in it."""
    server.sql("create role keeper; grant keeper to ann")
    try:
        with server.fresh_database() as name:
            server.sql(SETTING, dbname=name)
            yield name
    finally:
        server.sql("revoke set on parameter session_replication_role from ann; drop role keeper")


@pytest.fixture(scope="module")
def guard(server: Postgres) -> Iterator[Pgguard]:
    found = Pgguard(server).start()
    yield found
    found.stop()


@contextmanager
def walk(server: Postgres, endpoint: Postgres | Pgguard, database: str, road: Road) -> Iterator[Raw]:
    before, startup, sent = road
    if before:
        server.sql(before.format(database), dbname=database)
    try:
        with Raw.connect(endpoint, "ann", database, parameters=startup) as client:
            for text in sent:
                client.query(text)
            yield client
    finally:
        server.sql(f"alter role ann in database {database} reset all; alter database {database} reset all")


def every(name: str, value: str, *, but: Collection[str] = ()) -> pytest.MarkDecorator:
    """All roads but these."""
    found = [pytest.param(road, id=way) for way, road in roads(name, value).items() if way not in but]
    return pytest.mark.parametrize("road", found)


# With the strings of the standard this is one SELECT of a literal.
TWO_STATEMENTS = rb"select '\'' ; delete from invoices --'"


@every("standard_conforming_strings", "off")
def test_a_text_that_is_another_one_to_the_server_is_refused(
    server: Postgres, guard: Pgguard, shared: str, road: Road
) -> None:
    with walk(server, guard, shared, road) as client:
        assert "PGG05" == from_raw(client.query(TWO_STATEMENTS)).sqlstate
        client.query("rollback")

    assert server.value("select count(*) from invoices", dbname=shared) == 300


def test_the_text_is_an_attack_without_pgguard(server: Postgres, database: str) -> None:
    with walk(server, server, database, roads("standard_conforming_strings", "off")["SET"]) as client:
        client.query(TWO_STATEMENTS)

    assert server.value("select count(*) from invoices", dbname=database) == 0


# In these encodings the second byte of a character can be a backslash.
@every("client_encoding", "sjis")
def test_a_text_in_an_encoding_that_hides_a_quote_is_refused(
    server: Postgres, guard: Pgguard, shared: str, road: Road
) -> None:
    with walk(server, guard, shared, road) as client:
        assert "PGG05" == from_raw(client.query(b"select E'\x95\\' ; delete from invoices --'")).sqlstate
        client.query("rollback")

    assert server.value("select count(*) from invoices", dbname=shared) == 300


@every("search_path", "other")
def test_a_name_that_means_another_table_is_measured_there(
    server: Postgres, guard: Pgguard, shared: str, road: Road
) -> None:
    """In public, id is the primary key of notes: there this is one row."""
    with walk(server, guard, shared, road) as client:
        refused = from_raw(client.query("delete from notes where id = 1"))
        client.query("rollback")

    assert ("PGG02", {"other.notes": (500, "deleted")}) == (refused.sqlstate, refused.rows)
    assert server.value("select count(*) from other.notes", dbname=shared) == 500


ROLES = """
version: 1
callers: {people: {not_roles: [app]}}
limits:
  - {name: people, match: {caller: people}, rows: 100, beyond: refuse}
rules:
  - {name: keepers-keep, match: {role: keeper, effect: delete}, then: refuse}
"""


@every("role", "keeper")
def test_the_role_of_now_is_the_one_that_rules_speak_of(
    server: Postgres, shared: str, role_guard: Pgguard, road: Road
) -> None:
    with walk(server, role_guard, shared, road) as client:
        refused = from_raw(client.query("delete from places where id = 1"))
        client.query("rollback")

    assert ("PGG01", "keepers-keep") == (refused.sqlstate, refused.message.split('"')[1])
    assert server.value("select count(*) from places where id = 1", dbname=shared) == 1


@pytest.fixture(scope="module")
def role_guard(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pgguard]:
    guard = Pgguard(server, policy_file(tmp_path_factory.mktemp("policy"), ROLES)).start()
    yield guard
    guard.stop()


def test_a_role_that_rules_speak_of_is_seen_coming(server: Postgres, shared: str, tmp_path: Path) -> None:
    guard = Pgguard(server, policy_file(tmp_path, re.sub("limits:\n.*\n", "", ROLES))).start()
    try:
        with Raw.connect(guard, "ann", shared) as client:
            client.query("set role keeper")
            assert "PGG01" == from_raw(client.query("delete from places where id = 2")).sqlstate
    finally:
        guard.stop()


# What the administrator set is his choice: he may have a role that copies tables.
BY_THE_ADMINISTRATOR = ("ALTER ROLE", "ALTER DATABASE")


@every("session_replication_role", "replica", but=BY_THE_ADMINISTRATOR)
def test_foreign_keys_are_not_switched_off_by_the_way(
    server: Postgres, guard: Pgguard, shared: str, road: Road
) -> None:
    """Only a role that was granted the setting can try."""
    number = server.value("select max(id) from accounts", dbname=shared)
    with walk(server, guard, shared, road) as client:
        client.query(f"delete from accounts where id = {number}")
        client.query("commit")

    orphans = f"from inventory where account_id = {number} and not exists (select from accounts where id = {number})"
    assert server.value(f"select count(*) {orphans}", dbname=shared) == 0


SAME_AS_DIRECT: dict[str, tuple[str, ...]] = {
    "default_transaction_read_only": (
        "set default_transaction_read_only = on", "insert into notes values (5000)", "delete from notes where id < 10",
        "delete from notes", "reset default_transaction_read_only", "delete from notes where id < 10",
    ),
    "SET SESSION CHARACTERISTICS": (
        "set session characteristics as transaction read only", "update notes set n = 1", "reset all",
        "update notes set n = 1 where id < 10",
    ),
    "SET TRANSACTION": (
        "begin", "set transaction read only", "select 1", "delete from notes where id < 10", "rollback",
    ),
    "transaction_read_only": (
        "begin", "select set_config('transaction_read_only', 'on', true)", "delete from notes where id < 9", "rollback",
    ),
    "default_transaction_isolation": (
        "set default_transaction_isolation = serializable", "update notes set n = 1 where id < 10",
        "show transaction_isolation", "begin", "delete from notes where id < 5", "show transaction_isolation", "commit",
    ),
    "default_transaction_deferrable": (
        "set default_transaction_deferrable = on", "set default_transaction_isolation = serializable",
        "update notes set n = 1 where id < 10", "show transaction_deferrable",
    ),
    "row_security": (
        "alter table notes enable row level security", "alter table notes force row level security",
        "set row_security = off", "select count(*) from notes", "delete from notes where id < 5", "reset row_security",
        "delete from notes where id < 5", "select count(*) from notes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("texts", SAME_AS_DIRECT.values(), ids=SAME_AS_DIRECT.keys())
def test_what_only_forbids_is_as_it_is_without_pgguard(
    server: Postgres, guard: Pgguard, fresh: Callable[[], str], texts: tuple[str, ...]
) -> None:
    told = []
    for endpoint in (server, guard):
        database = fresh()
        with Raw.connect(endpoint, "ann", database) as client:
            told.append([client.transcript(client.query(text)) for text in texts])

    assert told[0] == told[1]


@pytest.fixture
def fresh(server: Postgres) -> Iterator[Callable[[], str]]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(server.fresh_database())
