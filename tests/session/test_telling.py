"""What a request tells is gathered while its transaction is open, and never decides anything."""

from __future__ import annotations

from pgguard.evidence.particulars import Particulars, Size
from pgguard.policy.binding import NewRequest
from pgguard.session import asks
from tests.session import shop
from tests.session.client_script import q
from tests.session.stage import Stage

LOCKS = (("public.p", "RowExclusiveLock"),)


def filed(stage: Stage) -> NewRequest:
    (request,) = [ask.request for ask in stage.asked if isinstance(ask, asks.FileRequest)]
    return request


def answers(ask: asks.Ask) -> object:
    if isinstance(ask, asks.Gather):
        return Particulars(locks=LOCKS)
    return {shop.P: Size(3, 8192)} if isinstance(ask, asks.Sizes) else NotImplemented


def test_locks_before_the_rollback_and_sizes_after_it() -> None:
    stage = Stage(answers=answers).play([q("delete from p")])
    told = filed(stage).particulars
    order = [type(ask).__name__ for ask in stage.asked]

    assert told.locks == LOCKS
    assert told.sizes == {shop.P: Size(3, 8192)}
    assert told.milliseconds > 0
    assert order.index("FindApproval") < order.index("Gather") < order.index("Sizes") < order.index("FileRequest")
    (asked,) = [ask for ask in stage.asked if isinstance(ask, asks.Gather)]
    assert asked.tables == (shop.P, shop.C)  # what the statement names comes first
    assert {table.name: table.via for table in filed(stage).measurement.tables} == {  # type: ignore[union-attr]
        "public.p": "", "public.c": "public.p"
    }  # fmt: skip


def test_what_is_locked_against_reading_is_not_read() -> None:
    stage = Stage(answers=answers).play([q("drop table c")])
    (asked,) = [ask for ask in stage.asked if isinstance(ask, asks.Gather)]

    assert asked.tables == ()
    assert "foreign key" not in " ".join(filed(stage).particulars.dependents)


def test_nothing_to_tell_is_no_error() -> None:
    stage = Stage(answers=lambda ask: None if isinstance(ask, asks.Gather) else NotImplemented)
    stage.play([q("delete from p")])

    assert filed(stage).particulars == Particulars()
    assert not [ask for ask in stage.asked if isinstance(ask, asks.Sizes)]
    assert stage.said() == "E:PGG02 ZI"


def test_what_is_allowed_or_approved_is_not_looked_at() -> None:
    stage = Stage().play([q("delete from t where id = 1")])

    assert not [ask for ask in stage.asked if isinstance(ask, asks.Gather)]
