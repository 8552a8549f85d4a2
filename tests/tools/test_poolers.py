"""PgBouncer in front of pgguard and behind it, in both modes: what works, and what docs/poolers.md says does not."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest
from live.endpoint import Endpoint, password_of
from live.pgguard import Pgguard
from live.postgres import Postgres

from tests.tools import table
from tests.tools.pgbouncer import PgBouncer
from tests.tools.stand import Stand
from tests.tools.workshop import Unavailable, program

pytestmark = pytest.mark.live
IGNORE = "ignore_startup_parameters = options, extra_float_digits"
Start = Callable[..., PgBouncer]


@pytest.fixture
def start() -> Iterator[Start]:
    if not os.environ.get("TEST_TOOLS"):
        pytest.skip("make test-tools")
    try:
        found = program("pgbouncer")
    except Unavailable as trouble:
        pytest.skip(str(trouble))
    started: list[PgBouncer] = []

    def make(upstream: Endpoint, mode: str, *more: str) -> PgBouncer:
        started.append(PgBouncer(upstream, found, mode, *more))
        return started[-1]

    yield make
    for one in started:
        one.stop()


class ThroughPgBouncer(Endpoint):
    """What pgguard takes for its server; ``dsn`` is for its own connection."""

    has_certificate = False

    def __init__(self, pgbouncer: PgBouncer, server: Postgres, *, own_too: bool = False) -> None:
        self.host, self.port, self.bindir = pgbouncer.host, pgbouncer.port, server.bindir
        self._own = pgbouncer if own_too else server

    def dsn(self, user: str, dbname: str = "postgres") -> str:
        return f"postgresql://{user}:{password_of(user)}@{self._own.host}:{self._own.port}/{dbname}"


def work(stand: Stand, endpoint: Endpoint, guard: Pgguard, name: str) -> None:
    """Everything but what belongs to a session: that is for the modes to differ in."""
    with endpoint.connect("ann", name) as connection:
        assert connection.execute("select session_user").fetchone() == ("ann",)
        with connection.transaction():
            assert connection.execute("update notes set n = 5 where id <= 40").rowcount == 40
            assert connection.execute("select sum(n) from notes").fetchone() == (200,)
        with connection.cursor().copy("copy notes (id) from stdin") as copy:
            copy.write("5000\n")
        with pytest.raises(psycopg.Error, match=r"approval required: request \d+, rule \"people\"") as refused:
            connection.execute("delete from notes where id <= 300")
        assert refused.value.sqlstate == "PGG02"
        with pytest.raises(psycopg.Error, match="does not say which environment"):
            connection.execute("drop table invoices")
        with connection.transaction():
            connection.execute("set local pgguard.environment = 'production'")
            with pytest.raises(psycopg.Error, match="approval required"), connection.transaction():
                connection.execute("drop table invoices")
        guard.approve(int(re.findall(r"request (\d+)", str(refused.value))[0]))
        assert connection.execute("delete from notes where id <= 300").rowcount == 300
        threading.Timer(0.7, connection.cancel_safe).start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("select pg_sleep(60)")
    with endpoint.connect("bob", "pgguard") as console:
        assert console.execute("SHOW REQUESTS").fetchall() is not None
    assert stand.server.value("select count(*) from invoices", dbname=name) == 300


def claims_of_two(endpoint: Endpoint, name: str) -> tuple[str, str]:
    """What a second client is told of the claim of a first one."""
    with endpoint.connect("ann", name) as first:
        first.execute("set pgguard.environment = 'staging'")
        with endpoint.connect("ann", name) as second:
            try:
                second.execute("select 1")
            except psycopg.Error as error:
                return "seen", str(error)
            return "not seen", ""


@pytest.mark.parametrize(("mode", "claim"), [("session", "not seen"), ("transaction", "seen")])
def test_in_front(stand: Stand, start: Start, mode: str, claim: str) -> None:
    guard = Pgguard(stand.server).start()
    try:
        pgbouncer = start(guard, mode, IGNORE)
        with stand.server.fresh_database() as name:
            work(stand, pgbouncer, guard, name)
            assert claims_of_two(pgbouncer, name)[0] == claim
        pgbouncer.stop()  # what it keeps open would keep pgguard from ending
    finally:
        guard.stop()
    table.record("pooler", f"PgBouncer in front, {mode} mode", version())


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_behind(stand: Stand, start: Start, mode: str) -> None:
    """Transaction mode behind pgguard is not safe: one client's session is another's, see docs/poolers.md. It shows as
    soon as two clients are there at once, and the second is refused."""
    pgbouncer = start(stand.server, mode, IGNORE)
    guard = Pgguard(ThroughPgBouncer(pgbouncer, stand.server)).start()  # type: ignore[arg-type]
    try:
        with stand.server.fresh_database() as name:
            work(stand, guard, guard, name)
            if mode == "session":
                assert claims_of_two(guard, name)[0] == "not seen"
            else:
                with pytest.raises(psycopg.OperationalError, match="it must pool sessions, not transactions"):
                    claims_of_two(guard, name)
    finally:
        guard.stop()
    result = "works" if mode == "session" else "not safe, and refused: see [poolers](poolers.md)"
    table.record("pooler", f"PgBouncer behind, {mode} mode", version(), result=result)


def test_pgguards_own_connection_does_not_go_through_pgbouncer(stand: Stand, start: Start) -> None:
    pgbouncer = start(stand.server, "session", IGNORE)
    guard = Pgguard(ThroughPgBouncer(pgbouncer, stand.server, own_too=True))  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match=r"admin connection .* does not work.*unsupported startup parameter"):
        guard.start()


def version() -> str:
    ran = subprocess.run([program("pgbouncer"), "--version"], capture_output=True, text=True, check=True)
    return ran.stdout.split()[1]
