"""Over TLS either side may stop reading, vanish or be ended, and everything is as it is without."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from live.certificates import Authority
from live.endpoint import clean_environment, password_of
from live.pgguard import PRODUCTION, Pgguard
from live.postgres import Postgres
from live.waiting import wait_until

pytestmark = pytest.mark.live

HOLDS_A_TRANSACTION = """
import psycopg, sys, time
connection = psycopg.connect(sys.argv[1])
connection.execute("insert into notes values (9999)")
print(connection.info.backend_pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def guard(secure: Postgres, authority: Authority) -> Iterator[Pgguard]:
    certificate, key = authority.issue("guard")
    tls = ["--tls-cert", str(certificate), "--tls-key", str(key), "--upstream-tls", "require"]
    guard = Pgguard(secure, PRODUCTION, *tls).start()
    yield guard
    guard.stop()


def test_who_does_not_read_costs_no_memory(secure: Postgres, guard: Pgguard) -> None:
    connection = guard.connect("ann", "postgres", sslmode="require")
    guard.sql("select 1", user="ann", dbname="postgres")
    before = guard.rss_kb()
    connection.pgconn.send_query(b"select repeat('x', 1000) from generate_series(1, 500000)")
    pid = connection.info.backend_pid
    secure.wait_until(f"select wait_event = 'ClientWrite' from pg_stat_activity where pid = {pid}")

    assert guard.rss_kb() - before < 20_000
    assert guard.sql("select 1", user="ann", dbname="postgres") == [(1,)]
    connection.pgconn.finish()
    connection.close()
    secure.wait_until(f"select not exists (select from pg_stat_activity where pid = {pid})")


def test_a_client_that_is_killed(secure: Postgres, guard: Pgguard) -> None:
    """No close_notify, nothing: its transaction is rolled back all the same."""
    with secure.fresh_database() as database:
        dsn = f"host={guard.host} port={guard.port} user=ann dbname={database} password={password_of('ann')}"
        with subprocess.Popen(
            [sys.executable, "-c", HOLDS_A_TRANSACTION, f"{dsn} sslmode=require"], stdout=subprocess.PIPE, text=True,
            env=clean_environment(),
        ) as client:  # fmt: skip
            assert client.stdout is not None
            pid = int(client.stdout.readline())
            os.kill(client.pid, signal.SIGKILL)
        secure.wait_until(f"select not exists (select from pg_stat_activity where pid = {pid})")
        assert secure.value("select count(*) from notes where id = 9999", dbname=database) == 0


def test_a_backend_that_is_terminated(secure: Postgres, guard: Pgguard) -> None:
    with guard.connect("ann", "postgres", sslmode="require") as connection:
        secure.terminate_backends(f"pid = {connection.info.backend_pid}")
        with pytest.raises(psycopg.errors.AdminShutdown, match="terminating connection due to administrator command"):
            connection.execute("select 1")


def test_pgguard_that_stops(guard: Pgguard) -> None:
    connection = guard.connect("ann", "postgres", sslmode="require")
    guard.terminate()
    assert guard.wait() == 0
    with pytest.raises(psycopg.errors.AdminShutdown, match="terminating connection due to administrator command"):
        connection.execute("select 1")
    connection.close()


def test_pgguard_that_is_killed(secure: Postgres, guard: Pgguard) -> None:
    connection = guard.connect("ann", "postgres", sslmode="require")
    pid = connection.info.backend_pid
    guard.kill()
    secure.wait_until(f"select not exists (select from pg_stat_activity where pid = {pid})")
    with pytest.raises(psycopg.OperationalError):
        connection.execute("select 1")
    connection.close()


def test_a_pool_that_comes_and_goes(guard: Pgguard) -> None:
    """Descriptors and sessions are given back."""
    guard.connect("ann", "postgres", sslmode="require").close()
    files = guard.open_files()
    for _ in range(20):
        guard.connect("ann", "postgres", sslmode="require", channel_binding="require").close()
    wait_until(lambda: guard.open_files() <= files, lambda: (files, guard.open_files()))
