"""What crosses a limit, in which words, and which sizes have to be known for a share."""

from __future__ import annotations

from typing import Any

import pytest

from pgguard.evidence.measurement import TableEffect
from pgguard.policy import limits
from pgguard.policy.model import Limit
from tests.policy.making import measured, policy, table


def limit(**parts: Any) -> Limit:
    return policy({"beyond": "approve", **parts}).limits[0]


def says(one: Limit, *tables: TableEffect) -> str | None:
    effect = measured(*tables).measurement
    assert effect is not None
    blame = limits.crossed(one, effect)
    return blame.says if blame else None


ROWS = limit(rows=100)
VERBS = limit(rows={"deleted": 10, "updated": 20})
DELETED = limit(rows={"deleted": 0})
SHARE = limit(share="12.5%", at_least=5)
LEDGER = limit(rows=0, match={"table": "ledger*"})


@pytest.mark.parametrize(
    ("one", "tables", "expected"),
    [
        (ROWS, (), None),
        (ROWS, (table("p.a", 60, 40, 999),), None),
        (ROWS, (table("p.a", 2000), table("p.b", 50000)), "52000 rows (limit 100)"),
        (limit(rows=0), (table("p.a", updated=1),), "1 row (limit 0)"),
        (VERBS, (table("p.a", 10, 20),), None),
        (VERBS, (table("p.a", 11, 20),), "11 rows deleted (limit 10)"),
        (VERBS, (table("p.a", 11), table("p.b", 1, 21)), "12 rows deleted (limit 10), 21 rows updated (limit 20)"),
        (DELETED, (table("p.a", updated=10**6),), None),
        (DELETED, (table("p.a", 1),), "1 row deleted (limit 0)"),
        (SHARE, (table("p.a", 6, total=48),), None),
        (SHARE, (table("p.a", 6, total=47),), "6 of 47 rows of p.a (limit 12.5%)"),
        (SHARE, (table("p.a", 5, total=5),), None),
        (SHARE, (table("p.a", 9, total=8),),
         "9 of 8 rows of p.a, counting rows that it inserted itself and rows that it changed twice (limit 12.5%)"),
        (SHARE, (table("p.a", 6),), "6 rows of p.a, whose size is not known (limit 12.5%)"),
        (SHARE, (table("p.a", 6, total=0),),
         "6 of 0 rows of p.a, counting rows that it inserted itself and rows that it changed twice (limit 12.5%)"),
        (SHARE, (table("p.a", 6, total=6), table("p.b", 9, total=9)), "9 of 9 rows of p.b and 1 more (limit 12.5%)"),
        (LEDGER, (table("p.ledger_1", 1),), "1 row (limit 0)"),
        (LEDGER, (table("p.accounts", 1),), None),
    ],
)
def test_crossed(one: Limit, tables: tuple[TableEffect, ...], expected: str | None) -> None:
    assert says(one, *tables) == expected


@pytest.mark.parametrize(
    ("one", "bound", "deleted", "expected"),
    [
        (ROWS, 100, 0, None),
        (ROWS, 101, 0, "at most 101 rows (limit 100)"),
        (VERBS, 30, 10, None),
        (VERBS, 31, 10, "at most 21 rows updated (limit 20)"),
        (VERBS, 11, 11, "at most 11 rows deleted (limit 10)"),
        (SHARE, 5, 5, None),
        (SHARE, 6, 6, "at most 6 rows, the table's size is not known (limit 12.5%)"),
        (LEDGER, 1, 0, "at most 1 row (limit 0)"),
    ],
)
def test_crossed_by_bound(one: Limit, bound: int, deleted: int, expected: str | None) -> None:
    blame = limits.crossed_by_bound(one, bound, deleted)
    assert (blame.says if blame else None) == expected


def test_stops() -> None:
    effect = measured(table("p.a", 6, oid=1), table("p.b", 5, oid=2), table("p.c", 7, oid=3, total=9)).measurement
    assert effect is not None
    assert limits.stops([SHARE, ROWS], effect) == ((1, 49),)
    assert limits.stops([SHARE, limit(share="1%", at_least=5)], effect) == ((1, 601),)
    assert limits.stops([limit(share="1%", at_least=0, match={"table": "b"})], effect) == ((2, 501),)


def test_rows_in_words() -> None:
    assert [limits.rows(0), limits.rows(1), limits.rows(2, "deleted")] == ["0 rows", "1 row", "2 rows deleted"]
