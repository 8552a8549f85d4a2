"""Every road by which somebody could be the second person for himself."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import psycopg
import pytest
from live.endpoint import password_of
from live.pgguard import Pgguard, policy_file
from live.postgres import Postgres
from live.refusals import Refused, from_psycopg
from live.second_person import approve, say, told
from live.waiting import PATIENCE

pytestmark = pytest.mark.live

POLICY = """
version: 1
approvers: {dba: {roles: [dba]}}
approval: {by: dba, expires: 30m}
break_glass: {roles: [mary], reason: required}
limits:
  - {name: small, rows: 10, beyond: approve}
"""
DELETE = "delete from notes where n = 0"
LONG = "l" * 63


@pytest.fixture(scope="module")
def guard(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pgguard]:
    found = Pgguard(postgres, policy_file(tmp_path_factory.mktemp("policy"), POLICY)).start()
    yield found
    found.stop()


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    with postgres.fresh_database() as name:
        yield name


@pytest.fixture
def mary(postgres: Postgres) -> Iterator[str]:
    """A member of dba, who owns the tables as well."""
    postgres.sql(f"create role mary login password '{password_of('mary')}' in role dba, ann")
    yield "mary"
    for name in ("mary", "martha"):
        postgres.sql(f"drop role if exists {name}")


def run(guard: Pgguard, database: str, text: str, **how: str) -> str | Refused:
    with guard.connect(how.pop("user", "mary"), database, **how) as connection:
        try:
            return connection.execute(text.encode()).statusmessage or ""
        except psycopg.Error as error:
            return from_psycopg(error)


def request(guard: Pgguard, database: str, text: str = DELETE, **how: str) -> int:
    answer = run(guard, database, text, **how)
    assert isinstance(answer, Refused), answer
    return answer.request


def refuses(guard: Pgguard, command: str, why: str, **how: str) -> None:
    connection = guard.connect(how.pop("user", "mary"), "pgguard", **how)
    with connection, pytest.raises(psycopg.Error, match=why):
        connection.execute(command.encode())


def test_by_taking_on_another_role(guard: Pgguard, postgres: Postgres, database: str, mary: str) -> None:
    postgres.sql("grant bob to mary")
    number = request(guard, database)
    for options in ("-c role=bob", "-c role=dba"):
        refuses(guard, f"approve {number}", "you cannot approve your own request", options=options)
    with pytest.raises(psycopg.OperationalError, match="permission denied"):  # the server's own answer to the sign-in
        guard.connect("mary", "pgguard", options="-c session_authorization=bob")
    refuses(guard, f"set role bob; approve {number}", "you cannot approve your own request")
    refuses(guard, f"set session authorization bob; approve {number}", "you cannot approve your own request")
    other = request(guard, database, "set role bob; " + DELETE)
    refuses(guard, f"approve {other}", "you cannot approve your own request")
    # Filed by a superuser who has become somebody else for the server: it is his login that counts.
    third = request(guard, database, "set session authorization mary; " + DELETE, user="postgres")
    assert told(guard, third)["requester"] == "postgres"
    refuses(guard, f"approve {third}", "you cannot approve your own request", user="postgres")


def test_by_being_called_something_else(guard: Pgguard, postgres: Postgres, database: str, mary: str) -> None:
    number = request(guard, database)
    postgres.sql("alter role mary rename to martha")
    how = {"user": "martha", "password": password_of("mary")}
    refuses(guard, f"approve {number}", 'the role "mary", whose request [0-9]+ it is, is not there any more', **how)
    assert isinstance(run(guard, database, DELETE, **how), Refused)


def test_by_a_name_that_the_server_cuts(guard: Pgguard, postgres: Postgres, database: str) -> None:
    """PostgreSQL lets 66 characters in as the 63 that it knows, and so it is 63 that file, and 66 that nobody knows."""
    postgres.sql(f"create role {LONG} login password 'long-secret' in role dba, ann")
    try:
        for filed, approves in ((LONG, LONG + "xyz"), (LONG + "xyz", LONG)):
            number = request(guard, database, DELETE, user=filed, password="long-secret")
            assert told(guard, number)["requester"] == LONG
            refuses(guard, f"approve {number}", "cannot approve your own|needs approver group",
                    user=approves, password="long-secret")  # fmt: skip
    finally:
        postgres.sql(f"drop role {LONG}")


def test_by_two_names_in_one_startup_message(guard: Pgguard, database: str) -> None:
    """Whoever the server lets in is who approves: the last name counts for both."""
    number = request(guard, database, user="ann")
    with socket.create_connection((guard.host, guard.port), timeout=PATIENCE) as wire:
        words = b"user\0bob\0database\0pgguard\0user\0paul_password\0\0"
        wire.sendall(struct.pack("!ii", len(words) + 8, 196608) + words)
        assert wire.recv(4096)[:9] == b"R\0\0\0\x08\0\0\0\x03"  # AuthenticationCleartextPassword
        secret = password_of("paul_password").encode() + b"\0"
        wire.sendall(b"p" + struct.pack("!i", len(secret) + 4) + secret)
        command = f"approve {number}".encode() + b"\0"
        wire.sendall(b"Q" + struct.pack("!i", len(command) + 4) + command)
        answer = b""
        while b"needs approver group" not in answer:
            more = wire.recv(4096)
            assert more, answer
            answer += more
    assert told(guard, number)["state"] == "open"
    say(guard, f"withdraw {number}", user="ann")


def test_by_reviewing_what_went_ahead_alone(guard: Pgguard, postgres: Postgres, database: str, mary: str) -> None:
    with guard.connect("mary", database) as connection:
        connection.execute("set pgguard.reason = 'outage'")
        connection.execute("update notes set n = n where id < 50")
    ((number, *_),) = [row for row in say(guard, "show requests") if row[2] == "mary" and row[1] == "to review"]
    for command in (f"approve {number}", f"deny {number} 'fine'", f"withdraw {number}"):
        refuses(guard, command, "own request|is not open")
    assert told(guard, int(number))["state"] == "to review"
    say(guard, f"deny {number} 'not again'")


def test_by_finding_the_token(guard: Pgguard, postgres: Postgres, database: str) -> None:
    """It is with the approver, and nowhere else: not in the log, the audit, the state or a listing."""
    number = request(guard, database, user="ann")
    ((_, state, _, _, token),) = say(guard, f"approve {number} token")
    assert (state, token.count(".")) == ("approved", 2)
    kept = [path.read_bytes() for path in guard.directory.iterdir() if path.is_file()]
    shown = repr([say(guard, command, user="ann") for command in (f"show request {number}", "show all requests")])
    for part in token.split(".")[1:]:
        assert part.encode() not in b"".join(kept)
        assert part not in shown
        assert not postgres.sql("select 1 from pg_stat_activity where query like %s", ("%" + part + "%",))
    assert isinstance(run(guard, database, DELETE, user="ann"), Refused)
    # Handed over, it is of no use to the one who approved.
    answer = run(guard, database, f"/* pgguard: token={token} */ " + DELETE, user="bob")
    assert isinstance(answer, Refused)
    assert answer.sqlstate == "PGG04"
    approve(guard, request(guard, database, DELETE + " ", user="ann"))
    assert postgres.value("select count(*) from notes", dbname=database) == 1000
