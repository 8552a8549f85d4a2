"""The store's clock goes on where the system's is set back."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from pgguard.store import lifecycle
from pgguard.store.moments import TOLERANCE, Moments
from pgguard.store.requests import Store
from tests.store.requests_at_hand import BOB, Clock, approved, binding, filed

NOWHERE: AsyncConnection = None  # type: ignore[assignment]  # a clock that is given asks no database


@pytest.mark.parametrize(
    ("wall", "steady", "moments"),
    [
        ([100, 130, 160], [0, 30, 60], [100, 130, 160]),
        ([100, 5000, 5030], [0, 30, 60], [100, 5000, 5030]),  # set forward
        ([5000, 1400, 1430], [0, 30, 60], [5000, 5030, 5060]),  # set back by an hour
        ([5000, 1400, 9000], [0, 30, 60], [5000, 5030, 9000]),  # and set right again
        ([5000, 5000 + 30 - TOLERANCE, 5001], [0, 30, 60], [5000, 5000, 5001]),  # clocks that differ a little
    ],
)
async def test_it_never_goes_back_and_never_stands_still_for_long(
    wall: list[float], steady: list[float], moments: list[float]
) -> None:
    said, went = iter(wall), iter([0.0, *steady])
    clock = Moments(lambda: next(said), lambda: next(went))

    assert [await clock.now(NOWHERE) for _ in wall] == moments


async def test_a_clock_set_back_between_filing_and_approval_makes_nothing_last_longer(state_url: str) -> None:
    wall, steady = Clock(), Clock(0.0)
    store = await Store.open(state_url, moments=Moments(wall, steady), deadline=20.0)
    number = await filed(store)
    wall.now -= 3600
    steady.now += 60
    answer = await store.approve(number, BOB)
    assert answer.expires == 1_000_060.0 + 1800
    steady.now += 1800  # half an hour later the clock on the wall still says that it is earlier than when it was filed

    assert await store.find(binding()) is None
    assert await store.claim((number,)) == f"request {number}: it expired"
    await store.close()


async def test_an_approval_from_the_future_is_none(state_url: str) -> None:
    """The clock was set back while no pgguard ran: nobody knows how long ago it was given."""
    wall = Clock()
    store = await Store.open(state_url, moments=Moments(wall, lambda: 0.0), deadline=20.0)
    number = await approved(store)
    await store.close()
    wall.now -= 3600
    again = await Store.open(state_url, moments=Moments(wall, lambda: 0.0), deadline=20.0)
    found = await again.show(number)

    assert found is not None
    assert lifecycle.usable(found, wall()) == "it expired"
    assert await again.find(binding()) is None
    assert await again.claim((number,)) == f"request {number}: it expired"
    await again.close()
