"""Messages of the client: what is encoded is decoded, and any body is decoded or is the client's violation."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.errors import MalformedMessage, ProtocolViolation
from pgguard.wire import frontend
from pgguard.wire.framing import frame_end
from tests.strategies import c_strings

DECODERS: list[Callable[[bytes], object]] = [
    frontend.query_text, frontend.parse, frontend.bind, frontend.execute, frontend.target,
]  # fmt: skip


def message(code: bytes, body: bytes) -> bytes:
    return code + struct.pack("!i", len(body) + 4) + body


@given(text=c_strings)
def test_query(text: bytes) -> None:
    assert frontend.query_text(frontend.encode_query(text)) == text


@given(name=c_strings, text=c_strings, types=st.lists(st.integers(0, 2**32 - 1), max_size=5).map(tuple))
def test_parse(name: bytes, text: bytes, types: tuple[int, ...]) -> None:
    assert frontend.parse(frontend.encode_parse(name, text)) == frontend.Parse(name, text, ())

    body = name + b"\0" + text + b"\0" + struct.pack(f"!H{len(types)}I", len(types), *types)
    assert frontend.parse(message(b"P", body)) == frontend.Parse(name, text, types)


@given(portal=c_strings, statement=c_strings, params=st.binary(max_size=20))
def test_bind(portal: bytes, statement: bytes, params: bytes) -> None:
    assert frontend.bind(frontend.encode_bind(portal, statement)) == frontend.Bind(portal, statement, b"\0" * 6)

    whole = message(b"B", portal + b"\0" + statement + b"\0" + params)
    assert frontend.bind(whole) == frontend.Bind(portal, statement, params)


def test_values_of_a_bind_are_told_as_text_in_either_format() -> None:
    values = (b"t", None, b"\1", b"\0", b"%", struct.pack("!i", -7), struct.pack("!h", 300), b"\xff\xff\xff", b"")
    parts = [struct.pack("!i", -1) if v is None else struct.pack("!i", len(v)) + v for v in values]
    body = struct.pack("!H", len(values)) + b"".join(parts) + b"\0\0"
    formats = (0, 0, *[1] * 7)

    said = frontend.values(struct.pack("!H9H", 9, *formats) + body)
    assert said == {1: "t", 2: None, 3: "t", 4: "f", 5: "%", 6: "-7", 7: "300", 9: ""}
    assert frontend.values(struct.pack("!HH", 1, 1) + body)[6] == "-7"
    assert frontend.values(struct.pack("!H", 0) + body)[1] == "t"


@given(tail=st.binary(max_size=60))
def test_values_of_anything_are_no_error(tail: bytes) -> None:
    assert isinstance(frontend.values(tail), dict)


@given(portal=c_strings, rows=st.integers(-(2**31), 2**31 - 1))
def test_execute(portal: bytes, rows: int) -> None:
    assert frontend.execute(frontend.encode_execute(portal)) == frontend.Execute(portal, 0)
    assert frontend.execute(message(b"E", portal + b"\0" + struct.pack("!i", rows))).max_rows == rows


@given(kind=st.sampled_from([b"S", b"P"]), name=c_strings)
def test_describe_and_close(kind: bytes, name: bytes) -> None:
    assert frontend.target(frontend.encode_close(kind, name)) == frontend.Target(kind, name)


@given(name=c_strings, text=c_strings)
def test_what_is_encoded_is_one_whole_message(name: bytes, text: bytes) -> None:
    whole = [
        frontend.encode_query(text), frontend.encode_parse(name, text), frontend.encode_bind(name, name),
        frontend.encode_execute(name), frontend.encode_close(b"S", name), frontend.SYNC, frontend.FLUSH,
        frontend.TERMINATE,
    ]  # fmt: skip

    assert [frame_end(data, 0, "client") for data in whole] == [len(data) for data in whole]
    assert b"".join(data[:1] for data in whole) == b"QPBECSHX"


@pytest.mark.parametrize("decode", DECODERS, ids=lambda decode: decode.__name__)
@given(body=st.binary(max_size=40))
def test_any_body_is_decoded_or_is_the_clients_violation(decode: Callable[[bytes], object], body: bytes) -> None:
    try:
        decode(message(b"x", body))
    except ProtocolViolation as broken:
        blamed = broken.side
    else:
        blamed = "client"
    assert blamed == "client"


@given(code=st.sampled_from([b"Q", b"P", b"E"]), body=st.lists(st.sampled_from([b"\0", b"a", b"\1"])).map(b"".join))
def test_a_malformed_message_stays_so_without_what_it_says(code: bytes, body: bytes) -> None:
    whole = message(code, body)
    decode = {b"Q": frontend.query_text, b"P": frontend.parse, b"E": frontend.execute}[code]
    try:
        decode(whole)
    except MalformedMessage as trouble:
        emptied = frontend.emptied(whole, b"nobody")
        with pytest.raises(MalformedMessage, match=trouble.what):
            decode(emptied)
        if code == b"E":
            assert emptied[5:].startswith(b"nobody\0") or emptied == message(b"E", b"")
        else:
            text = emptied[5:] if code == b"Q" else emptied[5:].partition(b"\0")[2]
            assert text == b"" or text.startswith(b"\0")


def test_golden_bytes() -> None:
    assert frontend.encode_query(b"select 1") == b"Q\0\0\0\x0dselect 1\0"
    assert frontend.encode_parse(b"s", b"x") == b"P\0\0\0\x0as\0x\0\0\0"
    assert frontend.encode_bind(b"p", b"s") == b"B\0\0\0\x0ep\0s\0\0\0\0\0\0\0"
    assert frontend.encode_execute(b"p") == b"E\0\0\0\x0ap\0\0\0\0\0"
    assert frontend.encode_close(b"P", b"p") == b"C\0\0\0\x07Pp\0"
    assert frontend.SYNC + frontend.FLUSH + frontend.TERMINATE == b"S\0\0\0\4H\0\0\0\4X\0\0\0\4"


@pytest.mark.parametrize(
    ("decode", "body", "what"),
    [
        (frontend.query_text, b"select 1", "Query: string without its end"),
        (frontend.query_text, b"select 1\0; drop table t\0", "Query: bytes behind the text"),
        (frontend.parse, b"s\0x\0\0\1", "Parse: parameter types are cut short"),
        (frontend.parse, b"s\0x\0", "Parse: parameter types are cut short"),
        (frontend.parse, b"s\0x\0\0\0x", "Parse: bytes behind the parameter types"),
        (frontend.bind, b"p\0s", "Bind: string without its end"),
        (frontend.execute, b"p\0\0\0\0", "Execute: wrong length"),
        (frontend.execute, b"p\0\0\0\0\0\0", "Execute: wrong length"),
        (frontend.target, b"S", "too short"),
        (frontend.target, b"Xp\0", "invalid target"),
        (frontend.target, b"Sp\0x", "invalid target"),
    ],
)
def test_what_hides_something_is_a_violation(decode: Callable[[bytes], object], body: bytes, what: str) -> None:
    with pytest.raises(ProtocolViolation, match=what):
        decode(message(b"x", body))
