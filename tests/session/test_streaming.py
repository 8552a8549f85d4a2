"""Copy data and long messages: slices pass, and what has to be judged is held whole."""

from __future__ import annotations

import struct

import pytest

from pgguard.session.streaming import LONGEST, STREAMED
from tests.session.client_script import COPY_DONE, FLUSH, SYNC, check, copy_data, copy_fail, execute, parse, pbe, q
from tests.session.stage import WAIT, Stage


def test_copy_data_passes() -> None:
    data = [copy_data(b"1\n" * 50), copy_data(b"2\n"), COPY_DONE]
    stage = Stage().play([q("copy t from stdin"), WAIT, *data, q("select 1")])

    assert stage.said() == "G COPY_1 ZI T D SELECT_1 ZI"
    assert len(stage.model.db.committed.tables["t"].rows) == 12 + 51


def test_a_copy_data_message_streams_in_pieces() -> None:
    stage = Stage().play([q("copy t from stdin"), WAIT])
    data = copy_data(b"1\n" * 1000)
    stage.play([data[:100]])
    assert stage.unsent == 0

    stage.play([data[100:], COPY_DONE])
    assert stage.said() == "G COPY_1 ZI"


@pytest.mark.parametrize("first", [6, 1500, 1990])
def test_copy_data_that_begins_before_the_server_asks_for_it(first: int) -> None:
    """asyncpg does not wait for CopyInResponse: how much was there before it says nothing of how much is to come."""
    data = copy_data(b"1\n" * 1000)
    stage = Stage()
    for piece in (q("copy t from stdin") + data[:first], data[first:-2], data[-2:], COPY_DONE):
        stage.play([piece])
        assert stage.unsent == 0

    assert stage.said() == "G COPY_1 ZI"
    assert len(stage.model.db.committed.tables["t"].rows) == 12 + 1000


@pytest.mark.parametrize("start", [[q("copy t from stdin")], [pbe("copy t from stdin"), FLUSH]])
def test_a_copy_that_the_client_gives_up(start: list[bytes]) -> None:
    stage = Stage().play([*start, WAIT, copy_data(b"1\n"), copy_fail(), SYNC, q("select 1")])

    assert "E:57014" in stage.said()
    assert stage.said().endswith("T D SELECT_1 ZI")
    check(bytes(stage.sent), bytes(stage.received))


def test_nothing_but_copy_data_during_a_copy() -> None:
    """The server ends the connection, and were the COPY over there, it would run nothing."""
    stage = Stage().play([q("copy t from stdin"), WAIT, q("delete from t") + q("delete from t")])

    assert stage.session.closing
    assert stage.model.seen[-1] == b"Q\0\0\0\4"
    assert stage.said() == "G E:08P01"
    assert not stage.model.violations


@pytest.mark.parametrize("pause", [[], [WAIT]], ids=["before-it-was-asked-for", "when-it-was"])
@pytest.mark.parametrize("start", [[q("copy t from stdin")], [pbe("copy t from stdin"), FLUSH]], ids=["Q", "E"])
def test_no_message_at_all_during_a_copy(start: list[bytes], pause: list[None]) -> None:
    stage = Stage().play([*start, *pause, b"!\0\0\0\4"])

    assert stage.session.closing
    assert stage.said().endswith("E:08P01")
    assert stage.model.db.commits == []


def test_a_failed_row_ends_the_copy() -> None:
    data = [copy_data(b"bad\n"), copy_data(b"1\n"), COPY_DONE]
    stage = Stage().play([q("copy t from stdin"), WAIT, *data, q("select 1")])

    assert stage.said() == "G E:22P02 ZI T D SELECT_1 ZI"
    assert stage.model.db.commits == []


def test_a_long_bind_of_a_harmless_statement_is_not_held() -> None:
    value = b"x" * (STREAMED + 100)
    body = b"\0\0" + struct.pack("!hhi", 0, 1, len(value)) + value + b"\0\0"
    bind = b"B" + struct.pack("!i", len(body) + 4) + body
    stage = Stage().play([parse("", "select 1"), bind[:1000]])
    assert stage.unsent == 0

    stage.play([bind[1000:], execute(), SYNC])
    assert stage.said() == "1 2 D SELECT_1 ZI"


def test_a_message_too_long_to_be_judged_is_refused() -> None:
    stage = Stage().play([b"Q" + struct.pack("!i", LONGEST + 10) + b"select"])

    assert stage.session.closing
    assert stage.said() == "E:PGG05"
    assert stage.model.seen == []


def test_a_measured_batch_behind_a_copy_whose_sync_came_early() -> None:
    """libpq sends the Sync behind Execute, where the server ignores it; a client may then leave out the second one."""
    batch = [copy_data(b"1\n"), COPY_DONE, pbe("delete from t where id < 3"), SYNC]
    stage = Stage().play([pbe("copy t from stdin"), SYNC, WAIT, *batch])

    assert stage.said() == "1 2 G COPY_1 1 2 DELETE_2 ZI"


@pytest.mark.parametrize("then", ["delete from t where id < 3", "select 1", "update t set n = 1 where id = 4"])
@pytest.mark.parametrize("early", [SYNC, b""])
@pytest.mark.parametrize("last", [SYNC, b""])
def test_a_copy_and_what_follows_it_in_one_write(then: str, early: bytes, last: bytes) -> None:
    """However many Syncs the server passes over, and whoever waits for what: each is answered, and nothing hangs."""
    stage = Stage().play([pbe("copy t from stdin") + early + copy_data(b"1\n") + COPY_DONE + last + pbe(then) + SYNC])
    one = "ZI " if last else ""

    assert stage.said().startswith(f"1 2 G COPY_1 {one}1 2 ")
    assert stage.said().endswith("_1 ZI" if "delete" not in then else "_2 ZI")
    assert stage.session.at_rest
    assert not stage.session.world.waiting
    assert stage.session.world.writing == 0
