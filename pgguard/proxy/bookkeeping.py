"""Keeps what was spent of budgets over a restart: read at start, written once a second and at the end, off the path.

Of several processes that share their accounts one is the *keeper*: it alone reads and writes, so it is the first to
begin and the last to end (cli/workers.py).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from pgguard.errors import AccountsUnavailable, StoreUnavailable
from pgguard.policy.account import OTHERS, Account, Accounts, Place
from pgguard.store.budgets import Saved, SavedBudgets

log = structlog.get_logger()

SECONDS = 1.0


class Bookkeeping:
    """``clock`` is the sessions' own, which never goes back; ``wall`` goes on over a restart."""

    def __init__(
        self, accounts: Accounts, saved: SavedBudgets, *, keeper: bool = True,
        clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._accounts = accounts
        self._saved = saved
        self._keeper = keeper
        self._clock = clock
        self._wall = wall
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Before the first client: know what was spent before, and go on writing. Raises StoreUnavailable and, where
        several processes share the accounts, AccountsUnavailable."""
        if self._keeper:
            await self._read()
        self._task = asyncio.create_task(self._run())

    async def _read(self) -> None:
        known = await self._saved.read()
        now = self._clock()
        shift = now - self._wall()
        # Others come last: once they are there, an account that is not is one of them.
        for place, saved in sorted(known.items(), key=lambda one: one[0][2] == OTHERS):
            spent = [(moment + shift, amount, statements) for moment, amount, statements in saved.spent]
            allowed = [(caller, amount, until + shift) for caller, amount, until in saved.allowed]
            self._accounts.open(place, saved.window).restore(spent, allowed, now)
        self._accounts.changes()

    async def close(self) -> None:
        """After the last client."""
        self._stop.set()  # not cancelled: a writing that is under way is to arrive
        if self._task is None:
            return
        await asyncio.gather(self._task, return_exceptions=True)
        self._tell()
        if self._keeper:
            await self.write()

    async def _run(self) -> None:
        while not self._stop.is_set():
            try:
                async with asyncio.timeout(SECONDS):
                    await self._stop.wait()
            except TimeoutError:
                self._tell()
                if self._keeper:
                    await self.write()

    def _tell(self) -> None:
        """Warnings go to the log of the process in which they arose."""
        for warning in self._accounts.warnings:
            log.warning(warning)
        self._accounts.warnings.clear()

    async def write(self) -> None:
        """What changed since the last time. What cannot be written now is written later."""
        try:
            changed = self._changes()
            if changed:
                await self._write(changed)
        except AccountsUnavailable as trouble:
            _not_written(trouble)

    async def _write(self, changed: dict[Place, Saved | None]) -> None:
        try:
            await self._saved.write(changed)
        except StoreUnavailable as trouble:
            self._accounts.mark(changed)
            _not_written(trouble)

    def _changes(self) -> dict[Place, Saved | None]:
        now = self._clock()
        self._accounts.sweep(now)
        changed = self._accounts.changes()
        return {place: self._content(account, now) if account else None for place, account in changed.items()}

    def _content(self, account: Account, now: float) -> Saved:
        if account.held:
            account.changed = True  # it will not stay as it is
        shift = self._wall() - now
        spent, allowed = account.saved(now)
        return Saved(
            account.window,
            [(moment + shift, amount, statements) for moment, amount, statements in spent],
            [(caller, amount, until + shift) for caller, amount, until in allowed],
        )


def _not_written(trouble: Exception) -> None:
    log.warning("what was spent of budgets could not be written down", why=str(trouble))
