"""Measured extended messages: a reading behind each Execute, the Sync kept back, and no other way to a commit."""

from __future__ import annotations

import pytest

from pgguard.wire import frontend
from tests.session import shop
from tests.session.client_script import (
    COPY_DONE,
    FLUSH,
    SYNC,
    bind,
    call,
    check,
    close,
    copy_data,
    describe,
    execute,
    parse,
    pbe,
    q,
)
from tests.session.scripts import Script
from tests.session.stage import WAIT, Stage


def played(*script: bytes | None) -> Stage:
    stage = Stage().play(script)
    assert not stage.model.violations
    assert not stage.unsent, "something got stuck"
    check(bytes(stage.sent), bytes(stage.received))
    return stage


def committed(stage: Stage) -> list[int]:
    """Rows lost with each commit."""
    return [commit.lost for commit in stage.model.db.commits]




def test_a_begin_inside_a_block_of_ours_opens_no_way_round() -> None:
    stage = played(pbe("do $$hold$$"), parse("s1", "begin") + bind("", "s1") + execute(), SYNC)

    assert committed(stage) == []


@pytest.mark.parametrize(
    "script",
    [
        [pbe("do $$commit$$"), pbe("select 1"), SYNC],
        [pbe("select 1"), FLUSH, WAIT, pbe("do $$commit$$"), SYNC],
        [pbe("begin"), pbe("commit"), pbe("do $$commit$$"), SYNC],
        [parse("s1", "do $$nothing$$") + bind("", "s1") + execute(), pbe("commit"), pbe("do $$commit$$"), SYNC],
    ],
    ids=["parsed again", "flushed", "behind a COMMIT", "behind a COMMIT of our block"],
)
def test_do_never_commits_by_itself(script: Script) -> None:
    stage = played(*script)

    assert committed(stage) == []


def test_a_batch_within_the_limit_is_committed_by_its_sync() -> None:
    stage = played(pbe("delete from t where id < 3"), SYNC)

    assert stage.said() == "1 2 DELETE_2 ZI"
    assert committed(stage) == [2]


def test_a_batch_beyond_the_limit_ends_with_an_error_in_place_of_the_tag() -> None:
    stage = played(pbe("delete from t"), SYNC, q("select 1"))

    assert stage.said() == "1 2 E:PGG02 ZI T D SELECT_1 ZI"
    assert committed(stage) == []


def test_what_comes_behind_a_refusal_is_passed_over_up_to_the_sync() -> None:
    stage = played(pbe("delete from t"), pbe("insert into t default values"), q("select 1"), SYNC)

    assert stage.said() == "1 2 E:PGG02 ZI"
    assert committed(stage) == []


def test_rows_of_one_batch_are_added_up() -> None:
    stage = played(pbe("delete from t where id < 3"), pbe("delete from t where id > 10"), SYNC)

    assert stage.said() == "1 2 DELETE_2 1 2 E:PGG02 ZI"
    assert committed(stage) == []


def test_rows_are_added_up_over_flushes() -> None:
    stage = played(pbe("delete from t where id < 3"), FLUSH, WAIT, pbe("delete from t where id > 10"), SYNC)

    assert committed(stage) == []


def test_deferred_work_is_judged_before_the_sync() -> None:
    stage = played(pbe("insert into d default values"), SYNC)

    assert stage.said() == "1 2 INSERT_0_1 E:PGG02 ZI"
    assert committed(stage) == []


def test_a_name_that_unread_code_gave_away_is_not_believed() -> None:
    """FACTS F10: DO prepares another statement under the client's name."""
    stage = played(
        parse("s1", "select 1"), SYNC, close("S", "s1"), pbe("do $$prepare s1$$"), SYNC,
        bind("", "s1"), execute(), SYNC,
    )  # fmt: skip

    assert "PGG" in stage.said()
    assert committed(stage) == []


def test_do_that_commits_fails_in_a_block_of_ours() -> None:
    stage = played(pbe("do $$commit$$"), SYNC)

    assert stage.said() == "1 2 E:2D000 ZI"
    assert committed(stage) == []


def test_describe_of_a_measured_statement_is_answered_as_ever() -> None:
    stage = played(
        parse("s1", "delete from t where id < 3") + describe("S", "s1") + bind("p1", "s1") + describe("P", "p1")
        + execute("p1"), SYNC,
    )  # fmt: skip

    assert stage.said() == "1 t n 2 n DELETE_2 ZI"


def test_an_execute_of_commit_is_a_commit_point() -> None:
    stage = played(pbe("begin"), pbe("delete from t where id < 3"), pbe("delete from p"), pbe("commit"), SYNC)

    assert stage.said() == "1 2 BEGIN 1 2 DELETE_2 1 2 E:PGG02 ZE"
    assert committed(stage) == []


def test_extended_transaction_control_with_deferred_work() -> None:
    stage = played(pbe("begin"), SYNC, pbe("insert into d default values"), SYNC, pbe("commit"), SYNC, q("select 1"))

    assert stage.said() == "1 2 BEGIN ZT 1 2 INSERT_0_1 ZT 1 2 E:PGG02 ZI T D SELECT_1 ZI"
    assert committed(stage) == []


VACUUM_BEHIND_BIND: Script = [
    parse("", "select imm()") + bind(),
    parse("v", "vacuum") + bind("", "v") + execute(),
    SYNC,
]


def test_vacuum_does_not_commit_what_a_bind_did() -> None:
    """FACTS F1 and F6: a Bind runs immutable functions; VACUUM commits at once when it is the first Execute."""
    stage = played(*VACUUM_BEHIND_BIND)

    assert committed(stage) == []


@pytest.mark.parametrize("behind", [q("select 1"), call(20), q("begin"), q("commit"), q("delete from t where id = 1")])
def test_deferred_work_without_a_sync_is_judged_before_what_comes_behind_it(behind: bytes) -> None:
    """FACTS F1: a Query behind un-Synced messages would commit them."""
    stage = played(pbe("insert into d default values"), behind, SYNC)

    assert "E:PGG02" in stage.said()
    assert [rows for rows in committed(stage) if rows > 3] == []


def test_the_settings_are_not_asked_for_in_the_middle_of_a_batch() -> None:
    """Their Sync would commit it."""
    stage = played(pbe("insert into d default values"), FLUSH, WAIT, pbe("select 1"), SYNC)

    assert committed(stage) == []
    assert stage.said().endswith("E:PGG02 ZI")


def test_an_execute_of_an_unknown_portal_fails_as_ever() -> None:
    stage = played(execute("nosuch"), SYNC)

    assert stage.said() == "E:34000 ZI"


def test_copy_in_that_is_measured_is_read_behind_its_copy_done() -> None:
    stage = played(pbe("copy d from stdin"), WAIT, copy_data(b"1\n"), COPY_DONE, SYNC)

    assert stage.said() == "1 2 G COPY_1 E:PGG02 ZI"
    assert [m[:1] for m in stage.model.seen if m == frontend.encode_query(b"COMMIT")] == []
    assert committed(stage) == []


def test_an_error_is_forgotten_with_its_sync() -> None:
    again = [pbe("rollback to a"), FLUSH, SYNC]

    assert played(*again, *again).said() == "1 2 E:25P01 ZI 1 2 E:25P01 ZI"


def test_who_only_observes_leaves_vacuum_in_a_pipeline_to_the_server() -> None:
    stage = Stage(world=shop.world(observe=True))
    stage.play([pbe("select purge()") + pbe("vacuum") + SYNC])

    assert "E:25001" in stage.said()
    assert stage.model.db.commits == []
