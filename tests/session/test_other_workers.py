"""Two workers of one pgguard: each has a World of its own, and what one does is judged as if there were one World."""

from __future__ import annotations

import pytest

from pgguard.session import asks
from pgguard.session.world import Event, World
from tests.session import shop
from tests.session.client_script import SYNC, describe, execute, q
from tests.session.stage import Stage


class Worker(Stage):
    """A session in a worker. ``hears`` passes on what the others have to tell, as the skin does before anything of
    theirs goes out."""

    def __init__(self, number: int, *, begun: bool = True) -> None:
        world = shop.world()
        world.shared = True
        super().__init__(
            world=world, answers=lambda ask: begun if isinstance(ask, asks.WaitForOthers) else NotImplemented
        )
        self.number = number

    def hears(self, other: Worker) -> list[Event]:
        told = other.world.told()
        for event, of in told:
            self.world.hear(other.number, event, of)
        return [event for event, _ in told]


@pytest.fixture
def maker() -> Worker:
    return Worker(1)


@pytest.fixture
def writer() -> Worker:
    return Worker(2)


KEYED = q("delete from t where id = 1")


def measured(stage: Stage) -> bool:
    """Whether a statement was measured, not proved."""
    return stage.world.counts.measured > 0


def test_reading_and_keyed_writes_are_no_news(maker: Worker) -> None:
    maker.play([q("select 1"), KEYED, q("begin"), q("update t set n = 1 where id = 2"), q("commit")])

    assert maker.world.news == []


def test_a_measured_write_without_ddl_is_none(maker: Worker) -> None:
    maker.play([q("delete from t where id < 3")])

    assert maker.world.told() == []


def test_while_one_changes_objects_nothing_is_proved_in_the_other(maker: Worker, writer: Worker) -> None:
    maker.play([q("begin"), q("create table x (id int)")])
    assert writer.hears(maker) == [Event.CHANGES, Event.RESHAPES]
    writer.play([KEYED])
    assert measured(writer)
    assert writer.said() == "DELETE_1 ZI"

    maker.play([q("commit")])
    assert writer.world.picture is not None
    assert writer.hears(maker) == [Event.INVALIDATED, Event.SETTLED]
    assert writer.world.picture is None
    writer.play([KEYED])
    assert [type(ask).__name__ for ask in writer.asked][-1] == "NeedPicture"
    assert writer.world.counts.measured == 1  # proved again, by a new picture


def test_a_rollback_takes_the_announcement_back(maker: Worker, writer: Worker) -> None:
    maker.play([q("begin"), q("create table x (id int)"), q("rollback")])
    writer.hears(maker)
    writer.play([KEYED])

    assert not measured(writer)


def test_a_lost_connection_takes_the_announcement_back(maker: Worker, writer: Worker) -> None:
    maker.play([q("begin"), q("create table x (id int)")])
    maker.session.closed()
    writer.hears(maker)

    assert not writer.world.changing
    assert not writer.world.reshaping


def test_objects_are_not_changed_before_the_others_were_asked(maker: Worker) -> None:
    """However quiet it is here: what they have under way only they know."""
    maker.play([q("create table x (id int)")])

    assert [type(ask).__name__ for ask in maker.asked] == ["WaitForOthers"]


def test_objects_are_not_changed_while_the_others_take_too_long() -> None:
    maker = Worker(1, begun=False)
    maker.play([q("create table x (id int)")])

    assert maker.said() == "E:PGG05 ZI"
    assert maker.model.db.commits == []


def test_sessions_of_two_workers_are_two_even_if_they_are_called_alike(maker: Worker, writer: Worker) -> None:
    assert maker.session.ident == writer.session.ident
    maker.play([q("begin"), q("create table x (id int)")])
    writer.hears(maker)

    assert writer.world.changed_elsewhere(writer.session.ident)
    assert writer.world.reshaped_elsewhere(writer.session.ident)


def test_what_one_has_prepared_another_may_commit() -> None:
    one, other = World(shop.policy(), server="s", observe=False, shared=True), shop.world()
    one.prepare("x", untrusted=True)
    for event, of in one.told():
        other.hear(1, event, of)
    assert other.prepared == {"x"}
    assert other.changed_elsewhere("s1")

    one.end_prepared("x")
    for event, of in one.told():
        other.hear(1, event, of)
    assert not other.prepared
    assert not other.changed_elsewhere("s1")
    assert other.picture is None


def test_what_the_server_passes_over_is_not_waited_for(maker: Worker) -> None:
    """It has answered the first message with an error while the second one waited for the other workers."""
    maker.play([describe("X"), execute(), SYNC, q("select 1")])

    assert type(maker.asked[0]).__name__ == "WaitForOthers"
    assert maker.said() == "E:08P01 ZI T D SELECT_1 ZI"
    assert maker.session.at_rest


def test_news_is_not_told_on(maker: Worker, writer: Worker) -> None:
    maker.play([q("begin"), q("create table x (id int)")])
    writer.hears(maker)

    assert writer.world.news == []


def test_alone_there_is_nobody_to_tell() -> None:
    stage = Stage().play([q("create table x (id int)")])

    assert stage.world.news == []
    assert not [ask for ask in stage.asked if isinstance(ask, asks.WaitForOthers)]
