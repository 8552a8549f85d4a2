"""Requests are filed, answered, found and spent: by the right people, for the right thing, once, in time."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from pgguard.errors import StoreUnavailable
from pgguard.evidence.measurement import Measurement, Rows, TableEffect
from pgguard.policy.binding import Approval, Filed
from pgguard.policy.consent import Terms
from pgguard.store.lifecycle import MOST_OPEN, UNANSWERED, TooMany
from pgguard.store.request import State
from pgguard.store.requests import Store
from tests.store.requests_at_hand import BOB, Clock, approved, approver, binding, filed, request, tamper


async def test_the_same_thing_keeps_its_number_while_it_is_open(store: Store) -> None:
    assert await store.file(request()) == Filed(1, 1)
    assert await store.file(request()) == Filed(1, 2)
    assert await store.file(request("delete from users")) == Filed(2, 1)
    assert await store.file(request(caller="eve")) == Filed(3, 1)


async def test_a_request_comes_back_as_it_was_filed(store: Store) -> None:
    number = await filed(store)
    found = await store.show(number)

    assert found is not None
    assert found.asked == request()
    assert found.rows == 100
    assert (found.state, found.tries, found.last_rows) == (State.OPEN, 1, 100)
    assert await store.show(99) is None


async def test_the_measurement_that_people_saw_is_the_one_that_is_approved(store: Store) -> None:
    """A later try that destroys more must not widen an approval that is being given right now."""
    number = await filed(store)
    more = Measurement((TableEffect(1, "public.accounts", Rows(deleted=99_999)),))
    assert await store.file(request(measured=more)) == Filed(number, 2)
    await store.approve(number, BOB)
    approval = await store.find(binding())

    assert isinstance(approval, Approval)
    assert approval.ceilings == {1: 40, 2: 60}
    assert approval.destroyed == {("table", "public.invoices", "dropped")}
    assert approval.exceeded_by(more) == "public.accounts: 99999 rows, approved were 40"
    assert (await store.show(number)).last_rows == 99_999  # type: ignore[union-attr]


async def test_an_approval_is_for_exactly_its_binding(store: Store) -> None:
    await approved(store)
    exact = binding()

    found = await store.find(exact)
    assert isinstance(found, Approval)
    gone = ("table", "public.invoices", "dropped")
    assert found == Approval(1, "bob", {1: 40, 2: 60}, frozenset({gone}), sizes=found.sizes)
    assert set(found.sizes) == {gone}
    for other in (
        replace(exact, caller="eve"),
        replace(exact, role="postgres"),
        replace(exact, database_oid=6),
        replace(exact, server="shop/78"),
        replace(exact, rules=("r1",)),
        replace(exact, statements=exact.statements * 2),
        replace(exact, statements=(replace(exact.statements[0], params="q"),)),
    ):
        assert await store.find(other) is None


async def test_an_approval_is_spent_once(store: Store) -> None:
    number = await approved(store)

    assert await store.claim((number,)) == ""
    assert await store.claim((number,)) == "request 1: it was used already"
    assert await store.find(binding()) is None
    assert (await store.show(number)).state is State.USED  # type: ignore[union-attr]
    assert await store.file(request()) == Filed(2, 1)


async def test_claiming_is_all_or_nothing(store: Store) -> None:
    one, two = await approved(store, "a"), await approved(store, "b")
    open_one = await filed(store, "c")

    assert await store.claim((one, open_one)) == "request 3: it is not approved yet"
    assert await store.claim((one, 99)) == "request 99: there is no such request"
    assert await store.claim((one, one)) == "request 1: it was used already"
    assert (await store.show(one)).state is State.APPROVED  # type: ignore[union-attr]
    assert await store.claim((two, one)) == ""
    assert await store.claim(()) == ""


async def test_a_requester_cannot_approve_itself(store: Store) -> None:
    number = await filed(store)
    answer = await store.approve(number, approver("ann"))

    assert (answer.sqlstate, answer.says) == ("42501", "you cannot approve your own request 1")
    assert await store.find(binding()) is None


async def test_only_the_approver_group_answers(store: Store) -> None:
    number = await filed(store)
    for groups in (frozenset(), frozenset({"staff", "DBA"})):
        assert (await store.approve(number, approver("bob", groups))).sqlstate == "42501"
        assert (await store.deny(number, approver("bob", groups), "no")).sqlstate == "42501"
    assert (await store.show(number)).state is State.OPEN  # type: ignore[union-attr]


async def test_an_answer_is_given_once(store: Store) -> None:
    number = await approved(store)

    assert (await store.approve(number, approver("kim"))).says == "request 1 is not open: approved by bob"
    assert (await store.approve(99, BOB)).sqlstate == "42704"
    assert (await store.deny(99, BOB, "no")).sqlstate == "42704"


async def test_a_denial_is_told_until_it_expires(store: Store, clock: Clock) -> None:
    number = await filed(store)
    assert not (await store.deny(number, BOB, "use the archive job")).refused

    assert await store.file(request()) == Filed(1, 2, denied="use the archive job")
    assert await store.find(binding()) is None
    assert await store.claim((number,)) == "request 1: it was denied: use the archive job"

    clock.now += 1800

    assert await store.file(request()) == Filed(2, 1)


async def test_a_denial_without_a_reason_is_a_denial(store: Store) -> None:
    await store.deny(await filed(store), BOB, "  ")

    assert await store.file(request()) == Filed(1, 2, denied="no reason given")


async def test_an_approval_expires(store: Store, clock: Clock) -> None:
    number = await approved(store)
    clock.now += 1799.9

    assert isinstance(await store.find(binding()), Approval)

    clock.now += 0.1

    assert await store.find(binding()) is None
    assert await store.claim((number,)) == "request 1: it expired"
    assert (await store.show(number)).state is State.EXPIRED  # type: ignore[union-attr]


async def test_a_request_that_nobody_answers_expires(store: Store, clock: Clock) -> None:
    number = await filed(store)
    clock.now += UNANSWERED

    assert await store.listing() == ()
    assert (await store.approve(number, BOB)).says == "request 1 is not open: expired"
    assert await store.file(request()) == Filed(2, 1)


async def test_a_caller_has_so_many_open_requests_and_no_more(store: Store, clock: Clock) -> None:
    for number in range(MOST_OPEN):
        await filed(store, f"delete {number}")
    answer = await store.file(request("one more"))

    assert isinstance(answer, TooMany)
    assert answer.numbers == tuple(range(1, MOST_OPEN + 1))
    assert answer.why == "20 requests of this caller are open already (limit 20)"
    assert await store.file(request("delete 3")) == Filed(4, 2)
    assert await store.file(request("one more", caller="eve")) == Filed(21, 1)

    clock.now += UNANSWERED

    assert await store.file(request("one more")) == Filed(22, 1)


async def test_at_most_is_shared_out_and_never_exceeded_in_sum(store: Store) -> None:
    number = await filed(store)
    await store.approve(number, BOB, Terms(at_most=151))
    approval = await store.find(binding())

    assert isinstance(approval, Approval)
    assert approval.ceilings == {1: 60, 2: 90}


async def test_what_was_not_measured_is_approved_as_that(store: Store) -> None:
    number = await filed(store, measured=None)

    assert (await store.approve(number, BOB, Terms(at_most=5))).sqlstate == "22023"

    await store.approve(number, BOB)

    assert await store.find(binding()) == Approval(1, "bob", unmeasured=True)


async def test_listing_is_newest_first_and_open_or_all(store: Store) -> None:
    await approved(store, "a")
    await filed(store, "b")
    await filed(store, "c")

    assert [found.number for found in await store.listing()] == [3, 2]
    assert [found.number for found in await store.listing(open_only=False)] == [3, 2, 1]


async def test_numbers_never_come_again(store: Store) -> None:
    await filed(store, "a")
    await tamper(store, "delete from pgguard_requests")

    assert await filed(store, "b") == 2


async def test_a_locked_store_is_unavailable_in_time(tmp_path: Path) -> None:
    """Somebody else holds the write lock: writing says so while he still does, reading goes on."""
    patient = await Store.open(f"sqlite:///{tmp_path}/state.db", deadline=20.0)
    number = await approved(patient)
    store = await Store.open(f"sqlite:///{tmp_path}/state.db")
    holder = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    holder.execute("begin immediate")
    for work in (store.claim((number,)), store.file(request("b"))):
        with pytest.raises(StoreUnavailable, match=r"database is locked|did not answer within"):
            async with asyncio.timeout(30):
                await work

    assert isinstance(await patient.find(binding()), Approval)

    holder.execute("rollback")
    holder.close()
    await asyncio.sleep(0.2)
    await store.close()
    await patient.close()


async def test_a_late_claim_is_spent_or_not_but_never_twice(tmp_path: Path) -> None:
    """The deadline passes while the database works: the caller is told no, and the approval lets nobody else through
    unless it was not spent."""
    store = await Store.open(f"sqlite:///{tmp_path}/state.db", deadline=20.0)
    number = await approved(store)
    hasty = await Store.open(f"sqlite:///{tmp_path}/state.db", deadline=0.0)
    with pytest.raises(StoreUnavailable, match="did not answer within 0 ms"):
        await hasty.claim((number,))
    await hasty.close()
    state = (await store.show(number)).state  # type: ignore[union-attr]

    assert (await store.claim((number,)) == "") is (state is State.APPROVED)

    await store.close()
    await hasty.close()


async def test_a_damaged_row_is_unavailable_not_a_guess(store: Store) -> None:
    number = await approved(store)
    await tamper(store, "update pgguard_requests set content = '{}'")
    with pytest.raises(StoreUnavailable):
        await store.find(binding())
    with pytest.raises(StoreUnavailable):
        await store.show(number)
