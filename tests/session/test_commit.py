"""Before a COMMIT: deferred triggers fire and are judged, WITH HOLD cursors are looked at, approvals are spent."""

from __future__ import annotations

import pytest

from pgguard.policy.binding import Approval
from pgguard.session import asks
from tests.session import shop
from tests.session.client_script import SYNC, call, pbe, q
from tests.session.stage import Stage

BEGIN, COMMIT = q("begin"), q("commit")


def approved(**approval: object) -> Stage:
    """A second person approved it, up to these ceilings."""

    def answer(ask: asks.Ask) -> object:
        if isinstance(ask, asks.FindApproval):
            return Approval(17, "bob", **approval)  # type: ignore[arg-type]
        return NotImplemented

    return Stage(answers=answer)


def test_work_that_waits_for_the_commit_is_judged_before_it() -> None:
    stage = Stage().play([BEGIN, q("insert into d default values"), COMMIT])

    assert stage.said() == "BEGIN ZT INSERT_0_1 ZT E:PGG02 ZI"
    assert stage.model.db.commits == []


def test_set_constraints_is_sent_only_right_before_the_commit() -> None:
    """In mid-transaction it breaks deferred-key swaps (FACTS F5)."""
    stage = Stage().play([BEGIN, q("insert into d default values"), q("delete from t where id < 3")])

    assert not any(b"SET CONSTRAINTS" in m for m in stage.model.seen)


def test_a_block_that_only_proved_something_is_asked_nothing() -> None:
    stage = Stage().play([BEGIN, q("delete from t where id = 1"), COMMIT])

    assert stage.asked == []
    assert stage.said() == "BEGIN ZT DELETE_1 ZT COMMIT ZI"


@pytest.mark.parametrize("made", ["declare h cursor with hold for select purge()", "do $$hold$$"])
def test_a_cursor_that_would_run_inside_the_commit(made: str) -> None:
    stage = Stage().play([BEGIN, q(made), COMMIT])

    assert stage.said().split()[-2:] == ["E:PGG05", "ZI"]
    assert stage.model.db.commits == []


def test_a_harmless_cursor_with_hold_passes() -> None:
    stage = Stage().play([BEGIN, q("declare h cursor with hold for select 1"), q("delete from t where id < 3"), COMMIT])

    assert stage.said() == "BEGIN ZT DECLARE_CURSOR ZT DELETE_2 ZT COMMIT ZI"


@pytest.mark.parametrize(
    "script", [[q("delete from t")], [BEGIN, q("delete from t"), COMMIT], [pbe("delete from t"), SYNC]]
)
def test_an_approval_is_claimed_before_the_commit_and_once(script: list[bytes]) -> None:
    stage = approved(ceilings={shop.T: 12}).play(script)

    claims = [ask for ask in stage.asked if isinstance(ask, asks.Claim)]
    assert claims == [asks.Claim((17,))]
    assert [commit.lost for commit in stage.model.db.commits] == [12]


def test_an_approval_holds_up_to_its_ceiling() -> None:
    stage = approved(ceilings={shop.T: 11}).play([q("delete from t")])

    assert stage.said() == "E:PGG04 ZI"
    assert stage.model.db.commits == []


@pytest.mark.parametrize(("claim", "sqlstate"), [("it was used already", "PGG04"), (asks.Away("store", "x"), "PGG06")])
def test_an_approval_that_cannot_be_claimed_rolls_back(claim: object, sqlstate: str) -> None:
    def answer(ask: asks.Ask) -> object:
        if isinstance(ask, asks.FindApproval):
            return Approval(17, "bob", {shop.T: 12})
        return claim if isinstance(ask, asks.Claim) else NotImplemented

    stage = Stage(answers=answer).play([q("delete from t")])

    assert stage.said() == f"E:{sqlstate} ZI"
    assert stage.model.db.commits == []


def test_a_function_call_that_leaves_work_is_not_committed() -> None:
    assert Stage().play([call(shop.PURGE)]).model.db.commits == []
