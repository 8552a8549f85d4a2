"""Where messages end: any cutting of the stream gives the same messages, and any bytes parse or are a violation."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.errors import ProtocolViolation
from pgguard.wire.framing import EVERY, MAX_LENGTH, frame_end, frames, table, walk
from tests.strategies import cuttings

messages = st.builds(
    lambda code, body: bytes((code,)) + struct.pack("!i", len(body) + 4) + body,
    st.integers(0, 255),
    st.binary(max_size=30),
)
streams = st.lists(messages, max_size=12)


@given(sent=streams, data=st.data())
def test_any_cutting_gives_the_same_messages(sent: list[bytes], data: st.DataObject) -> None:
    kept = b""
    found = []
    for piece in data.draw(cuttings(b"".join(sent))):
        kept += piece
        while 0 < (end := frame_end(kept, 0, "client")) <= len(kept):
            found.append(kept[:end])
            kept = kept[end:]

    assert found == sent
    assert kept == b""


@given(sent=streams)
def test_whole_messages_are_taken_apart(sent: list[bytes]) -> None:
    assert list(frames(b"".join(sent))) == sent


@given(sent=streams, stops=st.sets(st.integers(0, 255)), cut=st.integers(0, 400))
def test_a_walk_ends_at_the_first_that_is_flagged_or_not_whole(sent: list[bytes], stops: set[int], cut: int) -> None:
    data = b"".join(sent)[:cut]
    expected = 0
    for one in sent:
        if data[expected : expected + len(one)] != one or one[0] in stops:
            break
        expected += len(one)

    assert walk(data, 0, table(bytes(sorted(stops))), "server") == expected


@given(data=st.binary(max_size=60), start=st.integers(0, 10))
def test_any_bytes_are_walked_or_are_a_violation(data: bytes, start: int) -> None:
    for stops in (EVERY, table(b"")):
        try:
            end = walk(data, min(start, len(data)), stops, "server")
        except ProtocolViolation as broken:
            blamed = broken.side
        else:
            blamed = "server" if min(start, len(data)) <= end <= len(data) else "nobody"
        assert blamed == "server"


@pytest.mark.parametrize("length", [-1, 0, 3, MAX_LENGTH + 1, 0x7FFFFFFF])
def test_a_length_that_cannot_be_is_a_violation_of_that_side(length: int) -> None:
    data = b"Q" + struct.pack("!i", length)

    for find in (lambda: frame_end(data, 0, "client"), lambda: walk(data, 0, table(b""), "client")):
        with pytest.raises(ProtocolViolation, match="type 0x51 announces length") as caught:
            find()
        assert caught.value.side == "client"


@pytest.mark.parametrize("length", [4, MAX_LENGTH])
def test_the_shortest_and_the_longest_message_are_allowed(length: int) -> None:
    assert frame_end(b"Q" + struct.pack("!i", length), 0, "client") == length + 1


def test_a_header_that_is_not_whole_has_no_end_yet() -> None:
    for size in range(5):
        assert frame_end(b"S\0\0\0\4"[:size], 0, "client") == -1


def test_a_table_flags_what_it_was_given() -> None:
    flags = table(b"ZE")

    assert len(flags) == len(EVERY) == 256
    assert [chr(code) for code in range(256) if flags[code]] == ["E", "Z"]
    assert all(EVERY)
