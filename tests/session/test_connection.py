"""The driver of a session: what waits for what, and that nothing waits for ever."""

from __future__ import annotations

import pytest

from tests.session.client_script import FLUSH, SYNC, TERMINATE, call, check, pbe, q
from tests.session.model_messages import message
from tests.session.scripts import Script
from tests.session.stage import WAIT, Stage


def played(*script: bytes | None) -> Stage:
    stage = Stage().play(script)
    assert not stage.model.violations
    assert not stage.unsent, "something got stuck"
    check(bytes(stage.sent), bytes(stage.received))
    return stage


@pytest.mark.parametrize("behind", [call(20), q("select 1"), q("delete from t where id < 3")])
def test_nobody_waits_for_what_the_server_keeps_back(behind: bytes) -> None:
    played(pbe("set application_name = 'x'"), behind, SYNC)


def test_a_function_call_behind_unsynced_messages_is_answered() -> None:
    assert played(pbe("select 1"), call(20), SYNC).said() == "1 2 D SELECT_1 V ZI ZI"


@pytest.mark.parametrize("last", ["delete from t where id < 3", "set application_name = 'x'", "select 1"])
def test_a_batch_longer_than_a_segment_goes_on(last: str) -> None:
    many: Script = [pbe("set application_name = 'x'"), *(pbe(f"select {n}") for n in range(1600))]

    played(*many, pbe(last), SYNC)


def test_a_query_behind_unsynced_messages_is_preceded_by_a_sync_of_ours() -> None:
    stage = played(pbe("insert into t default values"), q("select 1"), SYNC)

    assert stage.said() == "1 2 INSERT_0_1 T D SELECT_1 ZI ZI"


def test_what_changes_judgement_is_waited_for() -> None:
    """Nobody knows before the answer whether DO prepared something else under the name."""
    stage = played(q("prepare q as select 1"), q("do $$prepare q$$"), q("execute q"))

    assert [commit.lost for commit in stage.model.db.commits if commit.lost] == []
    assert stage.said().split()[-2:] == ["E:PGG02", "ZI"]


def test_terminate_in_a_measured_block_commits_nothing() -> None:
    stage = Stage().play([q("begin"), q("delete from t where id < 3"), TERMINATE])

    assert stage.session.ended
    assert stage.model.dead
    assert stage.model.db.commits == []


def test_an_invalid_message_ends_the_connection() -> None:
    stage = Stage().play([b"!\0\0\0\4", q("select 1")])

    assert stage.session.closing
    assert stage.said() == "E:08P01"
    assert stage.model.seen == []


def test_what_was_sent_in_front_of_the_last_message_is_answered() -> None:
    """Whoever reads only then must find it, as from PostgreSQL; what is behind that message is not taken."""
    for last in (TERMINATE, b"!\0\0\0\4"):
        stage = Stage().play([q("select 1") + pbe("select 1") + SYNC + last + q("delete from t where id = 1")])

        assert stage.said().startswith("T D SELECT_1 ZI 1 2 D SELECT_1 ZI")
        assert stage.model.db.commits == []


@pytest.mark.parametrize("before", [[], [q("begin"), q("delete from t where id < 3")]], ids=["idle", "in-a-block"])
def test_a_broken_query_is_answered_by_the_server(before: list[bytes]) -> None:
    stage = Stage().play([*before, message(b"Q", b"delete from t") + message(b"Q", b"delete\0from t\0"), q("rollback")])

    assert stage.said().count("E:08P01") == 2
    assert stage.said().endswith("ZI")
    assert stage.model.db.commits == []
    check(bytes(stage.sent), bytes(stage.received))


@pytest.mark.parametrize("broken", [message(b"P", b"\0delete"), message(b"E", b"\0"), message(b"C", b"X\0")])
@pytest.mark.parametrize("text", ["select 1", "delete from t where id < 3"], ids=["passing", "measured"])
def test_a_broken_message_fails_its_batch(broken: bytes, text: str) -> None:
    stage = Stage().play([pbe(text) + broken + pbe(text) + SYNC, q("select 1")])

    assert stage.said().count("E:08P01") == 1
    assert stage.said().endswith("ZI T D SELECT_1 ZI")
    assert stage.model.db.commits == []
    check(bytes(stage.sent), bytes(stage.received))


def test_a_message_that_comes_byte_by_byte_goes_out_whole() -> None:
    stage = Stage()
    for byte in q("select 1")[:-1]:
        stage.play([bytes([byte])])
    assert stage.model.seen == []

    stage.play([q("select 1")[-1:]])

    assert stage.said() == "T D SELECT_1 ZI"


def test_a_pipeline_of_queries_is_answered_in_order() -> None:
    stage = played(q("select 1"), q("delete from t"), q("select 2"), q("delete from t where id < 3"), q("select 3"))

    assert stage.said() == "T D SELECT_1 ZI E:PGG02 ZI T D SELECT_1 ZI DELETE_2 ZI T D SELECT_1 ZI"


def test_at_rest_only_when_nothing_is_under_way() -> None:
    stage = played(q("begin"))
    assert not stage.session.at_rest

    stage.play([q("commit")])
    assert stage.session.at_rest

    stage.play([pbe("select 1"), FLUSH, WAIT])
    assert not stage.session.at_rest
