"""The server under test and the ways to it: direct, through PgBouncer, through pgguard."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from live.endpoint import Endpoint
from live.pgguard import Pgguard
from live.postgres import Postgres, bindir_of

from bench.pgbouncer import PgBouncer

USER = "app"  # the application of the shipped production policy: its limits apply, so that writes are judged
DATABASE = "bench"


@dataclass
class Lanes:
    """``ways`` in the order of the table's columns; a way that could not be opened is not in it."""

    server: Postgres
    ways: dict[str, Endpoint] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


@contextmanager
def opened(accounts: int, idle: int) -> Iterator[Lanes]:
    """Server with ``accounts`` rows in pgbench_accounts room for ``idle`` connections, and every way that there is."""
    with ExitStack() as stack:
        version = 15 if bindir_of(15) else 18
        # PgBouncer keeps its server connections when its clients have gone, so both proxies' have to fit.
        most = str(2 * idle + 60)
        server = Postgres(version, max_connections=most, shared_buffers="512MB", max_wal_size="8GB").start()
        stack.callback(server.stop)
        fill(server, accounts)
        lanes = Lanes(server, {"direct": server})
        try:
            pgbouncer = PgBouncer(server, (USER, "postgres"))
        except (FileNotFoundError, RuntimeError) as error:
            lanes.missing["PgBouncer"] = str(error)
        else:
            stack.callback(pgbouncer.stop)
            lanes.ways["PgBouncer"] = pgbouncer
        guard = Pgguard(server)
        try:
            guard.start()
        except (AssertionError, OSError) as error:
            lanes.missing["pgguard"] = str(error).strip().rpartition("\n")[2]
        else:
            stack.callback(guard.stop)
            lanes.ways["pgguard"] = guard
        for way, why in lanes.missing.items():
            print(f"without {way}: {why}", file=sys.stderr)
        yield lanes


def fill(server: Postgres, accounts: int) -> None:
    # pgbench's own tables and types, made here because its -i knows only multiples of 100,000 rows.
    server.sql(f"create database {DATABASE} owner {USER}")
    for statement in (
        "create table pgbench_accounts (aid int not null, bid int, abalance int, filler char(84))",
        f"insert into pgbench_accounts select i, 1, 0, '' from generate_series(1, {accounts}) i",
        "alter table pgbench_accounts add primary key (aid)",
        "create table sink (aid int, bid int, abalance int)",
        "create function balance(wanted int) returns int language plpgsql as $$ declare found int; begin"
        " execute 'select abalance from pgbench_accounts where aid = $1' into found using wanted; return found; end $$",
    ):
        server.sql(statement, user=USER, dbname=DATABASE)
    server.sql("vacuum analyze", dbname=DATABASE)
    server.sql("checkpoint")
