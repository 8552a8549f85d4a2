"""What pgguard itself says to the server."""

from __future__ import annotations

from itertools import count

from pgguard.session.names import Names
from pgguard.session.replies import Replies
from pgguard.session.server import Server
from pgguard.wire import frontend
from pgguard.wire.backend import encode_error, ready_for_query
from tests.session.model_messages import data_row, message
from tests.session.stage import split


def server() -> Server:
    numbers = count(1)
    return Server(Replies(Names(), []), [], lambda: b"%016x" % next(numbers))


def test_a_hidden_query_comes_and_goes_under_a_fresh_name() -> None:
    one = server()
    one.hidden(b"select 1", sync=True)
    one.hidden(b"select 1", sync=False)

    found = split(b"".join(one.to_server), "client")
    assert b"".join(m[:1] for m in found) == b"PBECCSPBECC"
    names = [frontend.parse(m).name for m in found if m[:1] == b"P"]
    assert names == [b"pgguard_0000000000000001", b"pgguard_0000000000000002"]


def test_its_rows_and_its_failure_are_kept_from_the_client() -> None:
    one = server()
    asked = one.hidden(b"select 1", sync=True)
    one.replies.receive(message(b"1") + message(b"2") + data_row(b"x"))
    one.replies.receive(message(b"C", b"SELECT 1\0") + message(b"3") * 2)
    one.replies.receive(ready_for_query(0x49))
    assert (asked.rows, asked.failed) == ([[b"x"]], False)

    failing = one.hidden(b"select 1", sync=True)
    one.replies.receive(encode_error({"C": "57014", "M": "x"}) + ready_for_query(0x49))
    assert failing.failed
    assert failing.error
    assert one.replies.to_client == []


def test_counters_are_zeroed_only_when_they_may_not_stand_at_zero() -> None:
    one = server()
    one.zero_counters()
    sent = len(one.to_server)
    one.zero_counters()

    assert sent
    assert len(one.to_server) == sent


def test_the_reason_of_a_failure_cannot_end_its_comment() -> None:
    one = server()
    one.must_fail("rule */ drop table t; /* é")

    text = frontend.parse(one.to_server[0]).text
    assert text == b"/* pgguard: rule ?? drop table t; ?? ? */ refused"
