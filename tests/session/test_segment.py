"""Extended messages gathered up to a Sync: harmless ones go out in one piece, one that is not makes all slow."""

from __future__ import annotations

from pgguard.session.segment import Segment
from tests.session.client_script import SYNC, bind, close, describe, execute, parse, pbe, q
from tests.session.stage import Stage, split


def gathered(*messages: bytes) -> Segment:
    segment = Segment(Stage().session)
    for one in split(b"".join(messages), "client"):
        assert segment.take(one[0], one)
    return segment


def test_a_harmless_batch_goes_out_as_it_came() -> None:
    batch = parse("s1", "select 1") + describe("S", "s1") + bind("", "s1") + execute() + SYNC
    stage = Stage().play([batch])

    assert b"".join(stage.model.seen) == batch
    assert stage.asked == []


def test_one_measured_execute_makes_all_slow() -> None:
    assert not gathered(pbe("select 1"), pbe("select 1")).slow
    assert gathered(pbe("select 1"), pbe("delete from t where id = 1")).slow  # it is judged when it begins
    assert gathered(pbe("select 1"), pbe("delete from t")).slow


def test_a_bind_is_enough() -> None:
    """It plans, and immutable functions run (FACTS F6)."""
    assert not gathered(parse("", "select imm()")).slow
    assert gathered(parse("", "select imm()"), bind()).slow


def test_an_unknown_name_is_slow() -> None:
    assert gathered(bind("", "nosuch")).slow
    assert gathered(execute("nosuch")).slow
    assert gathered(parse("s1", "select 1"), close("S", "s1"), bind("", "s1")).slow


def test_replies_to_come_are_counted() -> None:
    segment = gathered(parse("s1", "select 1"), bind("", "s1"), execute(), close("P", ""), close("S", "s1"))

    assert segment.expected == 5
    assert [change.name if change else None for change in segment.names] == [b"s1", None, b"s1"]
    assert [judged.text for judged in segment.runs] == [b"select 1"]
    segment.clear()
    assert (segment.expected, segment.names, segment.runs, segment.slow) == (0, [], [], False)


def test_a_statement_of_an_earlier_batch_may_be_bound_again() -> None:
    stage = Stage().play([parse("s1", "select 1"), SYNC, bind("", "s1"), execute(), SYNC, q("select 2")])

    assert stage.said() == "1 ZI 2 D SELECT_1 ZI T D SELECT_1 ZI"
