"""The console's protocol, byte by byte: any cutting of the stream, any rubbish, and what must never be let through."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgguard.console.commands import COMMANDS
from pgguard.console.connection import ConsoleConnection
from pgguard.console.desk import Desk
from pgguard.errors import UpstreamUnavailable
from pgguard.store.requests import Store
from tests.console.stand import Console, Policy, members


def message(code: str, body: bytes = b"") -> bytes:
    return code.encode() + struct.pack("!i", len(body) + 4) + body


def query(text: str) -> bytes:
    return message("Q", text.encode() + b"\0")


def parse(text: str, name: str = "") -> bytes:
    return message("P", name.encode() + b"\0" + text.encode() + b"\0\0\0")


def bind(*values: bytes, name: str = "") -> bytes:
    given = b"".join(struct.pack("!i", len(value)) + value for value in values)
    return message("B", b"\0" + name.encode() + b"\0\0\0" + struct.pack("!h", len(values)) + given + b"\0\0")


def execute(rows: int = 0) -> bytes:
    return message("E", b"\0" + struct.pack("!i", rows))


SYNC = message("S")


class Client:
    """One connection without a network: what was sent to the client, as message types and as text."""

    def __init__(self, desk: Desk, person: str = "bob", proved: bool = True) -> None:
        self.out = b""
        self.closed = False
        self.connection = ConsoleConnection(
            person=person, proved=proved, write=self._write, close=self._close, desk=desk
        )

    def _write(self, data: bytes) -> None:
        assert not self.closed
        self.out += data

    def _close(self) -> None:
        self.closed = True

    async def settle(self) -> None:
        while self.connection._task is not None:
            await asyncio.sleep(0.001)

    async def say(self, *data: bytes) -> str:
        """The types of the messages that answer."""
        self.out = b""
        for piece in data:
            self.connection.receive(piece)
        await self.settle()
        return "".join(code for code, _ in self.answers())

    def answers(self) -> list[tuple[str, bytes]]:
        found, pos = [], 0
        while pos < len(self.out):
            (length,) = struct.unpack_from("!i", self.out, pos + 1)
            found.append((chr(self.out[pos]), self.out[pos + 5 : pos + 1 + length]))
            pos += 1 + length
        assert pos == len(self.out)
        return found

    def error(self) -> str:
        return next(body for code, body in self.answers() if code == "E").decode()


@pytest.fixture
def desk(console: Console) -> Desk:
    return Desk(console.store, members, Policy)


async def test_the_greeting_ends_ready(desk: Desk) -> None:
    client = Client(desk)
    client.connection.greet()
    codes = [code for code, _ in client.answers()]

    assert set(codes[:-2]) == {"S"}
    assert codes[-2:] == ["K", "Z"]
    assert client.out.endswith(b"Z\0\0\0\x05I")
    assert b"server_version\x0015.0 (pgguard" in client.out


async def test_simple_and_extended_give_the_same_answers(desk: Desk, console: Console) -> None:
    client = Client(desk)
    await console.file()

    assert await client.say(query("show requests")) == "TDCZ"
    assert await client.say(query("")) == "IZ"
    assert await client.say(query("show version; show help")) == "TDC" + "T" + "D" * len(COMMANDS) + "CZ"
    assert await client.say(parse("show requests"), bind(), message("D", b"P\0"), execute(), SYNC) == "12TDCZ"
    assert await client.say(parse("show request $1"), message("D", b"S\0"), SYNC) == "1tTZ"
    assert await client.say(parse("begin"), bind(), message("D", b"P\0"), execute(), SYNC) == "12nNCZ"
    assert await client.say(parse(""), bind(), message("D", b"P\0"), execute(), SYNC) == "12nIZ"


async def test_rows_come_in_portions(desk: Desk) -> None:
    client = Client(desk)
    await client.say(parse("show help"))
    rest = len(COMMANDS) - 6

    assert await client.say(bind(), execute(3), execute(3), execute(99), SYNC) == "2DDDsDDDs" + "D" * rest + "CZ"
    assert await client.say(execute()) == "E"
    assert "portal" in client.error()


async def test_an_error_skips_to_sync(desk: Desk, console: Console) -> None:
    client = Client(desk)
    number = await console.file()
    approval = parse(f"approve {number}") + bind() + execute()

    assert await client.say(parse("nonsense"), approval, query(f"approve {number}"), SYNC) == "EZ"
    assert (await console.store.show(number)).state == "open"  # type: ignore[union-attr]
    assert await client.say(approval, SYNC) == "12DCZ"
    assert (await console.store.show(number)).state == "approved"  # type: ignore[union-attr]


async def test_a_text_that_makes_no_sense_somewhere_does_nothing(desk: Desk, console: Console) -> None:
    client = Client(desk)
    number = await console.file()

    assert await client.say(query(f"approve {number}; show nothing")) == "EZ"
    assert await client.say(query(f"approve {number}; deny 'it")) == "EZ"
    assert (await console.store.show(number)).state == "open"  # type: ignore[union-attr]


async def test_rows_are_fetched_in_parts(desk: Desk, console: Console) -> None:
    """pgjdbc with a fetch size, in what it believes to be a transaction: a Sync behind each part."""
    for n in range(5):
        await console.file(f"delete {n}")
    client = Client(desk)
    def bound(name: bytes) -> bytes:
        return message("B", name + b"\0" * 8)

    def fetched(name: bytes) -> bytes:
        return message("E", name + b"\0" + struct.pack("!i", 2)) + SYNC

    named, more = bound(b"rows"), fetched(b"rows")

    assert await client.say(query("begin") + parse("show requests") + named + more) == "NCZ12DDsZ"
    assert await client.say(query("show version") + more) == "TDCZDDsZ"
    assert await client.say(more) == "DCZ"
    assert await client.say(more) == "EZ"  # read to its end, it is gone
    await client.say(parse("show requests"), *(bound(b"%d" % n) + fetched(b"%d" % n) for n in range(30)))

    assert len(client.connection._portals) == 16


async def test_an_approval_is_executed_once_per_portal(desk: Desk, console: Console) -> None:
    client = Client(desk)
    await console.file()

    assert await client.say(parse("approve 1"), bind(), execute(), execute(), SYNC) == "12DCCZ"


async def test_parameters_are_data(desk: Desk, console: Console) -> None:
    client = Client(desk)
    number = await console.file()

    assert await client.say(parse("deny $1 $2"), bind(b"1; approve 1", b"x"), execute(), SYNC) == "12EZ"
    assert "22P02" in client.error()
    assert await client.say(parse("deny $2 $1"), bind(b"', 'x", str(number).encode()), execute(), SYNC) == "12DCZ"
    assert (await console.store.show(number)).denial == "', 'x"  # type: ignore[union-attr]
    assert await client.say(bind(b"only one"), SYNC) == "EZ"
    assert await client.say(query("approve $1")) == "EZ"


@pytest.mark.parametrize(
    "text", ["approve", "approve 0", "approve -1", "approve 1 2", "approve 99999999999999999999", "approve 1 at most",
             "deny 1", "deny 1 ''", "deny 1 no", "show request", "show request x", "APPROVE 1 TOKEN TOKEN",
             "approve 1x", "approve 1 at most 99999999999999999999", "select a", "'", "/*", "$", "é",
             "approve 3000000000", "deny 1 '" + "x" * 501 + "'"],
)  # fmt: skip
async def test_what_makes_no_sense_is_an_error_and_changes_nothing(desk: Desk, console: Console, text: str) -> None:
    client = Client(desk)
    number = await console.file()
    answer = await client.say(query(text))

    assert answer == ("IZ" if text == "/*" else "EZ")
    assert (await console.store.show(number)).state == "open"  # type: ignore[union-attr]
    assert await client.say(query("show version")) == "TDCZ"


async def test_hostile_statements_are_shown_as_text(desk: Desk, console: Console) -> None:
    await console.file("delete from t -- \x1b[2J\u202e\x00\nend")
    client = Client(desk)
    await client.say(query("show requests; show request 1"))

    assert b"delete from t -- \\u001b[2J\\u202e\\u0000 \\n end" in client.out
    assert b"\x1b[" not in client.out


async def test_the_request_of_a_role_that_is_gone_is_approved_by_nobody(desk: Desk, console: Console) -> None:
    """Renamed, it is another name for the same person."""
    number = await console.file(caller="gone")
    client = Client(desk)

    assert await client.say(query(f"approve {number}")) == "EZ"
    assert "is not there any more" in client.error()
    assert await client.say(query(f"deny {number} 'renamed'")) == "TDCZ"


async def test_who_the_approvers_are_must_be_known(console: Console) -> None:
    number = await console.file()

    async def away(_person: str) -> set[str]:
        raise UpstreamUnavailable("the admin connection is away")

    async def late(_person: str) -> set[str]:
        await asyncio.sleep(10)
        return {"dba"}

    for asked in (away, late):
        client = Client(Desk(console.store, asked, Policy, deadline=0.05))

        assert await client.say(query(f"approve {number}")) == "EZ"
        assert "CPGG06" in client.error()
    assert (await console.store.show(number)).state == "open"  # type: ignore[union-attr]


async def test_a_group_that_the_policy_no_longer_has_approves_nothing(console: Console) -> None:
    number = await console.file(by="security")
    client = Client(Desk(console.store, members, Policy))

    assert await client.say(query(f"approve {number}")) == "EZ"
    assert 'needs approver group "security"' in client.error()


async def test_a_bug_in_a_command_ends_the_connection_and_approves_nothing(console: Console) -> None:
    number = await console.file()
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["message"]))
    client = Client(Desk(console.store, members, Policy), person="nobody")

    assert await client.say(query(f"approve {number}")) == "E"
    assert client.closed
    assert (await console.store.show(number)).state == "open"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "rubbish",
    [b"Q\0\0\0\x03", b"Q\xff\xff\xff\xff", b"Q\x7f\xff\xff\xff", b"?\0\0\0\x04", message("Q", b"no end"),
     message("P", b"\0"), message("B", b"\0\0\0\x01"), message("B", b"\0\0\0\0\0\x01\0\0\0\x09x"), message("E", b"\0"),
     message("D", b"X\0"), message("p", b"x\0"), b"Q\0\x01\0\x05"],
)  # fmt: skip
async def test_a_broken_protocol_ends_the_connection(desk: Desk, rubbish: bytes) -> None:
    client = Client(desk)
    await client.say(parse("show version"))
    answer = await client.say(rubbish)

    assert answer == "E"
    assert "SFATAL" in client.error()
    assert client.closed
    assert await client.say(query("show version")) == ""


async def test_a_client_that_never_waits_is_bounded(desk: Desk) -> None:
    client = Client(desk)
    await client.say(message("H") * 300)

    assert client.closed

    client = Client(desk)

    assert await client.say(query("show version" + " " * 70_000)) == "E"
    assert client.closed


async def test_terminate_closes_and_a_lost_client_is_not_written_to(desk: Desk, console: Console) -> None:
    client = Client(desk)

    assert await client.say(message("X")) == ""
    assert client.closed

    client = Client(desk)
    client.connection.receive(query("show requests"))
    client.connection.lost()
    await client.settle()

    assert client.out == b""


async def test_any_cutting_of_the_stream_gives_the_same_answers(desk: Desk) -> None:
    stream = (
        query("show version") + parse("show help", "a") + bind(name="a") + execute(2) + SYNC + query("show help; x")
    )
    whole = Client(desk)
    await whole.say(stream)
    for size in (1, 2, 3, 7, 20):
        cut = Client(desk)
        await cut.say(*(stream[pos : pos + size] for pos in range(0, len(stream), size)))

        assert cut.out == whole.out


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(st.lists(st.tuples(st.sampled_from("QPBDECSHFdcfXpk?"), st.binary(max_size=30)), max_size=12))
def test_any_messages_are_answered_or_end_the_connection(
    tmp_path_factory: pytest.TempPathFactory, sent: list[tuple[str, bytes]]
) -> None:
    """Nothing that a client sends raises, and Sync brings every connection that is still there back to idle."""

    async def run(folder: Path) -> None:
        store = await Store.open(f"sqlite:///{folder}/fuzz.db", deadline=20.0)
        client = Client(Desk(store, members, Policy))
        await client.say(*(message(code, body) for code, body in sent))
        if not client.closed:
            await client.say(SYNC)
            assert client.out.endswith(b"Z\0\0\0\x05I")
        await store.close()

    asyncio.run(run(tmp_path_factory.getbasetemp()))
