"""TLS on either leg and on both: every way of signing in works, and what cannot be is refused in clear words."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator

import asyncpg
import psycopg
import pytest
from live.certificates import Authority
from live.endpoint import password_of
from live.pgguard import PRODUCTION, Pgguard
from live.postgres import Postgres
from live.waiting import wait_until

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def files(authority: Authority) -> list[str]:
    """pgguard's own certificate."""
    certificate, key = authority.issue("guard.example")
    return ["--tls-cert", str(certificate), "--tls-key", str(key)]


@pytest.fixture(scope="module")
def both(secure: Postgres, files: list[str], authority: Authority) -> Iterator[Pgguard]:
    """TLS on both legs."""
    guard = Pgguard(
        secure, PRODUCTION, *files, "--upstream-tls", "verify-full", "--upstream-ca", str(authority.certificate)
    ).start()
    yield guard
    guard.stop()


@pytest.fixture(scope="module", params=[15, 18], ids=["pg15", "pg18"])
def clients_only(request: pytest.FixtureRequest, files: list[str]) -> Iterator[Pgguard]:
    """TLS towards clients, none towards the server."""
    guard = Pgguard(request.getfixturevalue(f"postgres{request.param}"), PRODUCTION, *files).start()
    yield guard
    guard.stop()


def who(guard: Pgguard, user: str = "ann", **options: object) -> tuple[str, bool]:
    """Who one is after sign-in, and whether the client is on TLS."""
    with guard.connect(user, "postgres", **options) as connection:
        row = connection.execute("select session_user").fetchone()
        assert row is not None
        return row[0], connection.pgconn.ssl_in_use


LIBPQ = [
    {"sslmode": "disable"},
    {"sslmode": "require"},
    {"sslmode": "require", "channel_binding": "disable"},
    {"sslmode": "require", "channel_binding": "require"},
    {"sslmode": "require", "sslnegotiation": "direct", "channel_binding": "require"},
    {"sslmode": "require", "min_protocol_version": "3.0", "max_protocol_version": "3.2"},
]


@pytest.mark.parametrize("options", LIBPQ, ids=lambda o: ",".join(map(str, o.values())))
def test_libpq_on_both_legs(both: Pgguard, options: dict[str, str]) -> None:
    assert who(both, **options) == ("ann", options["sslmode"] != "disable")


@pytest.mark.parametrize("options", LIBPQ, ids=lambda o: ",".join(map(str, o.values())))
def test_libpq_on_the_clients_leg(clients_only: Pgguard, options: dict[str, str]) -> None:
    assert who(clients_only, **options) == ("ann", options["sslmode"] != "disable")


def test_the_servers_leg_is_encrypted(both: Pgguard) -> None:
    asked = "select ssl, version from pg_stat_ssl where pid = pg_backend_pid()"
    with both.connect("ann", "postgres", sslmode="disable") as connection:
        assert connection.execute(asked).fetchone() == (True, "TLSv1.3")


@pytest.mark.parametrize("user", ["mary_md5", "paul_password"])
def test_other_questions_are_relayed(both: Pgguard, user: str) -> None:
    assert who(both, user, sslmode="require") == (user, True)


def test_asyncpg(both: Pgguard, authority: Authority) -> None:
    async def connect() -> str:
        context = ssl.create_default_context(cafile=str(authority.certificate))
        connection = await asyncpg.connect(
            host="127.0.0.1", port=both.port, user="ann", password=password_of("ann"), database="postgres", ssl=context
        )
        try:
            return str(await connection.fetchval("select session_user"))
        finally:
            await connection.close()

    assert asyncio.run(connect()) == "ann"


def test_psql_that_checks_everything(both: Pgguard, authority: Authority) -> None:
    env = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(authority.certificate), "PGCHANNELBINDING": "require"}
    ran = both.psql("select session_user;\n\\conninfo\n", user="ann", dbname="postgres", args=["-At"], env=env)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("ann\n")
    assert "SSL connection" in ran.stdout


@pytest.mark.parametrize("user", ["ann", "nobody_here"])
@pytest.mark.parametrize("options", [{}, {"channel_binding": "require"}, {"channel_binding": "disable"}], ids=str)
def test_a_wrong_password_reads_and_is_logged_as_the_servers(
    secure: Postgres, both: Pgguard, user: str, options: dict[str, str]
) -> None:
    said = []
    for endpoint in (secure, both):
        logged = len(secure.log())
        with pytest.raises(psycopg.OperationalError) as refused:
            endpoint.connect(user, "postgres", password="wrong", sslmode="require", **options)
        said.append(str(refused.value).replace(str(secure.port), "PORT").replace(str(both.port), "PORT"))
        words = f'password authentication failed for user "{user}"'
        wait_until(lambda words=words, logged=logged: words in secure.log()[logged:], secure.log)

    assert said[0] == said[1]


def test_a_changed_password_counts_at_once(secure: Postgres, both: Pgguard) -> None:
    secure.sql("create role changing login password 'one'")
    assert who(both, "changing", password="one", channel_binding="require", sslmode="require")[0] == "changing"
    secure.sql("alter role changing password 'two'")

    assert who(both, "changing", password="two", channel_binding="require", sslmode="require")[0] == "changing"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        who(both, "changing", password="one", channel_binding="require", sslmode="require")


def test_what_is_stopped_is_stopped_and_approved_over_tls(secure: Postgres, both: Pgguard) -> None:
    with secure.fresh_database() as database:
        with both.connect("ann", database, sslmode="require", channel_binding="require") as connection:
            with pytest.raises(psycopg.Error, match="approval required: request 1"):
                connection.execute("delete from accounts")
            assert secure.value("select count(*) from accounts", dbname=database) > 100
            dsn = f"postgresql://bob@127.0.0.1:{both.port}/pgguard?sslmode=require"
            assert "approved by bob" in both.cli("approve", "1", "--dsn", dsn).stdout
            connection.execute("delete from accounts")
        assert secure.value("select count(*) from accounts", dbname=database) == 0


def test_much_data_both_ways(both: Pgguard) -> None:
    line = b"x" * 1000 + b"\n"
    with both.connect("ann", "postgres", sslmode="require") as connection:
        connection.execute("create temp table much (t text)")
        with connection.cursor().copy("copy much from stdin") as copy:
            for _ in range(20):
                copy.write(line * 500)
        with connection.cursor().copy("copy much to stdout") as copy:
            assert sum(len(part) for part in copy) == len(line) * 10_000


def test_cancel_over_tls(secure: Postgres, both: Pgguard) -> None:
    with both.connect("ann", "postgres", sslmode="require") as connection:
        pid = connection.info.backend_pid
        timer = threading.Thread(target=lambda: (
            secure.wait_until(f"select wait_event = 'PgSleep' from pg_stat_activity where pid = {pid}"),
            connection.cancel_safe(),
        ))  # fmt: skip
        timer.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("select pg_sleep(30)")
        timer.join()
        assert connection.execute("select 1").fetchone() == (1,)
