"""The client's bytes that wait: nothing is lost, doubled or moved by any way of adding and taking."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pgguard.session.inbox import Inbox


@given(pieces=st.lists(st.binary(max_size=9), max_size=20), takes=st.lists(st.integers(0, 9), max_size=40))
def test_bytes_come_out_as_they_went_in(pieces: list[bytes], takes: list[int]) -> None:
    inbox = Inbox()
    taken = b""
    added = b""
    for at in range(max(len(pieces), len(takes))):
        if at < len(pieces):
            inbox.add(pieces[at])
            added += pieces[at]
        data = inbox.gathered()
        end = min(inbox.start + (takes[at] if at < len(takes) else 0), len(data))
        taken += inbox.piece(end)
        inbox.taken(end)
        assert inbox.waiting == len(added) - len(taken)

    assert taken + inbox.gathered()[inbox.start :] == added


def test_what_was_looked_at_stays_until_it_is_taken() -> None:
    inbox = Inbox()
    inbox.add(b"abcd")
    inbox.gathered()
    inbox.scan = 2
    assert inbox.untouched

    inbox.add(b"ef")
    assert inbox.gathered() == b"abcdef"
    assert (inbox.start, inbox.scan) == (0, 2)
    inbox.scan = 6
    assert not inbox.untouched
    assert inbox.piece(6) == b"abcdef"


def test_bytes_are_joined_only_when_there_are_as_many_as_needed() -> None:
    inbox = Inbox()
    inbox.add(b"ab")
    inbox.gathered()
    inbox.need = 5
    inbox.add(b"cd")
    assert inbox.gathered() == b"ab"

    inbox.add(b"e")
    assert inbox.gathered() == b"abcde"
    assert inbox.need == 0
