"""Whatever dies in the middle, nothing that was not judged is committed, and nothing is left behind."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable

import psycopg
import pytest
from live import frontend as f
from live.pgguard import Pgguard
from live.postgres import Postgres
from live.raw import Raw, SignInRefused
from live.refusals import from_raw, unharmed
from live.waiting import wait_until

pytestmark = pytest.mark.live

# A thousand rows of ten milliseconds each: time to do something to it.
SLOW = "delete from notes where n = 0 and pg_sleep(0.01) is not null"


def wait_until_slow_runs(server: Postgres, database: str) -> None:
    running = (
        f"datname = '{database}' and state = 'active' and query like '%pg_sleep(0.01)%' and wait_event = 'PgSleep'"
    )
    server.wait_until(f"select exists (select from pg_stat_activity where {running})")


def wait_until_nobody_is_left(server: Postgres, database: str) -> None:
    who = f"datname = '{database}' and usename = 'ann'"
    server.wait_until(f"select not exists (select from pg_stat_activity where {who})")


@pytest.fixture
def own(server: Postgres, start_guard: Callable[..., Pgguard]) -> Pgguard:
    """A pgguard that may die."""
    return start_guard(server)


def test_backend_dies_in_a_block(guard: Pgguard, server: Postgres, database: str) -> None:
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        raw.query("begin; delete from notes where id <= 60")
        assert server.terminate_backends(f"pid = {raw.pid}") == 1
        message = raw.read()
        assert (message.kind, message.fields["C"]) == ("E", "57P01")
        assert raw.is_closed()


def test_backend_dies_in_a_measured_statement(guard: Pgguard, server: Postgres, database: str) -> None:
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        raw.send(f.query(SLOW))
        wait_until_slow_runs(server, database)
        server.terminate_backends(f"datname = '{database}' and usename = 'ann'")
        assert raw.is_closed()


@pytest.mark.parametrize("text", ["begin; delete from notes where id <= 60", SLOW])
def test_client_vanishes(guard: Pgguard, server: Postgres, database: str, text: str) -> None:
    with unharmed(server, database):
        raw = Raw.connect(guard, "ann", database)
        raw.send(f.query(text))
        if text == SLOW:
            wait_until_slow_runs(server, database)
        else:
            raw.until_ready()
        raw.vanish()
        wait_until_nobody_is_left(server, database)


def test_client_vanishes_at_any_moment(guard: Pgguard, server: Postgres, database: str) -> None:
    """Also between the count and the COMMIT or ROLLBACK: a refused statement is never committed."""
    pace = random.Random(4)
    with unharmed(server, database):
        for _ in range(25):
            raw = Raw.connect(guard, "ann", database)
            raw.send(f.query("delete from accounts"))
            time.sleep(pace.random() * 0.03)
            raw.vanish()
        wait_until_nobody_is_left(server, database)


def test_connections_do_not_leak(guard: Pgguard, server: Postgres, database: str) -> None:
    guard.sql("select 1", user="ann", dbname=database)
    wait_until_nobody_is_left(server, database)
    before = guard.open_files()
    for number in range(30):
        raw = Raw.connect(guard, "ann", database)
        raw.query("begin")
        raw.vanish() if number % 2 else raw.close()
    wait_until_nobody_is_left(server, database)

    wait_until(lambda: guard.open_files() <= before + 2, lambda: (before, guard.open_files()))


def test_killed_in_a_measured_statement(own: Pgguard, server: Postgres, database: str) -> None:
    with unharmed(server, database), Raw.connect(own, "ann", database) as raw:
        raw.send(f.query(SLOW))
        wait_until_slow_runs(server, database)
        own.kill()
        assert raw.is_closed()
        wait_until_nobody_is_left(server, database)


def test_killed_and_started_again(own: Pgguard, server: Postgres, database: str) -> None:
    """Requests and the audit's chain outlive it."""
    with Raw.connect(own, "ann", database) as raw:
        request = from_raw(raw.query("delete from notes")).request
    own.kill()
    own.start()
    own.approve(request)

    assert own.psql(user="ann", dbname=database, args=["-c", "delete from notes"]).stdout == "DELETE 1000\n"
    verified = own.cli("audit", "verify", str(own.audit))
    assert verified.returncode == 0, verified


def test_sigterm_finishes_what_is_in_flight(own: Pgguard, server: Postgres, database: str) -> None:
    with Raw.connect(own, "ann", database) as raw:
        raw.send(f.query("update notes set n = 1 where id <= 50 and pg_sleep(0.04) is not null"))
        server.wait_until(f"select wait_event = 'PgSleep' from pg_stat_activity where pid = {raw.pid}")
        own.terminate()
        wait_until(lambda: not lets_in(own, database))
        assert [message.tag for message in raw.until_ready()] == ["UPDATE 50", "I"]
    assert own.wait() == 0
    assert server.value("select count(*) from notes where n = 1", dbname=database) == 50


def lets_in(guard: Pgguard, database: str) -> bool:
    try:
        guard.connect("ann", database).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_client_that_does_not_read(own: Pgguard, server: Postgres, database: str) -> None:
    """Half a gigabyte that nobody takes stays with the server."""
    with Raw.connect(own, "ann", database) as raw:
        raw.query("select 1")
        before = own.rss_kb()
        raw.send(f.query("select repeat('x', 1000) from generate_series(1, 500000)"))
        time.sleep(2)
        assert own.rss_kb() - before < 30_000
        assert own.sql("select 1", user="ann", dbname=database) == [(1,)]
        raw.vanish()
    wait_until_nobody_is_left(server, database)


def test_the_store_is_away(own: Pgguard, server: Postgres, database: str) -> None:
    """Nobody can file a request while the state is locked: PGG06 while it still is, and all as it was."""
    lock = sqlite3.connect(own.state, isolation_level=None)
    try:
        lock.execute("begin exclusive")
        with unharmed(server, database), Raw.connect(own, "ann", database) as raw:
            assert from_raw(raw.query("delete from accounts")).sqlstate == "PGG06"
            assert raw.query("select 1")[1].row == [b"1"]
    finally:
        lock.close()


def test_the_server_goes_away(start_guard: Callable[..., Pgguard]) -> None:
    server = Postgres().start()
    try:
        guard = start_guard(server)
        with Raw.connect(guard, "ann", "postgres") as raw:
            server.halt()
            assert raw.is_closed()
        with pytest.raises((SignInRefused, OSError, EOFError)):
            Raw.connect(guard, "ann", "postgres").close()
        assert guard.is_running()
    finally:
        server.stop()
