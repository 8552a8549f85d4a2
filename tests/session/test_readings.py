"""Which reading is asked for: the short one only where counters are all that can have changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pgguard.session import readings
from tests.session.client_script import SYNC, pbe, q
from tests.session.stage import WAIT, Stage

DELETE = "delete from t where id < 3"


def asked(stage: Stage) -> list[str]:
    """The readings that the server saw, by name."""
    found = []
    for one in stage.model.seen:
        if one[:1] in (b"P", b"Q") and b"pg_stat_get_xact_tuples_inserted" in one:
            found.append("short" if b"concat_ws" in one else "locks" if b"held AS MATERIALIZED" in one else "known")
    return found


IN_A_BLOCK = [q("begin"), WAIT, q(DELETE), WAIT, q("rollback")]


@pytest.mark.parametrize("script", [[q(DELETE)], [pbe(DELETE), SYNC], IN_A_BLOCK])
def test_counters_are_all_that_a_statement_of_known_effect_changes(script: list[bytes]) -> None:
    assert set(asked(Stage().play(script))) == {"short"}


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("set pgguard.reason = 'x'", "known"),
        ("declare h cursor with hold for select 1", "known"),
        ("do $$ $$", "locks"),
    ],
)
def test_what_else_can_have_changed_is_read_as_well(first: str, then: str) -> None:
    stage = Stage().play([q("begin"), WAIT, q(first), WAIT, q(DELETE), WAIT, q("rollback")])

    assert asked(stage)[-1] == then


def test_a_statement_of_several_and_ddl_elsewhere_are_read_by_their_locks() -> None:
    assert asked(Stage().play([q(f"select 1; {DELETE}")])) == ["locks"]

    stage = Stage()
    stage.world.changing.add("another session")
    assert asked(stage.play([q(DELETE)])) == ["locks"]


def test_many_relations_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "MOST", 0)
    assert asked(Stage().play([q(DELETE)])) == ["known"]


def test_a_relation_that_the_picture_says_is_not_counted_is_looked_at() -> None:
    stage = Stage()
    picture = stage.world.picture
    assert picture is not None
    relations = {oid: replace(relation, heap=False) for oid, relation in picture.relations.items()}
    session = stage.session

    assert readings._known(session, frozenset(relations)) is not None
    session.world.picture = replace(picture, relations=relations)
    assert readings._known(session, frozenset(relations)) is None
    assert readings._known(session, frozenset({4711})) is None
