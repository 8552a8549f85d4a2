"""Several people answer: enough of each group, on the strictest terms, and what is over stays over."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from pgguard.policy.binding import Approval, Filed
from pgguard.policy.consent import Terms
from pgguard.store.lifecycle import Approver
from pgguard.store.request import State
from pgguard.store.requests import Store
from tests.store.requests_at_hand import BOB, DBA, Clock, approved, approver, binding, filed, request

KIM = approver("kim")
SEC = approver("sam", frozenset({"security"}))
BOTH = approver("eva", frozenset({"dba", "security"}))


async def file(store: Store, by: tuple[str, ...] = ("dba",), needs: int = 1) -> int:
    answer = await store.file(replace(request(), by=by, needs=needs))
    assert isinstance(answer, Filed)
    return answer.number


async def state_of(store: Store, number: int) -> State:
    found = await store.show(number)
    assert found is not None
    return found.state


async def test_two_of_a_group(store: Store) -> None:
    number = await file(store, needs=2)
    first = await store.approve(number, BOB)

    assert (first.refused, first.state) == (False, "open")
    assert first.says == 'request 1 approved, and still needs a member of "dba"'
    assert await store.find(binding()) is None
    assert (await store.approve(number, BOB)).says == "you approved request 1 already"
    assert await store.file(replace(request(), needs=2)) == Filed(1, 2, votes=1)

    second = await store.approve(number, KIM)

    assert second.state == "approved"
    found = await store.find(binding())
    assert isinstance(found, Approval)
    assert found.by == "bob, kim"


async def test_one_of_each_group_and_nobody_is_two(store: Store) -> None:
    number = await file(store, ("dba", "security"))

    assert (await store.approve(number, BOTH)).state == "open"
    assert (await store.approve(number, SEC)).state == "approved"
    assert (await store.show(number)).decided_by == "eva, sam"  # type: ignore[union-attr]


async def test_one_no_is_enough_and_takes_an_approval_back(store: Store) -> None:
    number = await file(store, needs=2)
    await store.approve(number, BOB)
    assert not (await store.deny(number, KIM, "wait")).refused
    assert (await store.approve(number, approver("lee"))).says == "request 1 is not open: denied by kim"

    other = await approved(store, "delete from users")
    assert not (await store.deny(other, KIM, "changed my mind")).refused
    assert await store.claim((other,)) == "request 2: it was denied: changed my mind"


async def test_two_that_say_yes_at_once_see_each_other(store: Store) -> None:
    for at in range(5):
        answer = await store.file(replace(request(f"delete {at}"), needs=2))
        assert isinstance(answer, Filed)
        said = await asyncio.gather(store.approve(answer.number, BOB), store.approve(answer.number, KIM))

        assert sorted(one.state for one in said) == ["approved", "open"]


async def test_the_strictest_terms_count(store: Store) -> None:
    number = await file(store, needs=2)
    await store.approve(number, BOB, Terms(at_most=500, uses=5, seconds=7200.0, token=True))
    answer = await store.approve(number, KIM, Terms(at_most=200, uses=3, seconds=3600.0))
    found = await store.show(number)

    assert answer.token
    assert found is not None
    assert (found.at_most, found.uses, found.remaining, found.expires) == (200, 3, 3, 1_003_600.0)
    assert bool(found.jti)


async def test_so_many_uses_and_not_one_more(store: Store) -> None:
    number = await filed(store)
    await store.approve(number, BOB, Terms(uses=3, seconds=86_400.0))
    claims = await asyncio.gather(*(store.claim((number,)) for _ in range(6)))

    assert claims.count("") == 3
    assert await state_of(store, number) is State.USED
    assert await store.claim((number,)) == "request 1: it was used already"


async def test_a_recurring_approval_ends_with_its_time_and_is_renewed(store: Store, clock: Clock) -> None:
    number = await filed(store)
    await store.approve(number, BOB, Terms(uses=5, seconds=86_400.0))
    assert await store.claim((number,)) == ""
    clock.now += 86_400

    assert await store.claim((number,)) == "request 1: it expired"
    await filed(store, "something else")  # which writes down what expired
    assert not (await store.approve(number, KIM, Terms(uses=2, seconds=60.0))).refused
    assert await store.claim((number,)) == ""
    assert await store.claim((number,)) == ""
    assert await store.claim((number,)) == "request 1: it was used already"


async def test_what_was_approved_once_is_not_approved_again(store: Store) -> None:
    number = await approved(store)
    await store.claim((number,))

    assert (await store.approve(number, KIM)).says == "request 1 is not open: used by bob"


@pytest.mark.parametrize("yes", [False, True])
async def test_withdrawn(store: Store, yes: bool) -> None:
    number = await (approved if yes else filed)(store)

    assert (await store.withdraw(number, "bob")).sqlstate == "42501"
    assert (await store.withdraw(number, "ann")).state == "withdrawn"
    assert await store.find(binding()) is None
    assert await store.claim((number,)) == "request 1: it was withdrawn"
    assert (await store.approve(number, BOB)).says == "request 1 is not open: withdrawn"
    assert (await store.withdraw(number, "ann")).sqlstate == "55000"
    assert (await store.withdraw(99, "ann")).sqlstate == "42704"
    assert await store.file(request()) == Filed(2)


async def test_what_went_ahead_alone_is_looked_at_by_somebody_else(store: Store, clock: Clock) -> None:
    alone = replace(request(), review=True)
    first, second = await store.file(alone), await store.file(alone)
    assert (first, second) == (Filed(1), Filed(2))
    clock.now += 30 * 86_400

    assert {found.state for found in await store.listing()} == {State.REVIEW}
    assert await store.find(binding()) is None
    assert (await store.approve(1, approver("ann"))).sqlstate == "42501"
    assert (await store.approve(1, BOB)).state == "reviewed"
    assert (await store.deny(2, BOB, "call first")).state == "reviewed"
    assert await store.listing() == ()
    assert await store.file(request()) == Filed(3)


async def test_what_became_of_it_is_told_only_when_it_was_seen(store: Store) -> None:
    number = await approved(store)
    await store.ended((number,), "committed")
    assert (await store.show(number)).outcome == ""  # type: ignore[union-attr]

    await store.claim((number,))
    assert (await store.show(number)).outcome == ""  # type: ignore[union-attr]
    await store.ended((number,), "committed")

    assert (await store.show(number)).outcome == "committed"  # type: ignore[union-attr]


async def test_a_login_that_the_requester_made_or_changed_does_not_count(store: Store, clock: Clock) -> None:
    wary = {"dba": 3600.0}
    await store.saw("bob")
    clock.now += 7 * 86_400
    clock.now = max(clock.now, 3e9)  # long after the store was made
    number = await filed(store)
    minted = await store.approve(number, Approver("eve", DBA, frozenset({"eve", "dba"}), wary))
    assert minted.says.endswith('login "eve" was first seen less than 1 hour ago')

    await store.roles_changed(("bob",), "ann")
    changed = await store.approve(number, Approver("bob", DBA, frozenset({"bob", "dba"}), wary))
    assert changed.says.endswith('role "bob" was last changed by "ann", whose request it is')

    clock.now += 1
    await store.roles_changed(("bob",), "root")
    assert (await store.approve(number, Approver("bob", DBA, frozenset({"bob", "dba"}), wary))).state == "approved"


async def test_an_approval_is_worth_nothing_on_another_server(store: Store) -> None:
    """A state that was copied: the same requests, beside another server or database."""
    await approved(store)

    for other in (replace(binding(), server="shop/78"), replace(binding(), server="copy/77"), binding(oid=6)):
        assert await store.find(other) is None
