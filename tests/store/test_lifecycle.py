"""The pure decisions over a request, as a table, and the WHERE of a claim that must say the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.policy.consent import AS_ASKED, LONGEST, Terms, Vote
from pgguard.store import lifecycle
from pgguard.store.lifecycle import Approver
from pgguard.store.request import Request, State
from pgguard.store.requests import Store
from pgguard.store.trust import Change, Known
from tests.store.requests_at_hand import BOB, DBA, Clock, approved, filed, request, tamper

OPEN = Request(7, "d", State.OPEN, request(), 1, filed=0.0, expires=100.0)
ANSWERED = replace(OPEN, decided_by="bob", decided=1.0, denial="no")


@pytest.mark.parametrize(
    ("stored", "now", "is_now"),
    [
        (State.APPROVED, -59.0, State.APPROVED),
        (State.APPROVED, -59.1, State.EXPIRED),  # given later than now: the clock was set back
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
    assert lifecycle.state(replace(ANSWERED, state=stored), now) is is_now


@pytest.mark.parametrize(
    ("stored", "now", "why"),
    [
        (State.OPEN, 1.0, "it is not approved yet"),
        (State.APPROVED, 1.0, ""),
        (State.APPROVED, 100.0, "it expired"),
        (State.DENIED, 1.0, "it was denied: no"),
        (State.USED, 1.0, "it was used already"),
        (State.WITHDRAWN, 1.0, "it was withdrawn"),
        (State.REVIEW, 1.0, "it is no approval: it went ahead without one"),
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


OLD = Known(first_seen=-1e9, began=-1e9)
Everybody = tuple[State, float, str, frozenset[str], int]


def everybody() -> Iterator[Everybody]:
    return product(State, (1.0, 100.0), ("ann", "bob"), (DBA, frozenset(), frozenset({"ann"})), (1, 5))


@pytest.mark.parametrize(("stored", "now", "by", "groups", "uses"), list(everybody()))
def test_only_a_second_person_of_the_group_approves_only_what_waits(
    stored: State, now: float, by: str, groups: frozenset[str], uses: int
) -> None:
    request = replace(OPEN, state=stored, uses=uses)
    may = lifecycle.may_approve(request, now, Approver(by, groups), AS_ASKED, OLD) is None
    waits = (stored is State.OPEN and now < 100.0) or stored is State.REVIEW
    renewable = uses > 1 and stored in (State.APPROVED, State.USED, State.EXPIRED)

    assert may == ((waits or renewable) and by == "bob" and groups == DBA)


@pytest.mark.parametrize("at_most", [None, 0, 5, -1])
def test_at_most_needs_a_measurement_and_no_negative_number(at_most: int | None) -> None:
    unmeasured = replace(OPEN, asked=request(measured=None))
    terms = Terms(at_most)

    assert (lifecycle.may_approve(unmeasured, 1.0, BOB, terms, OLD) is None) == (at_most is None)
    assert (lifecycle.may_approve(OPEN, 1.0, BOB, terms, OLD) is None) == (at_most != -1)


@pytest.mark.parametrize(
    ("terms", "may"),
    [
        (Terms(uses=0), False), (Terms(uses=1000), True), (Terms(uses=1001), False), (Terms(seconds=0.0), False),
        (Terms(seconds=LONGEST), True), (Terms(seconds=LONGEST + 1), False),
    ],
)  # fmt: skip
def test_uses_and_times_have_bounds(terms: Terms, may: bool) -> None:
    assert (lifecycle.may_approve(OPEN, 1.0, BOB, terms, OLD) is None) == may


def test_nobody_approves_twice() -> None:
    answer = lifecycle.may_approve(replace(OPEN, votes=(Vote("bob", DBA),)), 1.0, BOB, AS_ASKED, OLD)

    assert answer is not None
    assert answer.says == "you approved request 7 already"


def test_a_login_that_is_not_believed_does_not_count() -> None:
    minted = Known(first_seen=0.0, began=-1e9)
    answer = lifecycle.may_approve(OPEN, 1.0, replace(BOB, seen_for={"dba": 3600.0}), AS_ASKED, minted)

    assert answer is not None
    assert answer.says == (
        'you do not count as a second person for request 7: login "bob" was first seen less than 1 hour ago'
    )


@pytest.mark.parametrize("stored", State)
def test_only_the_requester_withdraws_only_what_is_not_over(stored: State) -> None:
    request = replace(ANSWERED, state=stored)

    assert lifecycle.may_withdraw(request, 1.0, "bob") is not None
    assert (lifecycle.may_withdraw(request, 1.0, "ann") is None) == (stored in (State.OPEN, State.APPROVED))


@pytest.mark.parametrize("stored", State)
def test_an_approval_that_was_not_used_can_be_taken_back_by_a_denial(stored: State) -> None:
    may = lifecycle.may_deny(replace(ANSWERED, state=stored), 1.0, BOB) is None

    assert may == (stored in (State.OPEN, State.APPROVED, State.REVIEW))

@pytest.mark.parametrize("stored", State)
def test_ones_own_request_may_be_denied_but_not_reviewed(stored: State) -> None:
    may = lifecycle.may_deny(replace(ANSWERED, state=stored), 1.0, Approver("ann", DBA)) is None

    assert may == (stored in (State.OPEN, State.APPROVED))


_groups = st.sets(st.sampled_from(["dba", "security", "staff"])).map(frozenset)
_moments = st.floats(0, 200)


@given(
    st.sampled_from(State), _moments, st.sampled_from(["ann", "bob"]), _groups, _groups, _moments,
    st.booleans(), st.integers(1, 3),
)  # fmt: skip
def test_who_may_approve_is_somebody_else_who_is_asked_and_believed(
    stored: State, now: float, by: str, groups: frozenset[str], asked: frozenset[str], first_seen: float,
    changed: bool, uses: int,
) -> None:  # fmt: skip
    """No yes counts of the requester, of strangers, of the minted, or for what is over for good."""
    wanted = replace(OPEN, state=stored, uses=uses, asked=replace(request(), by=tuple(sorted(asked)) or ("dba",)))
    known = Known(first_seen, -1e9, (Change(by, "ann", 1.0),) if changed else ())
    who = Approver(by, groups, {by}, dict.fromkeys(groups, 50.0))
    if lifecycle.may_approve(wanted, now, who, AS_ASKED, known) is None:
        assert by != "ann"
        assert groups & set(wanted.asked.by)
        assert now - first_seen >= 50.0
        assert not changed
        assert stored not in (State.DENIED, State.WITHDRAWN, State.REVIEWED)
        assert lifecycle.may_count_for(wanted, now, who, known)


async def test_a_claim_agrees_with_the_pure_decision(store: Store, clock: Clock) -> None:
    """The WHERE of the UPDATE and ``usable`` are two forms of one rule."""
    await approved(store, "approved")
    await filed(store, "open")
    denied = await filed(store, "denied")
    await store.deny(denied, BOB, "no")
    await approved(store, "used")
    await store.claim((4,))
    await approved(store, "expires", expires=10.0)
    await approved(store, "tomorrow", expires=90_000.0)
    await tamper(store, f"update pgguard_requests set decided = {clock() + 3600} where number = 6")
    clock.now += 10.0
    for number in range(1, 7):
        found = await store.show(number)
        assert found is not None
        usable = not lifecycle.usable(found, clock())

        assert (await store.claim((number,)) == "") == usable
        assert usable == (number == 1)
