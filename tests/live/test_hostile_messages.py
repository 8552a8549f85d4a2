"""No message ends pgguard or harms the data: wrong lengths, unknown types, half packets, crowds that never sign in."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from live import frontend as f
from live.pgguard import PRODUCTION, Pgguard
from live.postgres import Postgres
from live.raw import Raw
from live.refusals import unharmed
from live.waiting import PATIENCE

from pgguard.proxy.door import MOST_DOORS
from pgguard.session.signin import MOST_EARLY
from pgguard.session.streaming import LONGEST

pytestmark = pytest.mark.live


def announced(kind: str, length: int, body: bytes = b"") -> bytes:
    """A message that says of itself that it is so long."""
    return kind.encode() + struct.pack("!I", length) + body


SIGNED_IN = {
    "length-0": (announced("Q", 0), "08P01"),
    "length-3": (announced("P", 3), "08P01"),
    "negative-length": (announced("Q", 0xFFFFFFFF), "08P01"),
    "over-1-GB": (announced("Q", 0x40000000), "08P01"),
    "almost-1-GB": (announced("Q", 0x3FFFFFFF, b"select"), "PGG05"),
    "almost-1-GB-parse": (announced("P", 0x3FFFFFFF, b"\0select"), "PGG05"),
    "almost-1-GB-bind": (announced("B", 0x3FFFFFFF, b"\0\0"), "PGG05"),
    "unknown-type-almost-1-GB": (announced("z", 0x3FFFFFFF), "08P01"),
    "sync-of-1-MB": (announced("S", 1_000_000), "08P01"),
    "unknown-type": (announced("z", 4), "08P01"),
    "a-server-message": (announced("Z", 5, b"I"), "08P01"),
    "type-0": (b"\0\0\0\0\4", "08P01"),
    "password-again": (announced("p", 9, b"word\0"), "08P01"),
    "startup-again": (f.startup_message({"user": "ann"}), "08P01"),
}


@pytest.mark.parametrize("case", SIGNED_IN)
def test_a_broken_message_ends_its_own_connection(guard: Pgguard, server: Postgres, database: str, case: str) -> None:
    message, sqlstate = SIGNED_IN[case]
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        raw.query("begin; delete from notes where id <= 60")
        raw.send(message)
        assert (last := raw.until("E")[-1]).kind == "E"
        assert (last.fields["S"], last.fields["C"]) == ("FATAL", sqlstate)
        assert raw.is_closed()


MALFORMED = {
    "text-without-end": announced("Q", 12, b"select 1"),
    "text-with-more": announced("Q", 14, b"select\0x\0\0"),
    "empty-query-message": announced("Q", 4),
    "parse-cut-short": announced("P", 14, b"\0select 1\0"),
    "parse-types-cut-short": announced("P", 19, b"\0select 1\0\0\5\0\0\0"),
    "execute-without-rows": announced("E", 5, b"\0"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_message_fails_its_block(guard: Pgguard, server: Postgres, database: str, case: str) -> None:
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        raw.query("begin; delete from notes where id <= 60")
        raw.send(MALFORMED[case])
        assert (last := raw.until("E")[-1]).fields["C"] == "08P01"
        assert last.fields["S"] == "ERROR"
        raw.send(f.sync())
        assert raw.until("Z")[-1].tag == "E"


@pytest.mark.parametrize(
    "messages",
    [
        [f.execute(), f.sync()],
        [f.bind(), f.bind(statement="nothing"), f.sync()],
        [f.describe("P", "nothing"), f.execute("nothing"), f.flush(), f.sync()],
        [f.message("c"), f.message("f", b"\0"), f.message("d", b"1\n"), f.sync()],
        [f.close("S", "x" * 10_000), f.parse("select 1", "y" * 10_000), f.sync()],
        [f.sync()] * 100,
        [f.parse("delete from notes"), f.query("select 1"), f.execute(), f.sync()],
        [announced("B", 10, b"\0\0\0\xff\0\0"), f.execute(), f.sync()],
        [announced("D", 6, b"X\0"), f.execute(), f.sync()],
        [announced("F", 8, b"\0\0\0\0"), f.sync()],
    ],
    ids="execute bind describe copy long-names syncs query-in-batch bind-cut describe-of-nothing call-cut".split(),
)
def test_messages_out_of_order_do_no_harm(
    guard: Pgguard, server: Postgres, database: str, messages: list[bytes]
) -> None:
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        raw.send(*messages, f.message("X"))
        assert raw.is_closed()


@pytest.mark.parametrize(
    "packet",
    [
        struct.pack("!i", 7),
        struct.pack("!i", -1),
        struct.pack("!i", 10_001),
        struct.pack("!ii", 8, 0),
        struct.pack("!ii", 8, 2 << 16),
        struct.pack("!ii", 10, 3 << 16) + b"ab",
        struct.pack("!ii", 12, 3 << 16) + b"a\0b\0",
        b"GET / HTTP/1.1\r\n\r\n",
        f.startup_message({"database": "postgres"}),
        f.ssl_request() + f.startup_message({"user": "ann"}),
    ],
    ids=lambda packet: packet[:14].hex(),
)
def test_a_broken_startup_packet_ends_its_own_connection(guard: Pgguard, packet: bytes) -> None:
    with Raw(guard.host, guard.port) as raw:
        raw.send(packet)
        assert raw.is_closed()


def test_whoever_never_signs_in_makes_room(
    start_guard: Callable[..., Pgguard], server: Postgres, database: str
) -> None:
    """More than there is room for, each with half a startup packet: others are served, and memory is bounded."""
    guard = start_guard(server, PRODUCTION, "--workers", "1")
    half = f.startup_message({"user": "ann", "database": "x" * 9_000})[:-1]
    with Raw.connect(guard, "ann", database) as raw, ExitStack() as stack:
        raw.query("select 1")
        before = guard.rss_kb()
        crowd = []
        for _ in range(MOST_DOORS + 50):
            crowd.append(stack.enter_context(socket.create_connection((guard.host, guard.port), timeout=PATIENCE)))
            crowd[-1].sendall(half)

        with Raw.connect(guard, "ann", database) as other:
            assert [m.kind for m in other.query("select 1")] == ["T", "D", "C", "Z"]
        assert b"sorry, too many clients already" in crowd[0].recv(1000)
        assert guard.rss_kb() - before < 100_000
    guard.assert_logs_are_clean()


def test_what_is_sent_before_the_sign_in_is_bounded(guard: Pgguard, database: str) -> None:
    with Raw(guard.host, guard.port) as raw:
        raw.send(f.startup_message({"user": "ann", "database": database}))
        with pytest.raises((ConnectionError, AssertionError, EOFError)):
            for _ in range(2 * MOST_EARLY // 60_000):
                raw.send(f.message("p", b"x" * 60_000))
            raw.until("E")
            raw.send(b"")
            raise EOFError


def test_a_message_too_long_to_be_judged_is_refused_at_its_first_byte(guard: Pgguard, database: str) -> None:
    with Raw.connect(guard, "ann", database) as raw:
        raw.send(announced("Q", LONGEST + 100))
        message = raw.read()
        assert (message.fields["C"], message.fields["S"]) == ("PGG05", "FATAL")
        assert f"limit {LONGEST}" in message.fields["M"]
