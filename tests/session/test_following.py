"""What a forwarded text does to the session: counters, records, settings, names, the world's picture."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pgguard.wire.frontend import encode_close
from tests.session import shop
from tests.session.client_script import SYNC, pbe, q
from tests.session.stage import WAIT, Stage

Form = Callable[[str], list[bytes]]


def flushes(stage: Stage) -> int:
    return sum(b"pg_stat_force_next_flush" in m for m in stage.model.seen)


def test_proved_writes_are_recorded_with_their_tags() -> None:
    stage = Stage().play([q("delete from t where id = 1"), q("select 1"), q("insert into t default values")])
    stage.play([pbe("select 1") + pbe("update t set n = 1 where id = 4") + SYNC])

    assert stage.records == ["delete: DELETE 1", "update: UPDATE 1"]


def test_a_proved_write_that_failed_is_not_recorded_as_done() -> None:
    stage = Stage().play([q("delete from t where id = 1; select 1/0")])

    assert stage.said() == "DELETE_1 E:22012 ZI"
    assert "DELETE 1" not in stage.records


def test_a_block_behind_writes_begins_with_counters_at_zero() -> None:
    block = [q("begin"), q("delete from t where id < 3"), q("commit")]
    stage = Stage().play([q("insert into t default values"), WAIT, *block])

    assert flushes(stage) >= 1
    assert [commit.lost for commit in stage.model.db.commits] == [0, 2]


def test_the_counters_of_a_refused_run_are_no_false_alarm() -> None:
    """FACTS F3."""
    stage = Stage().play([q("delete from t"), q("delete from t where id < 3"), q("delete from t where id > 10")])

    assert stage.said() == "E:PGG02 ZI DELETE_2 ZI DELETE_2 ZI"


@pytest.mark.parametrize("begin", [q("begin"), pbe("begin") + SYNC], ids=["query", "batch"])
def test_counters_are_at_zero_in_a_block_that_was_sent_behind_a_refused_run_without_waiting(begin: bytes) -> None:
    """tokio-postgres sends Close and Sync for a prepared statement right in front of the next BEGIN."""
    close = encode_close(b"S", b"prepared") + SYNC
    block = [close, begin, q("delete from t where id < 3"), q("commit")]
    stage = Stage().play([q("delete from t"), WAIT, *block])

    assert stage.said().endswith("DELETE_2 ZT COMMIT ZI")


def batch(*texts: str) -> bytes:
    return b"".join(map(pbe, texts)) + SYNC


FORMS = pytest.mark.parametrize(
    "form",
    [lambda do: [q(do)], lambda do: [batch(do)], lambda do: [q("begin"), q(do), q("commit")],
     lambda do: [q(f"select 1; {do}; select 1")], lambda do: [batch("begin", do, "commit")]],
    ids=["query", "batch", "block", "string", "block in a batch"],
)  # fmt: skip


@FORMS
def test_code_that_changed_a_catalog_makes_the_picture_old_before_it_is_told(form: Form) -> None:
    stage = Stage(caller=shop.CALLER).play(form("do $$make$$"))

    assert "DO" in stage.said()
    assert stage.world.was_invalidated
    assert stage.world.picture is None


@FORMS
def test_code_that_changed_no_catalog_leaves_the_picture(form: Form) -> None:
    stage = Stage(caller=shop.CALLER).play(form("do $$nothing$$"))

    assert "DO" in stage.said()
    assert not stage.world.was_invalidated
    assert stage.world.picture is not None


def test_an_application_name_changes_the_caller() -> None:
    stage = Stage().play([q("set application_name = 'x'"), q("select 1")])

    assert stage.session.desk.caller.application == "x"
