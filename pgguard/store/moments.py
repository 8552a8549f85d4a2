"""The store's clock: it never goes back, so that a system clock that is set back makes no approval last longer."""

from __future__ import annotations

import time
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

# Clocks that are kept in step differ by less, and what differs by less is no clock that was set back.
TOLERANCE = 60.0

_CLOCK = sa.text("SELECT pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())")


async def wall(connection: AsyncConnection) -> float:
    """Seconds since 1970. Nodes that share a database share its clock: theirs could differ by more than an approval
    lasts."""
    if connection.dialect.name != "postgresql":
        return time.time()
    return float((await connection.execute(_CLOCK)).scalar_one())


class Moments:
    """``clock`` tells the time of the day in place of ``wall``, ``steady`` only how much of it went by."""

    def __init__(
        self, clock: Callable[[], float] | None = None, steady: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        self._clock = clock
        self._steady = steady
        self._latest = float("-inf")
        self._then = steady()

    async def now(self, connection: AsyncConnection) -> float:
        """The moment. A clock that was set back is not believed: what went by since then is added to what it said
        before."""
        said = await wall(connection) if self._clock is None else self._clock()
        then = self._steady()
        went_on = self._latest + then - self._then
        self._latest = max(self._latest, said if went_on - said <= TOLERANCE else went_on)
        self._then = then
        return self._latest
