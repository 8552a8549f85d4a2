"""Where clients come in: several addresses, unix sockets, behind a balancer, and never more than are welcome."""

from __future__ import annotations

import ipaddress
import os
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from live import frontend as f
from live.endpoint import password_of
from live.pgguard import PRODUCTION, Pgguard
from live.postgres import Postgres
from live.raw import Raw, cancel
from live.test_start import one_line, serve
from live.waiting import wait_until

pytestmark = pytest.mark.live

Start = Callable[..., Pgguard]


@pytest.fixture
def folder() -> Iterator[str]:
    """A short path: that of a unix socket has a hundred bytes."""
    with tempfile.TemporaryDirectory(prefix="pgg") as name:
        yield name


def connect(host: str, port: int, user: str = "ann", **options: object) -> psycopg.Connection[object]:
    given = {"password": password_of(user), "dbname": "postgres", "connect_timeout": 60, **options}
    return psycopg.connect(host=host, port=port, user=user, autocommit=True, **given)  # type: ignore[arg-type]


def test_several_at_once(postgres: Postgres, start_guard: Start, folder: str) -> None:
    guard = start_guard(postgres, PRODUCTION, "--listen", f"127.0.0.1:0,[::1]:0,{folder}:6432")
    first, second, third = f"{guard.ready['host']}:{guard.ready['port']}".split(",")
    assert second.startswith("[::1]:")

    for host, port in (first.rsplit(":", 1), ("::1", second.rsplit(":", 1)[1]), third.rsplit(":", 1)):
        with connect(host, int(port)) as connection:
            assert connection.execute("select session_user").fetchone() == ("ann",)
    guard.terminate()
    assert guard.wait() == 0
    assert os.listdir(folder) == []


def test_over_a_unix_socket_nobody_has_to_be_asked(postgres: Postgres, start_guard: Start, folder: str) -> None:
    """As under ``local ... trust``: who may enter the folder. Approving still needs a proof."""
    guard = start_guard(postgres, PRODUCTION, "--listen", f"{folder}:6432,127.0.0.1:0")
    port = int(guard.ready["port"])

    with connect(folder, 6432, "tess_trust") as connection:
        assert connection.execute("select session_user").fetchone() == ("tess_trust",)
    with connect(folder, 6432, "tess_trust", dbname="pgguard") as console, pytest.raises(psycopg.Error):
        console.execute("APPROVE 1")
    with pytest.raises(psycopg.OperationalError, match="everybody would be anybody"):
        connect("127.0.0.1", port, "tess_trust")


def test_a_unix_socket_to_the_server_makes_nobody_trusted(postgres: Postgres, start_guard: Start) -> None:
    """The server's own ``local`` line speaks of pgguard, not of whoever reaches pgguard."""
    hba = postgres.directory / "data" / "pg_hba.conf"
    before = hba.read_text()
    hba.write_text("local all tess_trust trust\n" + before)
    try:
        postgres.reload()
        guard = start_guard(postgres, PRODUCTION, "--upstream", f"{postgres.directory}:{postgres.port}")

        assert guard.sql("select session_user", user="ann", dbname="postgres") == [("ann",)]
        with pytest.raises(psycopg.OperationalError, match="everybody would be anybody"):
            guard.connect("tess_trust", "postgres")
    finally:
        hba.write_text(before)
        postgres.reload()


def test_the_socket_of_a_process_that_is_gone(postgres: Postgres, start_guard: Start, folder: str) -> None:
    dead = start_guard(postgres, PRODUCTION, "--listen", f"{folder}:6432")
    dead.kill()
    assert os.listdir(folder) == [".s.PGSQL.6432"]

    start_guard(postgres, PRODUCTION, "--listen", f"{folder}:6432")
    connect(folder, 6432).close()


def test_the_socket_of_a_process_that_lives(
    postgres: Postgres, start_guard: Start, folder: str, tmp_path: Path
) -> None:
    start_guard(postgres, PRODUCTION, "--listen", f"{folder}:6432")

    one_line(serve(postgres, tmp_path, listen=f"{folder}:6432"), "another process listens", exit_code=2)
    connect(folder, 6432).close()


def test_more_than_are_welcome(postgres: Postgres, start_guard: Start) -> None:
    guard = start_guard(postgres, PRODUCTION, "--max-connections", "2")
    with guard.connect("ann", "postgres"):
        with guard.connect("bob", "postgres"):
            with pytest.raises(psycopg.OperationalError, match="sorry, too many clients already"):
                guard.connect("ann", "postgres")
            guard.connect("bob", "pgguard").close()  # the console has room: somebody may have to approve
        wait_until(lambda: lets_in(guard))  # once bob's end has arrived


def lets_in(guard: Pgguard) -> bool:
    try:
        guard.connect("ann", "postgres").close()
    except psycopg.OperationalError as error:
        if "sorry, too many clients already" not in str(error):
            raise
        return False
    return True


class TestBehindABalancer:
    V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 5432\r\n"
    V2 = (
        b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24"
        + ipaddress.ip_address("2001:db8::7").packed * 2
        + struct.pack("!HH", 1, 2)
    )

    @pytest.fixture(scope="class")
    @classmethod
    def guard(cls, postgres: Postgres) -> Iterator[Pgguard]:
        guard = Pgguard(postgres, PRODUCTION, "--proxy-protocol-from", "10.0.0.0/8, 127.0.0.1").start()
        yield guard
        guard.stop()

    @pytest.mark.parametrize(
        ("header", "address"), [(V1, "192.0.2.7"), (V2, "2001:db8::7"), (b"PROXY UNKNOWN\r\n", "127.0.0.1")]
    )
    @pytest.mark.parametrize("cut", [1, 20, 1000])
    def test_the_clients_address_is_audited(
        self, postgres: Postgres, guard: Pgguard, header: bytes, address: str, cut: int
    ) -> None:
        with postgres.fresh_database() as database, Raw(guard.host, guard.port) as raw:
            for start in range(0, len(header), cut):
                raw.send(header[start : start + cut])
            raw.sign_in("ann", database, password_of("ann"), {})
            assert raw.query("delete from accounts")[-2].fields["C"] == "PGG02"
        last = guard.records_with(lambda record: record["database"] == database)[-1]
        assert last["client"] == address

    def test_a_header_is_needed(self, guard: Pgguard) -> None:
        with Raw(guard.host, guard.port) as raw:
            raw.send(f.startup_message({"user": "ann", "database": "postgres"}))
            assert raw.read().fields["M"] == "a PROXY protocol header is missing"
            assert raw.is_closed()


def test_nobody_else_may_say_who_he_is(postgres: Postgres, start_guard: Start) -> None:
    guard = start_guard(postgres, PRODUCTION, "--proxy-protocol-from", "192.0.2.0/24")
    with Raw(guard.host, guard.port) as raw:
        raw.send(TestBehindABalancer.V1)
        assert raw.read().fields["M"] == "invalid length of startup packet"
    guard.connect("ann", "postgres").close()


@pytest.mark.parametrize("protocol", [(3 << 16) | 2, (3 << 16) | 9999])
def test_newer_protocols_are_the_servers_to_negotiate(server: Postgres, guard: Pgguard, protocol: int) -> None:
    said = []
    for endpoint in (server, guard):
        with Raw(endpoint.host, endpoint.port) as raw:
            raw.send(f.startup_message({"user": "ann", "database": "postgres", "_pq_.nosuch": "1"}, protocol))
            message = raw.read()
            said.append((message.kind, message.body))
    assert said[0] == said[1]
    assert said[0][0] == "v"


def test_a_long_cancel_key(postgres18: Postgres, start_guard: Start) -> None:
    guard = start_guard(postgres18)
    with guard.connect("ann", "postgres", max_protocol_version="3.2") as connection:
        assert connection.pgconn.protocol_version == 3
    with Raw(guard.host, guard.port) as raw:
        sign_in_newer(raw)
        assert len(raw.key) == 32
        raw.send(f.query("select pg_sleep(30)"))
        postgres18.wait_until(f"select wait_event = 'PgSleep' from pg_stat_activity where pid = {raw.pid}")
        cancel(guard, raw.pid, raw.key[:-1] + b"\0")  # the wrong key
        assert raw.is_quiet()
        cancel(guard, raw.pid, raw.key)
        assert raw.until_ready()[-2].fields["C"] == "57014"


def sign_in_newer(raw: Raw) -> None:
    send = raw.send

    def newer(*messages: bytes) -> None:
        raw.send = send  # type: ignore[method-assign]
        send(*(message[:4] + struct.pack("!i", (3 << 16) | 2) + message[8:] for message in messages))

    raw.send = newer  # type: ignore[method-assign]
    raw.sign_in("ann", "postgres", password_of("ann"), {})


@pytest.mark.parametrize("seconds", ["60", "0"])
def test_peers_are_probed(postgres: Postgres, start_guard: Start, seconds: str) -> None:
    """Both of pgguard's sockets of a session: the one to the client, and the one to the server."""
    guard = start_guard(postgres, PRODUCTION, "--tcp-keepalive", seconds)
    with guard.connect("ann", "postgres"):
        if seconds != "0":  # what was not acknowledged yet has another timer
            wait_until(lambda: probed(guard, postgres) == (True, True))
        else:
            assert probed(guard, postgres) == (False, False)


def probed(guard: Pgguard, server: Postgres) -> tuple[bool, bool]:
    """Whether the timer of keepalive runs for pgguard's own sockets to a client and to the server."""
    own = {link[8:-1] for link in guard.links() if link.startswith("socket:[")}
    sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    probing = [words for words in sockets if words[9] in own and words[5].startswith("02:")]
    to_client = any(words[1].endswith(f":{guard.port:04X}") for words in probing)
    to_server = any(words[2].endswith(f":{server.port:04X}") for words in probing)
    return to_client, to_server


def test_the_application_has_a_name(postgres: Postgres, start_guard: Start) -> None:
    guard = start_guard(postgres)
    with guard.connect("ann", "postgres", application_name="nightly") as connection:
        asked = "select application_name from pg_stat_activity where pid = pg_backend_pid()"
        assert connection.execute(asked).fetchone() == ("nightly",)
