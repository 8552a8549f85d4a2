"""Dry runs: told, and taken back, in every form; nothing of it stays, and what comes behind it is judged as ever."""

from __future__ import annotations

import pytest

from pgguard.session import asks
from tests.session import shop
from tests.session.client_script import SYNC, bind, check, execute, parse, pbe, q
from tests.session.stage import WAIT, Stage

ON = q("set pgguard.dry_run = 'on'")
WRITES = ["delete from t", "delete from t where id < 3", "delete from t where id = 3", "delete from p where id = 1"]


def tried(*script: bytes) -> Stage:
    stage = Stage().play([ON, WAIT, *script])
    assert not stage.model.violations
    check(bytes(stage.sent), bytes(stage.received))
    return stage


@pytest.mark.parametrize("text", [*WRITES, "insert into t default values", "truncate t"])
@pytest.mark.parametrize("extended", [False, True])
def test_a_write_outside_a_block_is_told_and_taken_back(text: str, extended: bool) -> None:
    stage = tried(*([pbe(text), SYNC] if extended else [q(text)]))

    assert "N:00000" in stage.said().split()
    assert "E:" not in stage.said()
    assert stage.model.db.commits == []
    assert [ask for ask in stage.asked if isinstance(ask, asks.FileRequest)] == []


@pytest.mark.parametrize("extended", [False, True])
def test_a_write_in_a_block_leaves_the_block_as_it_was(extended: bool) -> None:
    text = "delete from t where id < 3"
    write = [pbe(text), SYNC] if extended else [q(text)]
    stage = tried(q("begin"), WAIT, *write, WAIT, q("commit"))

    assert stage.said().endswith("COMMIT ZI")
    assert "DELETE_2" in stage.said()
    assert len(stage.model.db.committed.tables["t"].rows) == 12


def test_a_string_that_switches_it_on_is_tried_as_a_whole() -> None:
    stage = Stage().play([q("set pgguard.dry_run = 'on'; delete from t where id < 3")])

    assert "N:00000" in stage.said().split()
    assert stage.model.db.commits == []


def test_an_error_is_the_servers_own() -> None:
    stage = tried(q("begin"), WAIT, q("delete from nosuch"), WAIT, q("rollback"))

    assert "E:42P01 ZE" in stage.said()
    assert stage.said().endswith("ROLLBACK ZI")


def test_what_cannot_be_tried_is_refused() -> None:
    assert "E:PGG05" in tried(q("drop database shop")).said()
    assert "E:PGG05" in tried(pbe("drop database shop"), SYNC).said()


def test_reading_passes_as_ever_and_work_counts_again_afterwards() -> None:
    stage = tried(q("select 1"), WAIT, q("set pgguard.dry_run = 'off'"), WAIT, q("delete from t where id < 3"))

    assert stage.said().endswith("SET ZI DELETE_2 ZI")
    assert len(stage.model.db.committed.tables["t"].rows) == 10


def test_a_portal_that_was_bound_before_is_tried_as_well() -> None:
    stage = Stage().play([
        parse("s", "delete from t where id < 3"), SYNC, ON, WAIT, bind("", "s"), execute(), SYNC, WAIT,
    ])  # fmt: skip

    assert stage.model.db.commits == []


def test_a_caller_of_whom_no_rule_speaks_can_try_as_well() -> None:
    stage = Stage(caller=shop.FREE).play([parse("s", "delete from t"), SYNC, ON, WAIT, bind("", "s"), execute(), SYNC])

    assert "N:00000" in stage.said().split()
    assert stage.model.db.commits == []
