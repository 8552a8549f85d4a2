"""Who may come in: the server's own sign-in, relayed; nobody without having been asked for something."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from live import frontend as f
from live.endpoint import Endpoint
from live.pgguard import Pgguard
from live.postgres import Postgres
from live.raw import Raw, SignInRefused, cancel

pytestmark = pytest.mark.live


@pytest.mark.parametrize(("user", "challenge"), [("ann", 10), ("mary_md5", 5), ("paul_password", 3)])
def test_the_servers_question_is_relayed(guard: Pgguard, database: str, user: str, challenge: int) -> None:
    with Raw.connect(guard, user, database) as raw:
        assert raw.challenge == challenge
        assert raw.query("select session_user")[1].row == [user.encode()]


def test_what_comes_before_the_first_ready_for_query_is_the_servers(
    server: Postgres, guard: Pgguard, database: str
) -> None:
    seen = []
    for endpoint in (server, guard):
        raw = Raw(endpoint.host, endpoint.port)
        with raw:
            messages = raw.sign_in(
                "ann", database, "ann-secret", {"application_name": "x", "options": "-c work_mem=5MB"}
            )
            seen.append(sorted(raw.transcript(messages)))
            assert raw.query("show work_mem")[1].row == [b"5MB"]
            assert raw.query("select pg_backend_pid()")[1].row == [str(raw.pid).encode()]

    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    ("user", "dbname", "password"),
    [("ann", "postgres", "wrong"), ("nobody_here", "postgres", "x"), ("ann", "nosuch_database", "ann-secret"),
     ("mary_md5", "postgres", "wrong")],
)  # fmt: skip
def test_a_refused_sign_in_reads_the_same(
    server: Postgres, guard: Pgguard, user: str, dbname: str, password: str
) -> None:
    said = []
    for endpoint in (server, guard):
        with pytest.raises(SignInRefused) as refused:
            Raw.connect(endpoint, user, dbname, password=password)
        said.append(refused.value.fields)

    assert said[0] == said[1]


def test_nobody_comes_in_unasked(server: Postgres, guard: Pgguard, database: str) -> None:
    with pytest.raises(SignInRefused) as refused:
        Raw.connect(guard, "tess_trust", database)

    assert refused.value.fields["C"] not in ("08000", "08006", "57P01")  # on these drivers silently try again
    server.wait_until("select not exists (select from pg_stat_activity where usename = 'tess_trust')")


def test_unless_the_configuration_says_so(postgres: Postgres, start_guard: Callable[..., Pgguard]) -> None:
    guard = start_guard(postgres, Pgguard(postgres).policies, "--allow-trust")
    with postgres.fresh_database() as database, Raw.connect(guard, "tess_trust", database) as raw:
        assert raw.query("select 1")[1].row == [b"1"]


@pytest.mark.parametrize("request_", [f.ssl_request(), f.gssenc_request()])
def test_encryption_requests_are_answered(guard: Pgguard, database: str, request_: bytes) -> None:
    with Raw(guard.host, guard.port) as raw:
        raw.send(request_)
        assert raw.socket.recv(1) == b"N"
        assert raw.sign_in("ann", database, "ann-secret", {})[-1].kind == "Z"


@pytest.mark.parametrize("replication", ["true", "database", "on", "1"])
def test_replication_is_refused(guard: Pgguard, database: str, replication: str) -> None:
    with pytest.raises(SignInRefused) as refused:
        Raw.connect(guard, "ann", database, parameters={"replication": replication})

    assert "replication" in str(refused.value)


def test_cancel(server: Postgres, guard: Pgguard, database: str) -> None:
    with Raw.connect(guard, "ann", database) as raw:
        raw.send(f.query("select pg_sleep(30)"))
        server.wait_until(f"select count(*) = 1 from pg_stat_activity where pid = {raw.pid} and wait_event = 'PgSleep'")
        cancel(guard, raw.pid, raw.key)
        assert raw.until_ready()[-2].fields["C"] == "57014"
        assert raw.query("select 1")[1].row == [b"1"]


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\0" * 64, b"\xff" * 64, b"\0\0\0\4", b"\0\0\0\x08\x04\xd2\x16\x2a"]
)
def test_garbage_ends_the_connection_and_nothing_else(guard: Pgguard, database: str, garbage: bytes) -> None:
    with Raw(guard.host, guard.port) as raw:
        raw.send(garbage)
        with suppress(OSError):  # pgguard may have closed already
            raw.socket.shutdown(1)
        assert raw_is_over(raw)
    assert answers(guard, database)


def raw_is_over(raw: Raw) -> bool:
    try:
        while raw.socket.recv(4096):
            pass
    except ConnectionError:
        pass
    return True


def answers(endpoint: Endpoint, database: str) -> bool:
    return endpoint.sql("select 1", user="ann", dbname=database) == [(1,)]
