"""What stands on a table that goes: foreign keys, and functions that mention it by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pgguard.catalog.picture import Code, Function, Picture, Rule, Tree
from pgguard.evidence.dependents import MOST, dependents
from pgguard.evidence.measurement import Destroyed
from tests.session import shop


def function(oid: int, name: str, source: bytes) -> Function:
    code = Code(source, None, frozenset(), False, Tree(), (), ())
    return Function(oid, "public", name, "plpgsql", True, "f", 0, 2278, code=code)


def picture(*functions: Function) -> Picture:
    known = shop.picture()
    view = replace(known.relations[shop.D], oid=30001, name="v", kind="v",
                   rules=(Rule("_RETURN", "1", True, Tree(relations=frozenset({shop.P}))),))  # fmt: skip
    return replace(known, relations={**known.relations, 30001: view}, functions={each.oid: each for each in functions})


GONE = Destroyed("table", "public.p", "dropped", shop.P)


def test_views_keys_and_functions() -> None:
    functions = (
        function(40001, "purge", b"begin delete from public.P; end"), function(40002, "other", b"select pq from q_p"),
    )  # fmt: skip

    assert dependents((GONE,), picture(*functions)) == (
        "view public.v reads public.p",
        "foreign key c_n_fkey of public.c refers to public.p",
        "function public.purge mentions p",
    )


@pytest.mark.parametrize(
    "lost", [Destroyed("index", "public.p", "dropped", shop.P), Destroyed("table", "x", "dropped", 99)]
)
def test_of_other_objects_nothing_is_said(lost: Destroyed) -> None:
    assert dependents((lost,), picture()) == ()
    assert dependents((GONE,), None) == ()


def test_not_more_than_can_be_read() -> None:
    many = (function(40000 + n, f"f{n}", b"p") for n in range(50))

    assert len(dependents((GONE,), picture(*many))) == MOST + 1
