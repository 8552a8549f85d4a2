"""Rows of the catalog query are taken whole, and looked up by what they are."""

from __future__ import annotations

import json

import pytest

from pgguard.errors import ProtocolViolation
from pgguard.evidence.sides import Relation, Side, Sides


def sealed(*values: object) -> list[str]:
    return [json.dumps(values).encode().hex()]


def relation(kind: str, planned: int, live: int) -> Relation:
    no = False
    return Relation("1", "s", "2", "t", kind, "p", "1", "10", no, no, no, planned, live, None, None, None, None, None)


@pytest.mark.parametrize(
    ("kind", "planned", "live", "rows"),
    [("r", -1, 0, None), ("r", -1, 7, 7), ("r", 0, 0, 0), ("r", 10, 3, 10), ("p", -1, 0, 0), ("v", 0, 0, None)],
)
def test_rows_are_none_where_nobody_knows(kind: str, planned: int, live: int, rows: int | None) -> None:
    assert relation(kind, planned, live).rows == rows


def test_gone_and_retyped_columns() -> None:
    outside = Side.of([sealed("column", "1", n, f"c{n}", "23", False, "7", None) for n in (1, 2, 3)])
    inside = Side.of([sealed("column", "1", n, f"c{n}", t, False, "7", None) for n, t in ((1, "23"), (3, "20"))])
    sides = Sides(outside, inside)
    assert sides.gone_columns == {("1", 2)} and sides.retyped == {("1", 3)}


@pytest.mark.parametrize("row", [sealed("column", "1", 1), sealed("trigger", "1", "2"), sealed("policy", "1")])
def test_a_short_row_is_a_violation(row: list[str]) -> None:
    with pytest.raises(ProtocolViolation):
        Side.of([row])
