"""PAUSE: no new statement begins between transactions until RESUME, or until the time is over."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pgguard.proxy.client import ClientSide

WAIT = 5.0  # seconds that PAUSE itself waits for transactions to end
_LOOK = 0.02


class Pausing:
    """What a client sends while it is at rest stays here, and it is not read any further. A transaction that is open
    goes on to its end. ``on`` is all that a statement costs when nothing is paused."""

    def __init__(self) -> None:
        self.on = False
        self._held: dict[ClientSide, bytes] = {}
        self._end: asyncio.TimerHandle | None = None

    def holds(self, client: ClientSide, data: bytes) -> bool:
        """Whether ``data`` of the client waits here now, because it would begin something new."""
        if client not in self._held and not client.idle:
            return False
        self._held[client] = self._held.get(client, b"") + data
        client.steer()
        return True

    def has(self, client: ClientSide) -> bool:
        return client in self._held

    def forget(self, client: ClientSide) -> None:
        """It is gone."""
        self._held.pop(client, None)

    async def pause(self, seconds: float, clients: set[ClientSide]) -> tuple[int, float]:
        """Begins, or goes on for so long from now. How many were not at rest after a while, and until when it is."""
        self.on = True
        if self._end is not None:
            self._end.cancel()
        loop = asyncio.get_running_loop()
        self._end = loop.call_later(seconds, self.resume)
        until = time.time() + seconds
        patience = loop.time() + min(WAIT, seconds / 2)
        busy = _busy(clients)
        while busy and self.on and loop.time() < patience:
            await asyncio.sleep(_LOOK)
            busy = _busy(clients)
        return busy, until

    def resume(self) -> bool:
        """Everything that waits goes on, in the order in which it came. False: nothing was paused."""
        was, self.on = self.on, False
        if self._end is not None:
            self._end.cancel()
            self._end = None
        held, self._held = self._held, {}
        for client, data in held.items():
            client.steer()
            client.data_received(data)
        return was


def _busy(clients: set[ClientSide]) -> int:
    return sum(not client.idle for client in clients)
