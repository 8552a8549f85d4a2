"""What comes before the first typed message."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.errors import ProtocolViolation
from pgguard.wire.startup import (
    MAX_STARTUP_LENGTH,
    CancelRequest,
    GSSENCRequest,
    SSLRequest,
    StartupMessage,
    cancel_request,
    read_startup,
)
from tests.strategies import words

names = words.filter(bool)
startups = st.builds(
    StartupMessage, st.integers(3 << 16, (3 << 16) + 2), st.lists(st.tuples(names, words), max_size=6).map(tuple)
)


def packet(code: int, body: bytes = b"") -> bytes:
    return struct.pack("!ii", len(body) + 8, code) + body


def test_golden_bytes() -> None:
    body = b"user\0ann\0database\0shop\0\0"

    assert StartupMessage(196608, (("user", "ann"), ("database", "shop"))).encode() == (
        b"\0\0\0\x20" + b"\0\3\0\0" + body
    )
    assert read_startup(b"\0\0\0\x08\x04\xd2\x16\x2f") == (SSLRequest(), 8)
    assert read_startup(b"\0\0\0\x08\x04\xd2\x16\x30") == (GSSENCRequest(), 8)


@given(message=startups, more=st.binary(max_size=10))
def test_a_startup_message_round_trips(message: StartupMessage, more: bytes) -> None:
    data = message.encode()

    assert read_startup(data + more) == (message, len(data))


@given(message=startups)
def test_a_part_of_it_is_not_whole_yet(message: StartupMessage) -> None:
    data = message.encode()

    assert all(read_startup(data[:size]) is None for size in range(len(data)))


@given(data=st.binary(max_size=60) | st.binary(max_size=40).map(lambda b: packet(196608, b)))
def test_any_bytes_are_read_or_are_the_clients_violation(data: bytes) -> None:
    try:
        found = read_startup(data)
    except ProtocolViolation as broken:
        blamed = broken.side
    else:
        blamed = "client" if found is None or 8 <= found[1] <= len(data) else "nobody"
    assert blamed == "client"


def test_a_cancel_request_is_kept_as_it_is() -> None:
    data = packet(80877102, b"\0\0\0\1\xff\xff\xff\xff")

    assert read_startup(data + b"x") == (CancelRequest(data), 16)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\0\0\0\7", "invalid length"),
        (b"GET / HTTP/1.1", "invalid length"),
        (struct.pack("!i", MAX_STARTUP_LENGTH + 1), "invalid length"),
        (packet(2 << 16), "unsupported frontend protocol 2.0"),
        (packet(4 << 16 | 7), "unsupported frontend protocol 4.7: server supports 3.0 to 3.2"),
        (packet(196608), "invalid startup packet layout"),
        (packet(196608, b"user\0ann\0"), "invalid startup packet layout"),
        (packet(196608, b"user\0\0"), "invalid startup packet layout"),
        (packet(196608, b"user\0ann\0\0x"), "invalid startup packet layout"),
    ],
)
def test_what_is_no_startup_packet(data: bytes, what: str) -> None:
    with pytest.raises(ProtocolViolation, match=what):
        read_startup(data)


def test_the_database_is_the_users_name_unless_it_is_given() -> None:
    assert StartupMessage(196608, (("user", "ann"),)).database == "ann"
    assert StartupMessage(196608, (("user", "ann"), ("database", ""))).database == "ann"
    assert StartupMessage(196608, (("user", "ann"), ("database", "shop"))).database == "shop"


def test_the_last_of_several_values_counts() -> None:
    message = StartupMessage(196608, (("user", "ann"), ("user", "bob")))

    assert message.user == "bob"
    assert message.get("nosuch", "x") == "x"


@pytest.mark.parametrize(
    ("value", "replication"),
    [("database", True), ("on", True), ("true", True), ("1", True), ("false", False), ("off", False), ("NO", False),
     ("0", False), ("", False)],
)  # fmt: skip
def test_replication_connections_are_recognised(value: str, replication: bool) -> None:
    assert StartupMessage(196608, (("user", "ann"), ("replication", value))).replication is replication


def test_another_database_in_place_of_the_first() -> None:
    message = StartupMessage(196608, (("database", "pgguard"), ("user", "ann"), ("database", "pgguard")))

    assert message.with_database("shop").parameters == (("user", "ann"), ("database", "shop"))


def test_bytes_that_are_not_utf8_come_out_as_they_went_in() -> None:
    data = packet(196608, b"user\0\xff\xfe\0\0")
    found = read_startup(data)

    assert found is not None
    assert isinstance(found[0], StartupMessage)
    assert found[0].encode() == data


def test_a_cancel_request_holds_the_key_as_it_came() -> None:
    key = b"\0\0\0\x07" + b"secret key of any length"
    made = cancel_request(key)

    assert read_startup(made.raw) == (made, len(made.raw))
    assert made.raw.endswith(key)
