"""Reloads the policy when its file changes, and keeps the last good one when the new one is not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

import structlog
from watchfiles import awatch

from pgguard.errors import PolicyError
from pgguard.policy.load import load
from pgguard.policy.model import Policy
from pgguard.proxy.services import Services

log = structlog.get_logger()

Acceptable = Callable[[Policy], str]


class PolicyWatch:
    """``acceptable`` says why a well-formed policy cannot be used here ("" when it can)."""

    def __init__(self, path: Path, services: Services, acceptable: Acceptable) -> None:
        self._path = path
        self._services = services
        self._acceptable = acceptable
        self._stop = asyncio.Event()
        self._turn = asyncio.Lock()  # one reading at a time: the last one has the file as it is

    async def run(self) -> None:
        """Until ``stop``. The folder is watched, from the first step on: editors replace files."""
        async for changes in awatch(self._path.parent, stop_event=self._stop, recursive=False, step=50, debounce=200):
            if any(Path(name).name == self._path.name for _, name in changes):
                await self.reload()

    def stop(self) -> None:
        self._stop.set()

    async def catch_up(self) -> None:
        """Take what changed between the file's first reading and ``run``."""
        with contextlib.suppress(PolicyError):
            if await asyncio.to_thread(load, self._path) == self._services.policy:
                return
        await self.reload()

    async def reload(self) -> str:
        """Take the file as it is now, if it is good; else why not, in words."""
        async with self._turn:
            return await self._reload()

    async def _reload(self) -> str:
        try:
            policy = await asyncio.to_thread(load, self._path)
            why = self._acceptable(policy)
        except PolicyError as trouble:
            why = str(trouble)
        if why:
            log.error("policy not reloaded, the last good one stays in force", why=why)
            return f"policy not reloaded: {why}"
        self._services.new_policy(policy)
        log.info("policy reloaded", policy=policy.name, rules=policy.rules_count)
        return ""
