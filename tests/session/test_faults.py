"""A side that is gone, a cancel, an ask without an answer, at any moment: nothing unjudged is committed."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.session import asks
from tests.session import scripts, shop
from tests.session.client_script import COPY_DONE, SYNC, check, copy_data, parse, pbe, q
from tests.session.stage import WAIT, Stage
from tests.session.test_safety import safe

PLAYS: dict[str, scripts.Script] = {
    "a Query": [q("delete from t where id < 3")],
    "a Query that is refused": [q("delete from t")],
    "a block": [q("begin"), q("delete from t where id < 3"), q("delete from p where id = 1"), q("commit")],
    "a batch": [pbe("delete from t where id < 3"), pbe("insert into t default values"), SYNC],
    "a batch that is refused": [pbe("delete from t where id < 3"), pbe("delete from p"), SYNC],
    "DO in a batch": [pbe("do $$purge$$"), SYNC],
    "a string with control": [q("begin; delete from t where id < 3; commit; delete from t where id > 10")],
    "deferred work": [q("begin"), q("insert into d default values"), q("commit")],
    "deferred work in a batch": [pbe("insert into d default values"), SYNC],
    "TRUNCATE": [q("truncate t")],
    "savepoints": [q("begin"), q("savepoint a"), q("delete from t"), q("rollback to a"), q("commit")],
    "COPY that is measured": [q("copy d from stdin"), WAIT, copy_data(b"1\n"), COPY_DONE],
}
each_play = pytest.mark.parametrize("name", PLAYS)


def steps(name: str) -> int:
    return Stage().play(PLAYS[name]).steps


@each_play
def test_a_side_that_is_gone_at_any_step(name: str) -> None:
    """What was committed by then had been allowed; what was under way is rolled back by the server."""
    whole = Stage().play(PLAYS[name])
    for step in range(whole.steps):
        stage = Stage()
        stage.stop_at = step
        stage.play(PLAYS[name])
        stage.model.lose()

        safe(stage)
        assert stage.model.db.commits == whole.model.db.commits[: len(stage.model.db.commits)]


@each_play
def test_the_client_is_not_told_of_success_before_the_commit(name: str) -> None:
    """At every moment: what the client was told is in a block of its own, or was committed by then."""
    whole = Stage().play(PLAYS[name])
    for step in range(whole.steps):
        stage = Stage()
        stage.stop_at = step
        stage.play(PLAYS[name])

        told = stage.said().split()
        if "DELETE_2" in told and "block" not in name and "control" not in name and "batch" not in name:
            assert stage.model.db.commits


@each_play
def test_a_cancel_at_any_message(name: str) -> None:
    """A cancel hits whatever the server does: the client's statement, the reading, our BEGIN, the COMMIT."""
    messages = len(Stage().play(PLAYS[name]).model.seen)
    for number in range(messages):
        stage = Stage()
        stage.model.cancel_at = number
        stage.play([*PLAYS[name], WAIT, SYNC, q("select 1")])

        safe(stage)
        if not stage.session.closing:
            assert not stage.unsent, f"the cancel of message {number} left something behind"
            check(bytes(stage.sent), bytes(stage.received))


def away(number: int) -> Stage:
    count = iter(range(1000))

    def answer(ask: asks.Ask) -> object:
        return asks.Away("store", "no answer in time") if next(count) == number else NotImplemented

    return Stage(answers=answer)


@each_play
def test_an_ask_that_is_not_answered(name: str) -> None:
    for number in range(len(Stage().play(PLAYS[name]).asked)):
        stage = away(number).play([*PLAYS[name], q("select 1")])

        safe(stage)
        if not stage.session.closing:
            assert not stage.unsent
            check(bytes(stage.sent), bytes(stage.received))


def test_no_picture_no_session() -> None:
    stage = Stage(world=shop.world(seen=False), answers=lambda _: asks.Away("admin connection", "refused"))
    stage.play([q("select 1")])

    assert stage.session.closing
    assert stage.said() == "E:PGG06"
    assert stage.model.seen == []


def test_a_statement_that_ends_in_nowhere_is_not_run() -> None:
    stage = Stage().play([q("delete from t where id < 3")[:-4]])

    assert stage.model.seen == []
    assert parse("", "x")[:1] == b"P"


@given(
    script=scripts.scripts(), dice=st.integers(0, 2**32).map(Random), at=st.integers(0, 60), number=st.integers(0, 6)
)
def test_faults_at_random(script: scripts.Script, dice: Random, at: int, number: int) -> None:
    """A cancel and an ask without an answer, in any script."""
    stage = away(number)
    stage._dice = dice
    stage.model.cancel_at = at
    stage.play(script)

    safe(stage)
    if not stage.session.closing:
        assert not stage.unsent, "something got stuck"
        check(bytes(stage.sent), bytes(stage.received))
