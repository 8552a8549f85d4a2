"""Keeps what was spent of budgets over a restart: read at start, written once a second and at the end, off the path."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from pgguard.errors import StoreUnavailable
from pgguard.policy.account import Accounts, Place
from pgguard.store.budgets import Saved, SavedBudgets

log = structlog.get_logger()

SECONDS = 1.0


class Bookkeeping:
    """``clock`` is the sessions' own, which never goes back; ``wall`` goes on over a restart."""

    def __init__(
        self, accounts: Accounts, saved: SavedBudgets, *, clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._accounts = accounts
        self._saved = saved
        self._clock = clock
        self._wall = wall
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Before the first client: know what was spent before, and go on writing. Raises StoreUnavailable."""
        now = self._clock()
        shift = now - self._wall()
        for place, saved in (await self._saved.read()).items():
            spent = [(moment + shift, amount, statements) for moment, amount, statements in saved.spent]
            allowed = [(caller, amount, until + shift) for caller, amount, until in saved.allowed]
            self._accounts.open(place, saved.window).restore(spent, allowed, now)
        self._accounts.changed.clear()
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """After the last client."""
        self._stop.set()  # not cancelled: a writing that is under way is to arrive
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        await self.write()

    async def _run(self) -> None:
        while not self._stop.is_set():
            try:
                async with asyncio.timeout(SECONDS):
                    await self._stop.wait()
            except TimeoutError:
                await self.write()

    async def write(self) -> None:
        """What changed since the last time. What cannot be written now is written later."""
        accounts = self._accounts
        for warning in accounts.warnings:
            log.warning(warning)
        accounts.warnings.clear()
        now = self._clock()
        accounts.sweep(now)
        if not accounts.changed:
            return
        changed, accounts.changed = accounts.changed, set()
        try:
            await self._saved.write({place: self._content(place, now) for place in changed})
        except StoreUnavailable as trouble:
            accounts.changed |= changed
            log.warning("what was spent of budgets could not be written down", why=str(trouble))

    def _content(self, place: Place, now: float) -> Saved | None:
        account = self._accounts.find(place)
        if account is None:
            return None
        if account.held:
            self._accounts.changed.add(place)  # it will not stay as it is
        shift = self._wall() - now
        spent, allowed = account.saved(now)
        return Saved(
            account.window,
            [(moment + shift, amount, statements) for moment, amount, statements in spent],
            [(caller, amount, until + shift) for caller, amount, until in allowed],
        )
