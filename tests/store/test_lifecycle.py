"""The pure decisions over a request, as a table, and the WHERE of a claim that must say the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest

from pgguard.store import lifecycle
from pgguard.store.request import Request, State
from pgguard.store.requests import Store
from tests.store.requests_at_hand import DBA, Clock, approved, filed, request

OPEN = Request(7, "d", State.OPEN, request(), 1, filed=0.0, expires=100.0)
ANSWERED = replace(OPEN, decided_by="bob", decided=1.0, denial="no")


@pytest.mark.parametrize(
    ("stored", "now", "is_now"),
    [
        (State.OPEN, 99.9, State.OPEN),
        (State.OPEN, 100.0, State.EXPIRED),
        (State.APPROVED, 99.9, State.APPROVED),
        (State.APPROVED, 100.0, State.EXPIRED),
        (State.DENIED, 100.0, State.DENIED),
        (State.USED, 100.0, State.USED),
        (State.EXPIRED, 0.0, State.EXPIRED),
    ],
)
def test_the_state_now(stored: State, now: float, is_now: State) -> None:
    assert lifecycle.state(replace(OPEN, state=stored), now) is is_now


@pytest.mark.parametrize(
    ("stored", "now", "why"),
    [
        (State.OPEN, 1.0, "it is not approved yet"),
        (State.APPROVED, 1.0, ""),
        (State.APPROVED, 100.0, "it expired"),
        (State.DENIED, 1.0, "it was denied: no"),
        (State.USED, 1.0, "it was used already"),
    ],
)
def test_what_can_be_spent(stored: State, now: float, why: str) -> None:
    assert lifecycle.usable(replace(ANSWERED, state=stored), now) == why


def test_a_request_that_expired_unanswered_was_no_approval() -> None:
    assert lifecycle.usable(OPEN, 100.0) == "it expired"


def test_a_denial_holds_until_it_expires() -> None:
    denied = replace(ANSWERED, state=State.DENIED)

    assert lifecycle.denies(denied, 99.0)
    assert not lifecycle.denies(denied, 100.0)
    assert not lifecycle.denies(ANSWERED, 99.0)


def everybody() -> Iterator[tuple[State, float, str, frozenset[str]]]:
    return product(State, (1.0, 100.0), ("ann", "bob"), (DBA, frozenset(), frozenset({"ann"})))


@pytest.mark.parametrize(("stored", "now", "by", "groups"), list(everybody()))
def test_only_a_second_person_of_the_group_approves_only_what_is_open(
    stored: State, now: float, by: str, groups: frozenset[str]
) -> None:
    may = lifecycle.may_approve(replace(OPEN, state=stored), now, by, groups) is None

    assert may == (stored is State.OPEN and now < 100.0 and by == "bob" and groups == DBA)


@pytest.mark.parametrize("at_most", [None, 0, 5, -1])
def test_at_most_needs_a_measurement_and_no_negative_number(at_most: int | None) -> None:
    unmeasured = replace(OPEN, asked=request(measured=None))

    assert (lifecycle.may_approve(unmeasured, 1.0, "bob", DBA, at_most) is None) == (at_most is None)
    assert (lifecycle.may_approve(OPEN, 1.0, "bob", DBA, at_most) is None) == (at_most != -1)


async def test_a_claim_agrees_with_the_pure_decision(store: Store, clock: Clock) -> None:
    """The WHERE of the UPDATE and ``usable`` are two forms of one rule."""
    await approved(store, "approved")
    await filed(store, "open")
    denied = await filed(store, "denied")
    await store.deny(denied, "bob", DBA, "no")
    await approved(store, "used")
    await store.claim((4,))
    await approved(store, "expires", expires=10.0)
    clock.now += 10.0
    for number in range(1, 6):
        found = await store.show(number)
        assert found is not None
        usable = not lifecycle.usable(found, clock())

        assert (await store.claim((number,)) == "") == usable
        assert usable == (number == 1)
