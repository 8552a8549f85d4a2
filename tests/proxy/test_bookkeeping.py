"""What was spent survives a restart, on a clock of another origin; what cannot be written is written later."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from pgguard.policy.account import Accounts, Place
from pgguard.proxy.bookkeeping import Bookkeeping
from pgguard.store.requests import Store

PLACE: Place = ("slow-bleed", "rows", (("caller", "ann"),))
WINDOW = 600.0


class Clocks:
    """The process's own, and the wall's."""

    def __init__(self, own: float, wall: float) -> None:
        self.own = own
        self.wall = wall

    def keeping(self, accounts: Accounts, store: Store) -> Bookkeeping:
        return Bookkeeping(accounts, store.budgets(""), clock=lambda: self.own, wall=lambda: self.wall)


async def after(store: Store, spent_at: Clocks, started_at: Clocks, held: int = 0) -> Accounts:
    accounts = Accounts()
    account = accounts.open(PLACE, WINDOW)
    account.spend(480, spent_at.own)
    account.hold(held)
    account.allow("ann", 500, spent_at.own + 60)
    await spent_at.keeping(accounts, store).write()
    again = Accounts()
    keeping = started_at.keeping(again, store)
    await keeping.begin()
    await keeping.close()
    return again


async def opened(tmp_path: Path) -> Store:
    return await Store.open(f"sqlite:///{tmp_path}/state.db")


async def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    accounts = await after(store, Clocks(5_000.0, 1e9), Clocks(10.0, 1e9 + 30))
    account = accounts.find(PLACE)

    assert account is not None
    assert account.sum(10.0) == 480
    assert account.sum(10.0 + WINDOW - 31) == 480
    assert account.sum(10.0 + WINDOW - 29) == 0
    assert account.allowed("ann", 10.0) == 500
    assert account.allowed("ann", 41.0) == 0
    await store.close()


async def test_a_clock_that_was_set_back_frees_nobody(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    accounts = await after(store, Clocks(5_000.0, 1e9), Clocks(10.0, 1e9 - 3600))
    account = accounts.find(PLACE)

    assert account is not None
    assert account.sum(10.0 + WINDOW - 1) == 480
    await store.close()


async def test_what_was_held_counts_as_spent(tmp_path: Path) -> None:
    """FAIL CLOSED: its COMMIT may have arrived."""
    store = await opened(tmp_path)
    accounts = await after(store, Clocks(5_000.0, 1e9), Clocks(10.0, 1e9 + 1), held=7)
    account = accounts.find(PLACE)

    assert account is not None
    assert account.sum(10.0) == 487
    assert account.held == 0
    await store.close()


async def test_what_cannot_be_written_is_written_later(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    clocks = Clocks(5_000.0, 1e9)
    accounts = Accounts()
    accounts.open(PLACE, WINDOW).spend(3, clocks.own)
    keeping = clocks.keeping(accounts, store)
    async with store._writes.begin() as connection:
        await connection.execute(sa.text("ALTER TABLE pgguard_budgets RENAME TO away"))
    await keeping.write()
    assert accounts.changed == {PLACE}
    async with store._writes.begin() as connection:
        await connection.execute(sa.text("ALTER TABLE away RENAME TO pgguard_budgets"))
    await keeping.write()

    assert accounts.changed == set()
    assert len(await store.budgets("").read()) == 1
    await store.close()


async def test_what_left_the_window_is_forgotten(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    clocks = Clocks(5_000.0, 1e9)
    accounts = Accounts()
    accounts.open(PLACE, WINDOW).spend(3, clocks.own)
    keeping = clocks.keeping(accounts, store)
    await keeping.write()
    assert await store.budgets("").read()
    clocks.own += WINDOW + 1
    clocks.wall += WINDOW + 1
    await keeping.write()

    assert await store.budgets("").read() == {}
    assert accounts.find(PLACE) is None
    await store.close()
