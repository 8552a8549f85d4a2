"""Puts another policy in force when one of its times begins or ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from pgguard.policy.model import Policy

if TYPE_CHECKING:
    from pgguard.proxy.services import Services

log = structlog.get_logger()

SECONDS = 1.0


class WindowsWatch:
    """Looks once a second, so that a clock that is set does not matter. A policy without times costs nothing."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Until ``stop``."""
        known = self._services.in_force()
        while not self._stop.is_set():
            try:
                async with asyncio.timeout(SECONDS):
                    await self._stop.wait()
            except TimeoutError:
                known = self.look(known)

    def look(self, known: Policy) -> Policy:
        """What is in force now; sessions are told when it is not ``known``."""
        services = self._services
        now = services.in_force()
        if services.policy.speaks_of_time and now != known:
            services.new_policy(services.policy)
            log.info("other rules by the clock", rules=now.rules_count)
        return now

    def stop(self) -> None:
        self._stop.set()
