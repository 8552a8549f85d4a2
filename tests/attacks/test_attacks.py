"""Each attack does harm to a plain server, and none through pgguard with the shipped production policy.

Every run takes ten of each family, on PostgreSQL 15 and 18 by turns; ATTACKS=all takes all of them on both.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.attacks.cases import Case, load, sample
from tests.attacks.conftest import VERSIONS, Stands

pytestmark = pytest.mark.live

CASES = load()
ENOUGH = 150


def _runs() -> Iterator[Any]:
    everything = os.environ.get("ATTACKS") == "all"
    for number, case in enumerate(CASES if everything else sample(CASES)):
        here = [version for version in VERSIONS if version in case.servers]
        for version in here if everything else here[number % len(here) :][:1] if here else ():
            yield pytest.param(version, case, id=f"pg{version}-{case.name}")


on_each = pytest.mark.parametrize(("version", "case"), list(_runs()))


@on_each
def test_it_does_harm_without_a_guard(stands: Stands, version: int, case: Case) -> None:
    stand = stands[version]
    found, states = stand.ground.attack(case, stand.server)

    assert case.harm in {harm.kind for harm in found}, (states, found)


@on_each
def test_it_does_none_through_pgguard(stands: Stands, version: int, case: Case, request: pytest.FixtureRequest) -> None:
    stand = stands[version]
    if case.known:
        request.applymarker(pytest.mark.xfail(reason=case.known, strict=True, raises=AssertionError))
    found, states = stand.ground.attack(case, stand.guards.next(case))

    assert not found, (states, [str(harm) for harm in found])
    assert case.quiet or any(state.startswith("PGG") for state in states), f"not stopped by pgguard: {states}"


def test_there_are_enough() -> None:
    assert ENOUGH <= len(CASES)
