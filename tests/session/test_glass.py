"""Going ahead alone: by the policy's leave, with a reason, and never without anybody hearing of it."""

from __future__ import annotations

import pytest

from pgguard.policy.verdict import Caller
from pgguard.session import asks
from pgguard.session.asks import Away
from pgguard.session.world import World
from pgguard.wire.backend import error_fields
from tests.session import shop
from tests.session.client_script import q
from tests.session.stage import Script, Stage

GLASS = shop.POLICY + "break_glass: {roles: [kim], reason: required}\n"
REASON = "/* pgguard: reason='outage' */ "


def world() -> World:
    found = shop.world()
    found.set_policy(shop.policy(GLASS))
    return found


def play(script: Script, user: str = "kim", **more: object) -> Stage:
    return Stage(world=world(), caller=Caller(user, "shop", "psql", "local", user), **more).play(script)  # type: ignore[arg-type]


def verdicts(stage: Stage) -> list[str]:
    return [ask.record.verdict for ask in stage.asked if isinstance(ask, asks.WriteRecord)]


@pytest.mark.parametrize(
    "script",
    [
        [q(REASON + "delete from t")],
        [q("begin"), q(REASON + "delete from t"), q("commit")],
    ],
)
def test_alone_and_loudly(script: Script) -> None:
    stage = play(script)
    (filed,) = [ask.request for ask in stage.asked if isinstance(ask, asks.FileRequest)]

    assert len(stage.model.db.commits) == 1
    assert (filed.review, filed.reason, filed.binding.caller) == (True, "outage", "kim")
    assert "break-glass" in verdicts(stage)
    (warned,) = [error_fields(m) for m in stage.messages if m[:1] == b"N"]
    assert warned["M"] == 'break-glass: request 17 to review, rule "few", 12 rows (limit 3)'


@pytest.mark.parametrize(("user", "text"), [("kim", "delete from t"), ("ann", REASON + "delete from t")])
def test_not_without_a_reason_and_not_for_anybody(user: str, text: str) -> None:
    stage = play([q(text)], user)

    assert stage.said() == "E:PGG02 ZI"
    assert stage.model.db.commits == []


def test_what_nobody_could_approve_stays_refused() -> None:
    strict = shop.world()
    strict.set_policy(shop.policy(GLASS.replace("beyond: approve", "beyond: refuse")))
    stage = Stage(world=strict, caller=Caller("kim", "shop", "psql", "local", "kim")).play(
        [q(REASON + "delete from t")]
    )

    assert stage.said() == "E:PGG03 ZI"
    assert stage.model.db.commits == []


def test_not_without_a_request_to_review() -> None:
    stage = play(
        [q(REASON + "delete from t")],
        answers=lambda ask: Away("store", "gone") if isinstance(ask, asks.FileRequest) else NotImplemented,
    )

    assert stage.said() == "E:PGG06 ZI"
    assert stage.model.db.commits == []


def test_a_block_that_is_rolled_back_files_nothing() -> None:
    stage = play([q("begin"), q(REASON + "delete from t"), q("rollback")])

    assert not [ask for ask in stage.asked if isinstance(ask, asks.FileRequest)]


def test_the_next_one_is_not_let_through_by_the_last() -> None:
    stage = play([q(REASON + "delete from p"), q("delete from t")])

    assert stage.said().endswith("E:PGG02 ZI")
    assert len(stage.model.db.commits) == 1


def test_the_same_again_is_loud_again() -> None:
    stage = play([q(REASON + "delete from t"), q(REASON + "delete from p")])

    assert verdicts(stage).count("break-glass") == 2
