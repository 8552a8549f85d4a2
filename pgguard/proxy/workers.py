"""What the workers of one pgguard know of each other: news of their worlds, what is under way, and cancels."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pgguard.proxy.carry_out import begun
from pgguard.proxy.peers import Peers
from pgguard.session.world import News, World

if TYPE_CHECKING:
    from pgguard.proxy.services import Services

class Workers:
    """This worker among the others. ``counts``: clients of each worker, in memory that all of them see."""

    def __init__(self, services: Services, peers: Peers, counts: memoryview[int]) -> None:
        self._services = services
        self._peers = peers
        self._counts = counts
        peers.answers.update({"news": self._news, "begun": self._begun, "cancel": self._cancel})
        peers.lost = self._lost

    def tell(self, database: str, world: World) -> asyncio.Future[list[None]]:
        """The others know of it when this is done."""
        return self._peers.ask_all("news", database, world.told())

    async def begun(self, database: str, *, names: bool) -> bool:
        """Whether what the others had sent when they were asked has begun (``session.asks.WaitForOthers``)."""
        return all(await self._peers.ask_all("begun", database, names))

    def cancel(self, key: bytes) -> None:
        """A CancelRequest came to this worker; whose key it is another may know."""
        self._peers.cast("cancel", key)

    def counted(self, own: int) -> None:
        """So many clients has this worker now."""
        self._counts[self._peers.number] = own

    @property
    def clients(self) -> int:
        """Of all workers."""
        return sum(self._counts)

    def _news(self, worker: int, database: str, news: list[News]) -> None:
        world = self._services.world_of(database)
        for event, of in news:
            world.hear(worker, event, of)

    async def _begun(self, worker: int, database: str, names: bool) -> bool:
        world = self._services.worlds.get(database)
        if world is None:
            return True
        return await begun(world, frozenset(world.waiting | (world.calling if names else set())))

    def _cancel(self, worker: int, key: bytes) -> None:
        self._services.cancel(key)

    def _lost(self, worker: int) -> None:
        """FAIL CLOSED: what it had announced cannot be taken back, and what it did is not known. All of them end."""
        self._services.broken(worker)
