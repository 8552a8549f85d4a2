"""Several upstreams: the one that takes writes is found, and found again when another becomes it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from live.endpoint import clean_environment, password_of
from live.frontend import query
from live.line import Line
from live.pgguard import PRODUCTION, Pgguard
from live.postgres import HBA, Postgres, bindir_of, free_port, server_account
from live.raw import Raw, cancel
from live.waiting import wait_until

pytestmark = pytest.mark.live

Start = Callable[..., Pgguard]


class Standby(Postgres):
    """A copy of another server that follows it."""

    def follow(self, primary: Postgres) -> Standby:
        self.directory = primary.directory / "standby"
        self.directory.mkdir()
        if account := server_account():
            os.chown(self.directory, account["user"], account["group"])
        self.bindir = primary.bindir
        where = f"host={primary.directory} port={primary.port} user=postgres password={password_of('postgres')}"
        subprocess.run(
            [str(self.bindir / "pg_basebackup"), "-d", where, "-D", str(self.directory / "data"), "-R", "-X", "stream",
             "-c", "fast", "--no-sync"],
            check=True, cwd=self.directory, env=clean_environment(), **server_account(),
        )  # fmt: skip
        self._launch()
        return self

    def promote(self) -> None:
        self.sql("select pg_promote()")
        self.wait_until("select not pg_is_in_recovery()")


@pytest.fixture
def primary() -> Iterator[Postgres]:
    if bindir_of(15) is None:
        pytest.skip("PostgreSQL 15 is not installed")
    server = Postgres(15, wal_level="replica", max_wal_senders="5").start()
    try:
        (server.directory / "data" / "pg_hba.conf").write_text(HBA + "local replication all scram-sha-256\n")
        server.reload()
        yield server
    finally:
        server.stop()


@pytest.fixture
def standby(primary: Postgres) -> Iterator[Postgres]:
    server = Standby(15).follow(primary)
    yield server
    server.halt()


def start(start_guard: Start, servers: list[Postgres], *arguments: str) -> Pgguard:
    places = ",".join(f"{server.host}:{server.port}" for server in servers)
    dsn = f"postgresql://pgguard_admin:{password_of('pgguard_admin')}@{places}/postgres?target_session_attrs=primary"
    return start_guard(servers[0], PRODUCTION, "--upstream", places, "--admin-dsn", dsn, *arguments)


def port_behind(guard: Pgguard) -> int:
    with guard.connect("ann", "postgres") as connection:
        row = connection.execute("select inet_server_port()").fetchone()
        assert row is not None
        return int(row[0])


def test_the_one_that_takes_writes(primary: Postgres, standby: Postgres, start_guard: Start) -> None:
    """A CancelRequest does not say whose key it holds, and finds it all the same."""
    guard = start(start_guard, [standby, primary], "--target-session-attrs", "read-write")

    assert port_behind(guard) == primary.port
    with Raw.connect(guard, "ann", "postgres") as raw:
        raw.send(query("select pg_sleep(30)"))
        primary.wait_until(f"select wait_event = 'PgSleep' from pg_stat_activity where pid = {raw.pid}")
        cancel(guard, raw.pid, raw.key)
        assert raw.until_ready()[-2].fields["C"] == "57014"


def test_any(primary: Postgres, standby: Postgres, start_guard: Start) -> None:
    guard = start(start_guard, [standby, primary])

    assert port_behind(guard) == standby.port
    standby.halt()
    assert port_behind(guard) == primary.port


def test_failover(primary: Postgres, standby: Postgres, start_guard: Start) -> None:
    """The first one goes away, the other is promoted: clients that come again are served, and guarded, there."""
    guard = start(start_guard, [primary, standby], "--target-session-attrs", "read-write")
    assert port_behind(guard) == primary.port
    primary.halt()
    with pytest.raises(psycopg.OperationalError, match="pgguard can reach no server that will do"):
        guard.connect("ann", "postgres")
    standby.promote()

    assert port_behind(guard) == standby.port
    standby.sql("create table many as select g from generate_series(1, 500) g")
    standby.sql("grant all on many to ann")
    with guard.connect("ann", "postgres") as connection, pytest.raises(psycopg.Error, match="approval required"):
        connection.execute("delete from many")


def test_pgguards_own_connection_is_at_another_copy(primary: Postgres, standby: Postgres, start_guard: Start) -> None:
    """A copy has the same system identifier, and other tables before long: nobody is judged by it."""
    standby.promote()
    guard = start_guard(primary, PRODUCTION, "--admin-dsn", standby.dsn("pgguard_admin"))

    for user, database in (("ann", "postgres"), ("bob", "pgguard")):  # who could approve by a password of the copy
        with pytest.raises(psycopg.OperationalError, match="pgguard's own connection has reached another copy"):
            guard.connect(user, database)


def test_pgguards_own_connection_moves_to_another_copy(
    primary: Postgres, standby: Postgres, start_guard: Start
) -> None:
    """Whoever is still at the old one is not judged by the new one: his session ends."""
    primary.sql("create table many as select g from generate_series(1, 500) g")
    primary.sql("grant all on many to ann")
    with Line(primary) as line:
        dsn = primary.dsn("pgguard_admin").replace(f":{primary.port}/", f":{line.port}/")
        guard = start_guard(primary, PRODUCTION, "--admin-dsn", dsn)
        with guard.connect("ann", "postgres") as connection:
            connection.execute("update many set g = 0 where g <= 3")
            standby.wait_until("select pg_last_wal_replay_lsn() is not null and to_regclass('many') is not null")
            standby.promote()
            line.lead_to(standby)
            line.cut()
            with pytest.raises(psycopg.OperationalError, match="terminating connection"):
                wait_until(lambda: write(connection))  # what is known is looked at every second


def write(connection: psycopg.Connection[Any]) -> None:
    """It is done, or refused because nothing can be asked of the copy; raises when the session is at its end."""
    try:
        connection.execute("update many set g = 0 where g = 0")
    except psycopg.DatabaseError as error:
        if error.sqlstate != "PGG06":
            raise


def test_one_that_is_not_there(primary: Postgres, start_guard: Start) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    guard = start_guard(primary, PRODUCTION, "--upstream", f"{nowhere},127.0.0.1:{primary.port}")

    assert port_behind(guard) == primary.port
