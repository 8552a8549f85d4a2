"""The server's bytes on their way: any cutting forwards the same, and what is owed is known at each moment."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pgguard.session.names import Names
from pgguard.session.outstanding import HOLD, RELAY, SWALLOW, Step, Unit
from pgguard.session.replies import FAILED, IDLE, IN_BLOCK, Replies
from pgguard.wire.backend import encode_error, ready_for_query
from tests.session.model_messages import data_row, message, row_description
from tests.strategies import cuttings

READY = ready_for_query(IDLE)
ROWS = row_description() + data_row(b"1") + data_row(b"2" * 90)
TAG = message(b"C", b"SELECT 2\0")


def owing(*entries: Unit | Step) -> Replies:
    replies = Replies(Names(), [])
    replies.queue.extend(entries)
    return replies


def synced() -> Unit:
    unit = Unit()
    unit.synced = True
    return unit


@given(data=st.data())
def test_a_unit_passes_byte_for_byte(data: st.DataObject) -> None:
    whole = ROWS + TAG + message(b"S", b"TimeZone\0UTC\0") + message(b"N", b"SNOTICE\0\0") + READY
    replies = owing(synced())
    for piece in data.draw(cuttings(whole)):
        replies.receive(piece)

    assert b"".join(replies.to_client) == whole
    assert replies.settled()
    assert replies.parameters == {"TimeZone": "UTC"}


@given(data=st.data())
def test_rows_of_a_held_step_pass_and_its_tag_waits(data: st.DataObject) -> None:
    step = Step(ord("Q"), HOLD)
    replies = owing(step)
    for piece in data.draw(cuttings(ROWS + TAG + ready_for_query(IN_BLOCK))):
        replies.receive(piece)

    assert b"".join(replies.to_client) == ROWS
    assert step.held == TAG
    assert (replies.status, replies.settled()) == (IN_BLOCK, True)


def test_a_notice_releases_the_tag_in_front_of_it() -> None:
    notice = message(b"N", b"SNOTICE\0\0")
    replies = owing(Step(ord("Q"), HOLD))
    replies.receive(TAG + notice + TAG)

    assert b"".join(replies.to_client) == TAG + notice


def test_notices_of_a_hidden_query() -> None:
    """What triggers say in a SET CONSTRAINTS of ours is the client's; what PostgreSQL says of that itself is not."""
    told = message(b"N", b"SNOTICE\0Rexec_stmt_raise\0\0")
    of_ours = message(b"N", b"SWARNING\0C25P01\0RCheckTransactionBlock\0\0")
    step = Step(ord("E"), SWALLOW)
    step.tells = True
    replies = owing(step)
    replies.receive(of_ours + told)

    assert b"".join(replies.to_client) == told


def test_the_tag_before_the_last_is_released() -> None:
    replies = owing(Step(ord("Q"), HOLD))
    replies.receive(TAG + ROWS + TAG)

    assert b"".join(replies.to_client) == TAG + ROWS


def test_nothing_of_ours_reaches_the_client() -> None:
    replies = owing(Step(ord("P"), SWALLOW), Step(ord("E"), SWALLOW), Step(ord("S"), SWALLOW))
    replies.receive(message(b"1") + data_row(b"x") + TAG + READY)

    assert replies.to_client == []
    assert replies.settled()


def test_an_error_passes_over_everything_up_to_the_sync() -> None:
    steps = [Step(ord(code), RELAY) for code in "PBES"]
    replies = owing(*steps)
    replies.receive(encode_error({"C": "42601", "M": "x"}) + ready_for_query(FAILED))

    assert [step.skipped for step in steps] == [False, True, True, False]
    assert steps[0].sqlstate == "42601"
    assert (replies.status, replies.settled()) == (FAILED, True)


def test_an_error_before_the_sync_makes_the_session_skip() -> None:
    unit = Unit()
    unit.expected = 3
    replies = owing(unit)
    assert not replies.settled()
    replies.receive(encode_error({"C": "42601", "M": "x"}))

    assert replies.skipping
    assert replies.settled()


def test_a_fatal_error_is_passed_on_and_known() -> None:
    replies = owing(Step(ord("Q"), SWALLOW))
    replies.receive(encode_error({"C": "57P01", "M": "x"}, severity="FATAL"))

    assert replies.fatal
    assert len(replies.to_client) == 1


def test_what_comes_unasked_passes() -> None:
    replies = owing()
    notification = message(b"A", b"\0\0\0\1x\0\0")
    replies.receive(notification)

    assert replies.to_client == [notification]


def status(name: bytes, value: bytes) -> bytes:
    return message(b"S", name + b"\0" + value + b"\0")


def test_settings_of_a_measured_run_are_told_once_and_as_they_are_in_the_end() -> None:
    """The server tells them in front of each ReadyForQuery, and what was SET LOCAL again when it is taken back."""
    replies = owing(Step(ord("Q"), HOLD), Step(ord("Q"), SWALLOW))
    replies.parameters.update(DateStyle="ISO", application_name="a")
    replies.receive(TAG + status(b"DateStyle", b"German") + status(b"application_name", b"b") + READY)
    replies.receive(status(b"DateStyle", b"ISO") + READY)

    assert replies.to_client == []
    assert replies.parameters == {"DateStyle": "ISO", "application_name": "b"}
    replies.say_parameters()
    assert replies.to_client == [status(b"application_name", b"b")]
    assert not replies.unsaid


def test_what_was_not_told_yet_is_told_in_front_of_what_passes_next() -> None:
    replies = owing(Step(ord("S"), SWALLOW), synced())
    replies.receive(status(b"DateStyle", b"German") + READY + ROWS + status(b"DateStyle", b"ISO") + READY)

    said = b"".join(replies.to_client)
    assert said == ROWS + status(b"DateStyle", b"German") + status(b"DateStyle", b"ISO") + READY
