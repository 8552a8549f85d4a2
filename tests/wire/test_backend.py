"""Messages of the server: what is encoded is decoded, and any body is decoded or is the server's violation."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.errors import ProtocolViolation
from pgguard.wire import backend
from pgguard.wire.framing import frame_end
from tests.strategies import words

DECODERS: list[Callable[[bytes], object]] = [
    backend.error_fields, backend.data_row, backend.parameter_status, backend.command_tag,
    lambda message: backend.shift_position(message, 3),
]  # fmt: skip


def message(code: bytes, body: bytes) -> bytes:
    return code + struct.pack("!i", len(body) + 4) + body


@given(fields=st.dictionaries(st.sampled_from("CMDHPRtscn"), words.filter(bool), max_size=5))
def test_errors_and_notices(fields: dict[str, str]) -> None:
    error = backend.encode_error(fields)
    notice = backend.encode_notice(fields, severity="WARNING")

    assert frame_end(error, 0, "server") == len(error)
    assert backend.error_fields(error) == {"S": "ERROR", "V": "ERROR", **fields}
    assert backend.error_fields(notice) == {"S": "WARNING", "V": "WARNING", **fields}
    assert error[:1] + notice[:1] == b"EN"


def test_what_could_break_an_error_apart_is_replaced() -> None:
    error = backend.encode_error({"C": "PGG01", "M": "a\0Mb", "D": ""})

    assert backend.error_fields(error) == {"S": "ERROR", "V": "ERROR", "C": "PGG01", "M": "a?Mb"}


@given(columns=st.lists(st.none() | st.binary(max_size=9), max_size=6))
def test_data_row(columns: list[bytes | None]) -> None:
    body = struct.pack("!H", len(columns))
    for column in columns:
        body += struct.pack("!i", -1) if column is None else struct.pack("!i", len(column)) + column

    assert backend.data_row(message(b"D", body)) == columns


@given(name=words, value=words)
def test_parameter_status(name: str, value: str) -> None:
    body = name.encode() + b"\0" + value.encode() + b"\0"

    assert backend.parameter_status(message(b"S", body)) == (name, value)


@given(position=st.integers(1, 9999), by=st.integers(0, 9999), text=words.filter(bool))
def test_a_position_is_moved_and_nothing_else(position: int, by: int, text: str) -> None:
    error = backend.encode_error({"C": "42601", "M": text, "P": str(position), "R": "scanner_yyerror"})
    moved = backend.shift_position(error, by)

    assert frame_end(moved, 0, "server") == len(moved)
    assert backend.error_fields(moved) == backend.error_fields(error) | {"P": str(position + by)}


def test_an_error_without_a_position_stays() -> None:
    error = backend.encode_error({"C": "42601", "M": "x"})

    assert backend.shift_position(error, 7) == error


@pytest.mark.parametrize("position", ["x", "", "-3", "\u0663"])
def test_a_position_that_is_no_number_stays(position: str) -> None:
    error = message(b"E", b"P" + position.encode() + b"\0\0")

    assert backend.shift_position(error, 7) == error


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ("SQL function f", "VACUUM cannot be executed from a function"),
        ("", "VACUUM cannot run inside a transaction block"),
    ],
)
def test_a_command_in_a_function_is_not_told_of_our_block(context: str, said: str) -> None:
    fields = {"C": "25001", "M": "VACUUM cannot run inside a transaction block", "W": context}
    error = backend.without_block(backend.encode_error(fields))

    assert said == backend.error_fields(error)["M"]
    assert len(error) == 1 + int.from_bytes(error[1:5], "big")


def test_other_errors_stay() -> None:
    error = backend.encode_error({"C": "P0001", "M": "it cannot run inside a transaction block", "W": "f"})

    assert error == backend.without_block(error)


def test_golden_bytes() -> None:
    assert backend.encode_error({"C": "PGG01", "M": "no"}) == b"E\0\0\0\x1eSERROR\0VERROR\0CPGG01\0Mno\0\0"
    assert backend.ready_for_query(0x54) == b"Z\0\0\0\5T"
    assert backend.command_tag(b"C\0\0\0\x0dDELETE 3\0") == "DELETE 3"


@pytest.mark.parametrize("decode", DECODERS, ids=["error", "row", "parameter", "tag", "shift"])
@given(body=st.binary(max_size=40))
def test_any_body_is_decoded_or_is_the_servers_violation(decode: Callable[[bytes], object], body: bytes) -> None:
    try:
        decode(message(b"x", body))
    except ProtocolViolation as broken:
        blamed = broken.side
    else:
        blamed = "server"
    assert blamed == "server"


@pytest.mark.parametrize(
    ("decode", "body"),
    [
        (backend.error_fields, b"SERROR"),
        (backend.data_row, b"\0"),
        (backend.data_row, b"\0\1\0\0"),
        (backend.data_row, b"\0\1\0\0\0\5abc"),
        (backend.parameter_status, b"name\0"),
        (backend.parameter_status, b"name\0value\0more\0"),
    ],
)
def test_what_is_cut_short_is_a_violation(decode: Callable[[bytes], object], body: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="server: "):
        decode(message(b"x", body))
