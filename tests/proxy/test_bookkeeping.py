"""What was spent survives a restart, on a clock of another origin; what cannot be written is written later.

Of several processes one reads and writes: the first to begin and the last to end.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from pgguard.policy.account import OTHERS, Accounts, Place
from pgguard.proxy import bookkeeping
from pgguard.proxy.bookkeeping import Bookkeeping
from pgguard.store.requests import Store
from tests.policy.sharing import sights

PLACE: Place = ("slow-bleed", "rows", (("caller", "ann"),))
WINDOW = 600.0


@pytest.fixture(autouse=True)
def _at_leisure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written but when a test says so, however long it takes."""
    monkeypatch.setattr(bookkeeping, "SECONDS", 3600.0)


class Clocks:
    """The process's own, and the wall's."""

    def __init__(self, own: float, wall: float) -> None:
        self.own = own
        self.wall = wall

    def keeping(self, accounts: Accounts, store: Store, **more: Any) -> Bookkeeping:
        return Bookkeeping(accounts, store.budgets(""), clock=lambda: self.own, wall=lambda: self.wall, **more)


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
    async with store._writes.begin() as connection:
        await connection.execute(sa.text("ALTER TABLE away RENAME TO pgguard_budgets"))
    await keeping.write()

    assert not accounts.changes()
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


async def test_what_is_held_is_written_again_and_again(tmp_path: Path) -> None:
    """If it is committed after all, that was not before the last of these moments."""
    store = await opened(tmp_path)
    clocks = Clocks(5_000.0, 1e9)
    accounts = Accounts()
    accounts.open(PLACE, WINDOW).hold(3)
    keeping = clocks.keeping(accounts, store)
    for _ in range(3):
        clocks.own += 100
        clocks.wall += 100
        await keeping.write()

    assert [one.spent for one in (await store.budgets("").read()).values()] == [[(1e9 + 300, 3, 1)]]
    await store.close()


async def test_the_account_of_all_others_swallows_none_that_was_known(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    clocks = Clocks(5_000.0, 1e9)
    keys = {(("caller", name),) for name in "abcdefgh"}
    for part in ([OTHERS], keys):
        before = Accounts()
        for key in part:
            before.open(("slow-bleed", "rows", key), WINDOW).spend(3, clocks.own)
        await clocks.keeping(before, store).write()
    after = Accounts()
    keeping = clocks.keeping(after, store)
    await keeping.begin()
    await keeping.close()

    assert {key for (_, _, key), account in after.each() if account.sum(clocks.own) == 3} == {*keys, OTHERS}
    await store.close()


async def test_one_of_several_processes_reads_and_writes(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    clocks = Clocks(5_000.0, 1e9)
    before = Accounts()
    before.open(PLACE, WINDOW).spend(3, clocks.own)
    await clocks.keeping(before, store).write()

    (mine, other), loop = sights(2)
    keeper, worker = clocks.keeping(mine, store), clocks.keeping(other, store, keeper=False)
    await keeper.begin()
    loop.over()
    await worker.begin()
    other.open(PLACE, WINDOW).spend(4, clocks.own)
    loop.over()
    await worker.close()
    loop.over()
    assert await amounts(store) == [3]
    await keeper.close()
    loop.over()

    assert await amounts(store) == [7]
    await store.close()


async def amounts(store: Store) -> list[int]:
    return [sum(amount for _, amount, _ in one.spent) for one in (await store.budgets("").read()).values()]


async def test_who_is_not_the_keeper_tells_its_own_warnings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bookkeeping, "SECONDS", 0.01)
    store = await opened(tmp_path)
    (mine, other), loop = sights(2)
    keeper, worker = Bookkeeping(mine, store.budgets("")), Bookkeeping(other, store.budgets(""), keeper=False)
    await keeper.begin()
    loop.over()
    await worker.begin()
    with capture_logs() as logs:
        other.warnings.append("nearly spent")
        while not logs:
            loop.over()
            await asyncio.sleep(0.01)

    assert [one["event"] for one in logs] == ["nearly spent"]
    for keeping in (worker, keeper):
        loop.over()
        await keeping.close()
    await store.close()


async def test_accounts_that_are_not_to_be_had_stop_no_writing_for_ever(tmp_path: Path) -> None:
    """A process stopped within its step: the next writing finds them again."""
    store = await opened(tmp_path)
    (mine,), loop = sights(1)
    keeper = Clocks(5_000.0, 1e9).keeping(mine, store)
    await keeper.begin()
    mine.open(PLACE, WINDOW).spend(3, 5_000.0)
    loop.over()
    taken, mine._lock = mine._lock, Taken()
    with capture_logs() as logs:
        await keeper.write()
    assert len(logs) == 1
    mine._lock = taken
    await keeper.close()

    assert len(await store.budgets("").read()) == 1
    await store.close()


class Taken:
    """A lock that nobody gives back."""

    def acquire(self, *, timeout: float) -> bool:
        return False

    def release(self) -> None:
        raise AssertionError
