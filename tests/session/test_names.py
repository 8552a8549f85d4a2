"""One map for prepared statements of both protocols, believed only as far as the server confirmed it."""

from __future__ import annotations

import pytest

from pgguard.session.judge import judge
from pgguard.session.names import Names, Portal, Prepared, key
from tests.session import shop
from tests.session.client_script import SYNC, bind, close, execute, parse, q
from tests.session.stage import Stage

WORLD = shop.world()
DESK = WORLD.desk(shop.CALLER)


def prepared(text: str) -> Prepared:
    return Prepared(text.encode(), (), judge(DESK, WORLD.picture, text.encode()), DESK.version)


def test_names_match_on_63_bytes() -> None:
    assert key(b"x" * 64) == key(b"x" * 99) == b"x" * 63


def test_a_parse_of_this_batch_is_believed_before_it_is_confirmed() -> None:
    names = Names()
    old, new = prepared("select 1"), prepared("select 2")
    names.confirmed(b"s", old)
    names.batch[b"s"] = new
    assert names.statement(b"s") is new

    names.batch[b"s"] = None
    assert names.statement(b"s") is None
    names.batch.clear()
    assert names.statement(b"s") is old

    names.confirmed(b"s", None)
    assert names.statement(b"s") is None


def test_after_unread_code_no_name_is_believed() -> None:
    names = Names()
    names.confirmed(b"s", prepared("select 1"))
    names.confirmed(b"c", prepared("commit"))
    names.batch[b"b"] = prepared("select 2")
    names.portals[b"p"] = Portal(prepared("select 3").judged, b"")
    names.taint()

    assert names.portals == {}
    for name in (b"s", b"c", b"b"):
        tainted = names.statement(name)
        assert tainted is not None
        assert tainted.lost
        assert tainted.judged.verdict.sqlstate == "PGG05"  # type: ignore[union-attr]


def test_a_parse_confirmed_behind_unread_code_is_not_believed() -> None:
    names = Names()
    parsed = prepared("select 1")
    names.batch[b"s"] = parsed
    names.taint()
    names.batch.clear()
    names.confirmed(b"s", parsed)

    found = names.statement(b"s")
    assert found is not None
    assert found.lost


def test_transaction_statements_are_closed_once_and_only_those_that_sql_can_name() -> None:
    names = Names()
    for name, text in ((b"", "commit"), (b"c", "commit"), (b"s", "select 1")):
        names.confirmed(name, prepared(text))
    names.batch[b"b"] = prepared("begin")

    assert names.close_controls() == [b"c", b"b"]
    assert names.close_controls() == []
    assert names.statements[b"c"].lost
    assert not names.statements[b"s"].lost


@pytest.mark.parametrize("run", [[bind("", "s1") + execute() + SYNC], [q("execute s1")]])
def test_parse_and_execute_share_one_map(run: list[bytes]) -> None:
    stage = Stage().play([parse("s1", "delete from t"), SYNC, *run])

    assert "E:PGG02" in stage.said()
    assert stage.model.db.commits == []


def test_prepare_and_bind_share_one_map() -> None:
    stage = Stage().play([q("prepare q as delete from t"), bind("", "q") + execute() + SYNC])

    assert "E:PGG02" in stage.said()
    assert stage.model.db.commits == []


def test_a_parse_that_failed_leaves_the_name_what_it_was() -> None:
    """A second Parse of a name is an error: the name still stands for the DELETE."""
    twice = [parse("s1", "delete from t"), SYNC, parse("s1", "select 1"), SYNC]
    stage = Stage().play([*twice, bind("", "s1"), execute(), SYNC])

    assert "E:42P05" in stage.said()
    assert stage.model.db.commits == []


def test_a_close_takes_the_name_away() -> None:
    again = [parse("s1", "select 1"), close("S", "s1"), parse("s1", "select 2")]
    stage = Stage().play([*again, bind("", "s1"), execute(), SYNC])

    assert stage.said() == "1 3 1 2 D SELECT_1 ZI"
