"""What an approval is bound to, and that nothing beyond it stays inside it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pgguard.evidence.measurement import Destroyed, Measurement
from pgguard.policy.binding import Approval, Binding, BoundStatement
from tests.policy.making import lost, table

FIRST, SECOND = BoundStatement("t1", "p1", "delete from a"), BoundStatement("t2", "", "delete from b")
BINDING = Binding((FIRST, SECOND), "ann", "owner", "shop", 16384, "primary/77", ("d1", "d2"))


@pytest.mark.parametrize(
    "other",
    [
        replace(BINDING, statements=(SECOND, FIRST)),
        replace(BINDING, statements=(FIRST,)),
        replace(BINDING, statements=(replace(FIRST, tokens="t3"), SECOND)),
        replace(BINDING, statements=(replace(FIRST, params="p2"), SECOND)),
        replace(BINDING, statements=(replace(FIRST, tokens="t1p1", params=""), SECOND)),
        replace(BINDING, caller="bob"),
        replace(BINDING, role="ann"),
        replace(BINDING, database_oid=16385),
        replace(BINDING, server="copy/77"),
        replace(BINDING, rules=("d1",)),
    ],
)
def test_another_binding_is_another_request(other: Binding) -> None:
    assert other.digest() != BINDING.digest()


def test_words_for_people_do_not_count() -> None:
    same = replace(BINDING, database="renamed", statements=(replace(FIRST, text="delete  from a"), SECOND))
    assert same.digest() == BINDING.digest()


APPROVAL = Approval(17, "bob", {1: 10, 2: 0}, frozenset({("table", "public.t", "dropped")}))


@pytest.mark.parametrize(
    ("measurement", "beyond"),
    [
        (Measurement(), ""),
        (Measurement((table("p.a", 4, 6, 99, oid=1),), (lost("table public.t"),)), ""),
        (Measurement((table("p.a", 5, 6, oid=1),)), "p.a: 11 rows, approved were 10"),
        (Measurement((table("p.b", 1, oid=2),)), "p.b: 1 rows, approved were 0"),
        (Measurement((table("p.c", 1, oid=3),)), "p.c: 1 rows, approved were 0"),
        (Measurement((table("p.c", inserted=1, oid=3),)), ""),
        (Measurement((), (lost("table public.u"),)), "table public.u dropped was not approved"),
        (Measurement((), (lost("table public.t", "truncated"),)), "table public.t truncated was not approved"),
        (Measurement((), (Destroyed("view", "public.t"),)), "view public.t dropped was not approved"),
        (None, "it could not be measured"),
    ],
)
def test_exceeded(measurement: Measurement | None, beyond: str) -> None:
    assert APPROVAL.exceeded_by(measurement) == beyond


def test_what_was_approved_unmeasured_may_run_unmeasured() -> None:
    assert replace(APPROVAL, unmeasured=True).exceeded_by(None) == ""


@pytest.mark.parametrize(
    ("oid", "rows", "beyond"),
    [
        (7, 1000, ""),
        (7, 2100, ""),
        (7, 2101, "table public.t: about 2101 rows, approved were about 1000"),
        (8, 1000, "table public.t is another object than the one that was approved"),
    ],
)
def test_an_approved_drop_is_of_that_table_at_about_that_size(oid: int, rows: int, beyond: str) -> None:
    approval = replace(APPROVAL, sizes={("table", "public.t", "dropped"): (7, 1000)})

    assert approval.exceeded_by(Measurement((), (Destroyed("table", "public.t", oid=oid, rows=rows),))) == beyond
