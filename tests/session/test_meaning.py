"""What names stand for in a session."""

from __future__ import annotations

import pytest

from pgguard.policy.verdict import Allow, Measure
from pgguard.session.judge import Judged, judge
from pgguard.session.meaning import identifier, with_names
from pgguard.session.names import Names, Prepared
from tests.session import shop

WORLD = shop.world()
DESK = WORLD.desk(shop.CALLER)


def judged(text: str) -> Judged:
    return judge(DESK, WORLD.picture, text.encode())


def test_an_unknown_name_is_opaque_and_a_known_one_is_what_it_stands_for() -> None:
    names = Names()
    unknown = with_names(DESK, judged("execute x"), names, lambda prepared: prepared.judged)
    assert unknown.opaque

    names.statements[b"x"] = Prepared(b"delete from t", (), judged("delete from t"), DESK.version)
    known = with_names(DESK, judged("execute x"), names, lambda prepared: prepared.judged)
    assert known.relations == {shop.T}
    assert isinstance(known.verdict, Measure)

    names.statements[b"x"] = Prepared(b"select 1", (), judged("select 1"), DESK.version)
    assert isinstance(with_names(DESK, judged("execute x"), names, lambda prepared: prepared.judged).verdict, Allow)


@pytest.mark.parametrize(("name", "kept"), [("x", b"x"), ("a" * 70, b"a" * 63), ("a" * 62 + "é", b"a" * 62)])
def test_a_name_is_what_the_server_keeps_of_it(name: str, kept: bytes) -> None:
    assert identifier(name) == kept
