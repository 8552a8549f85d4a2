"""Which server a new connection goes to, where there are several: the one that served last, while it still does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from pgguard.errors import UpstreamUnavailable
from pgguard.proxy.network import Address, shown

log = structlog.get_logger()

T = TypeVar("T")


class Upstreams:
    """``in_recovery`` asks a server, over a connection of pgguard's own, whether it is a standby; it raises
    UpstreamUnavailable. ``read_write``: a standby will not do."""

    def __init__(
        self, addresses: Sequence[Address], in_recovery: Callable[[Address], Awaitable[bool]], *, read_write: bool
    ) -> None:
        self.addresses = tuple(addresses)
        self._in_recovery = in_recovery
        self._read_write = read_write
        self._current = None if read_write and len(self.addresses) > 1 else self.addresses[0]
        self._search: asyncio.Task[Address] | None = None

    async def connect(self, dial: Callable[[Address], Awaitable[T]]) -> T:
        """``dial`` of the server that serves, or of another that will do. Raises UpstreamUnavailable."""
        current = self._current
        if current is not None:
            try:
                return await dial(current)
            except UpstreamUnavailable:
                if len(self.addresses) == 1:
                    raise
        if self._current is None or self._current == current:
            if self._search is None or self._search.done():  # one looks for everybody who waits
                self._search = asyncio.create_task(self._find(current))
            self._current = await asyncio.shield(self._search)
        assert self._current is not None
        return await dial(self._current)

    async def _find(self, failed: Address | None) -> Address:
        said = []
        for address in self.addresses:
            if address == failed:
                continue
            try:
                standby = await self._in_recovery(address)
            except UpstreamUnavailable as trouble:
                said.append(f"{shown(address)}: {trouble}")
                continue
            if not (standby and self._read_write):
                log.info("upstream chosen", upstream=shown(address))
                return address
            said.append(f"{shown(address)}: it is a standby")
        self._current = None
        log.warning("no upstream will do", why="; ".join(said))
        raise UpstreamUnavailable("pgguard can reach no server that will do")

    def is_standby(self) -> bool:
        """Somebody has signed in to a standby. True: it will not do, and the next connection looks for another."""
        if not self._read_write or len(self.addresses) == 1:
            return False
        self._current = None
        return True
