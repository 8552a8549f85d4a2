"""The questions that a session asks for itself: the picture, and what its settings are now."""

from __future__ import annotations

import pytest

from pgguard.session import asks
from tests.session import shop
from tests.session.client_script import q
from tests.session.stage import WAIT, Stage


def questions(stage: Stage) -> int:
    return sum(b"server_version_num" in m for m in stage.model.seen)


def test_the_picture_is_asked_for_once() -> None:
    stage = Stage(world=shop.world(seen=False)).play([q("select 1"), q("select 2")])

    assert [type(ask) for ask in stage.asked] == [asks.NeedPicture]
    assert stage.said() == "T D SELECT_1 ZI T D SELECT_1 ZI"


def test_a_free_caller_needs_none() -> None:
    stage = Stage(world=shop.world(seen=False), caller=shop.FREE).play([q("delete from t")])

    assert stage.asked == []


def test_settings_are_asked_for_at_idle_after_they_may_have_changed() -> None:
    stage = Stage().play([q("set pgguard.environment = 'production'"), WAIT, q("select 1"), q("select 2")])

    assert questions(stage) == 1
    assert stage.session.desk.caller.claim == "production"


def test_a_cancel_that_hits_the_question_about_settings_is_not_the_clients() -> None:
    stage = Stage().play([q("set pgguard.environment = 'production'"), WAIT])
    stage.model.cancel_at = len(stage.model.seen) + 2
    stage.play([q("delete from t where id = 1")])

    assert not stage.session.closing
    assert stage.said().endswith("DELETE_1 ZI")
    assert not stage.session.settings.stale


@pytest.mark.parametrize(("observe", "said"), [(False, "E:PGG06"), (True, "DELETE_1 ZI")])
def test_without_a_picture_nobody_is_let_through_and_nobody_is_stopped_who_is_only_observed(
    observe: bool, said: str
) -> None:
    def answer(ask: asks.Ask) -> object:
        return asks.Away("admin connection", "late") if isinstance(ask, asks.NeedPicture) else NotImplemented

    stage = Stage(world=shop.world(observe=observe), answers=answer)
    stage.world.invalidate()
    stage.play([q("delete from t where id = 1")])

    assert stage.said() == said
    assert [type(ask) for ask in stage.asked][:3] == [asks.NeedPicture] * 3
    assert stage.session.closing is not observe


def test_a_session_whose_backend_is_another_one_ends() -> None:
    """A pooler that lends backends stands behind: what names mean there is somebody else's business."""
    stage = Stage().play([q("set pgguard.environment = 'production'"), WAIT, q("select 1"), WAIT])
    stage.session.settings.backend_pid += 1
    stage.play([q("set pgguard.environment = 'production'"), WAIT, q("delete from t where id = 1")])

    assert stage.session.closing
    assert stage.said().endswith("E:PGG05")
    assert stage.model.db.commits == []
