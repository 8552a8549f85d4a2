"""DROP in the words of policies; a part of a relation carries its relation as schema."""

from __future__ import annotations

import pytest

from pgguard.sql.drops import kind_of
from pgguard.sql.read import read
from pgguard.sql.statement import DropTarget, Name


@pytest.mark.parametrize(
    ("sql", "target"),
    [
        ("drop table t", DropTarget("table", Name("t"))),
        ("drop table s.t", DropTarget("table", Name("t", "s"))),
        ("drop trigger a on t", DropTarget("trigger", Name("a", "t"))),
        ("drop policy a on s.t", DropTarget("policy", Name("a", "s.t"))),
        ("alter table s.t drop column a", DropTarget("column", Name("a", "s.t"))),
        ("alter table t drop constraint a", DropTarget("constraint", Name("a", "t"))),
        ("drop routine s.f", DropTarget("function", Name("f", "s"))),
        ("drop schema a", DropTarget("schema", Name("a"))),
        ("drop operator family a.b using btree", DropTarget("operator family", Name("b", "a"))),
        ("drop text search dictionary s.d", DropTarget("text search dictionary", Name("d", "s"))),
        ("drop statistics s.x", DropTarget("statistics", Name("x", "s"))),
    ],
)
def test_targets(sql: str, target: DropTarget) -> None:
    assert (target,) == read(sql.encode()).statements[0].drops


def test_kinds_without_a_word_of_their_own_are_spelled_out() -> None:
    assert ("foreign table", "event trigger") == (kind_of("OBJECT_FOREIGN_TABLE"), kind_of("OBJECT_EVENT_TRIGGER"))
