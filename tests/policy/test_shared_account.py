"""Accounts that several processes see: each answers as one process alone would, and none goes beyond the limit."""

from __future__ import annotations

import mmap
import multiprocessing
import os
import signal
import time
from multiprocessing.connection import Connection
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.errors import AccountsUnavailable
from pgguard.policy.account import OTHERS, Account, Accounts, Place
from pgguard.policy.shared_account import RESERVED, SharedAccounts, size
from tests.policy.sharing import Steps, shared, sights

WINDOW = 600.0
PROCESSES, CALLERS, LIMIT = 4, 60, 50
PATIENCE = 60.0  # seconds, for processes that have lost their way
fork = multiprocessing.get_context("fork")
forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def place(caller: str, budget: str = "slow-bleed") -> Place:
    return (budget, "rows", (("caller", caller), ("database", "shop")))


ANN = place("ann")

# (whose sight, which account, seconds since the last, what happens, how much)
DOINGS = st.sampled_from(["hold", "release", "settle", "spend", "allow", "size", "warned", "window", "sweep", "write"])
STEPS = st.lists(
    st.tuples(
        st.integers(0, 2), st.sampled_from("abcdé"), st.sampled_from([0, 1, 15, 300]), DOINGS, st.integers(1, 50)
    ),
    max_size=80,
)


def do(accounts: Accounts, caller: str, what: str, amount: int, now: float) -> object:
    """One step of a process."""
    where = place(caller)
    if what == "sweep":
        accounts.sweep(now)
        return None
    if what == "write":
        return {at: account and account.saved(now) for at, account in accounts.changes().items()}
    if what in ("release", "settle"):
        known = accounts.find(where)
        if known is None or not known.holders:
            return None
        amount = min(amount, known.held)
    account = accounts.open(where, WINDOW)
    if what in ("settle", "spend"):
        getattr(account, what)(amount, now)
    elif what == "allow":
        return account.allow(caller, amount, now + amount)
    elif what in ("size", "warned", "window"):
        setattr(account, what, {"size": amount, "warned": amount > 25, "window": WINDOW + amount}[what])
    else:
        getattr(account, what)(amount)
    return None


def all_of_it(accounts: Accounts, now: float) -> list[object]:
    return [(at, answers(account, at[2][0][1], now)) for at, account in accounts.each()]


def answers(one: Account, caller: str, now: float) -> tuple[object, ...]:
    sums = (one.sum(now), one.statements(now), one.allowed(caller, now), one.held, one.holders)
    return (*sums, one.size, one.warned, one.window, one.resets(now), one.empty(now), one.saved(now), one.changed)


@given(STEPS)
def test_several_sights_answer_as_one_process_alone(steps: list[tuple[int, str, int, str, int]]) -> None:
    alone = Accounts()
    several, loop = sights(3)
    now = 1000.0
    for who, caller, seconds, what, amount in steps:
        now += seconds
        accounts = several[0] if what in ("sweep", "write") else several[who]  # the keeper's part

        assert do(alone, caller, what, amount, now) == do(accounts, caller, what, amount, now)
        loop.over()
        for sight in several:
            assert all_of_it(alone, now) == all_of_it(sight, now)
            loop.over()


@given(st.lists(st.text(max_size=63), min_size=1, unique=True, max_size=30))
def test_every_name_is_known_to_the_other_processes(names: list[str]) -> None:
    (one, other), loop = sights(2)
    for number, name in enumerate(names):
        one.open(place(name, name), WINDOW).spend(number + 1, 0.0)
        one.open(place(name, name), WINDOW).allow(name, number + 1, 5.0)
    loop.over()

    assert [account.sum(1.0) for account in map(other.find, [place(n, n) for n in names]) if account] == [
        *range(1, len(names) + 1)
    ]
    assert [account.saved(1.0)[1] for account in map(other.find, [place(n, n) for n in names]) if account] == [
        [(name, number + 1, 5.0)] for number, name in enumerate(names)
    ]


def test_what_finds_no_room_is_counted_together() -> None:
    (one, other), loop = sights(2, accounts=RESERVED + 2)
    for caller in ("ann", "eve", "mallory", "trent"):
        one.open(place(caller), WINDOW).spend(5, 0.0)
    loop.over()

    assert [at for at, _ in other.each()] == [("slow-bleed", "rows", OTHERS), place("ann"), place("eve")]
    assert other.open(place("mallory"), WINDOW).sum(1.0) == 10
    assert other.open(place("eve"), WINDOW).sum(1.0) == 5
    other.open(place("eve", "another"), WINDOW).spend(1, 0.0)  # each budget has its own
    assert other.open(place("mallory"), WINDOW).sum(1.0) == 10


def test_there_is_room_again_when_all_of_them_are_forgotten() -> None:
    (one, other), loop = sights(2, accounts=RESERVED + 1)
    one.open(ANN, WINDOW).spend(5, 0.0)
    one.open(place("eve"), WINDOW).spend(5, 100.0)
    loop.over()
    other.sweep(WINDOW + 1)
    loop.over()
    assert one.open(ANN, WINDOW).sum(WINDOW + 2) == 5  # FAIL CLOSED: who of them it was is not known
    one.sweep(2 * WINDOW)
    one.open(place("eve"), WINDOW).spend(1, 2 * WINDOW)
    loop.over()

    assert [at for at, _ in other.each()] == [place("eve")]


def test_a_place_that_is_too_long_and_a_budget_without_any_room() -> None:
    accounts = shared()
    accounts.open(place("x" * 5000), WINDOW).spend(5, 0.0)
    assert [at for at, _ in accounts.each()] == [("slow-bleed", "rows", OTHERS)]
    with pytest.raises(AccountsUnavailable, match="no room"):
        accounts.open(place("ann", "x" * 5000), WINDOW)
    (full, *_), _ = sights(1, accounts=1)
    full.open(ANN, WINDOW)
    with pytest.raises(AccountsUnavailable, match="no room"):
        full.open(place("ann", "another"), WINDOW)


def test_an_allowance_without_room_is_not_given() -> None:
    account = shared().open(ANN, WINDOW)
    given = sum(account.allow("ann", 1, 100.0) for _ in range(1000))

    assert 20 < given < 1000
    assert account.allowed("ann", 50.0) == given
    assert account.allowed("ann", 100.0) == 0
    assert account.allow("ann", 10**30, 200.0)
    assert account.allowed("ann", 150.0) == 10**30


def test_an_account_that_was_swept_and_made_again_is_another_one() -> None:
    (one, other), loop = sights(2)
    one.open(place("eve"), WINDOW)
    old = one.open(ANN, WINDOW)
    old.spend(5, 0.0)
    loop.over()
    other.sweep(WINDOW + 1)
    other.open(ANN, WINDOW).spend(7, WINDOW + 1)  # where eve's was
    loop.over()

    assert one.find(place("eve")) is None
    assert one.open(ANN, WINDOW).sum(WINDOW + 2) == 7
    with pytest.raises(AccountsUnavailable, match="swept"):
        old.hold(1)


def test_a_step_holds_the_lock_to_its_end() -> None:
    memory, lock, loop = memoryview(bytearray(size(100))), fork.Lock(), Steps()
    accounts = SharedAccounts(memory, lock, loop.later)
    account = accounts.open(ANN, WINDOW)
    assert not lock.acquire(timeout=0)
    accounts.give_back()
    accounts.give_back()
    assert lock.acquire(timeout=0)
    lock.release()
    assert account.sum(0.0) == 0
    assert len(loop.waiting) == 1
    assert not lock.acquire(timeout=0)
    loop.over()
    assert lock.acquire(timeout=0)


def spender(memory: mmap.mmap, lock: Any, number: int, told: Connection, together: Any) -> None:
    """Use up one account after the other, together with the others; tell how much it was that was settled."""
    dice, loop = Random(number), Steps()
    accounts = SharedAccounts(memoryview(memory), lock, loop.later, patience=PATIENCE)
    together.wait(PATIENCE)
    told.send([use_up(accounts, place(str(caller)), dice, loop) for caller in range(CALLERS)])


def use_up(accounts: SharedAccounts, where: Place, dice: Random, loop: Steps) -> int:
    """Hold what fits and settle or release it some steps later, until nothing fits any more."""
    holding: list[tuple[Account, int]] = []
    settled, amount = 0, 0
    until = time.monotonic() + PATIENCE
    while True:
        now = time.monotonic()
        known = accounts.find(where)
        spent = known.sum(now) if known is not None else 0
        over = known is not None and spent == LIMIT and not known.holders
        assert spent <= LIMIT and now < until
        amount = min(dice.randint(1, 3), LIMIT - spent)
        if dice.random() < 0.1:
            time.sleep(0.0001)  # so that the others come between, if they can
        if amount:
            account = accounts.open(where, 1e6)
            account.hold(amount)
            holding.append((account, amount))
        loop.over()
        if over:
            return settled
        if holding and (len(holding) > 3 or not amount):
            account, amount = holding.pop(dice.randrange(len(holding)))
            if dice.random() < 0.7:
                account.settle(amount, time.monotonic())
                settled += amount
            else:
                account.release(amount)
            loop.over()


@forks
def test_processes_spend_exactly_the_limit_together() -> None:
    memory, lock = mmap.mmap(-1, size(CALLERS + RESERVED)), fork.Lock()
    pipes = [fork.Pipe(duplex=False) for _ in range(PROCESSES)]
    together = fork.Barrier(PROCESSES)
    children = [
        fork.Process(target=spender, args=(memory, lock, number, told, together))
        for number, (_, told) in enumerate(pipes)
    ]
    for child in children:
        child.start()
    for _, told in pipes:
        told.close()  # so that a child that fails is heard of
    settled: list[list[int]] = [heard.recv() for heard, _ in pipes]
    for child in children:
        child.join(PATIENCE)

    assert [0] * PROCESSES == [child.exitcode for child in children]
    assert [LIMIT] * CALLERS == [sum(parts) for parts in zip(*settled, strict=True)]
    assert all(map(any, settled))  # nobody did it alone
    accounts = SharedAccounts(memoryview(memory), lock, Steps().later)
    known = [account for _, account in accounts.each()]
    assert [LIMIT] * CALLERS == [account.sum(time.monotonic()) for account in known]
    assert not any(account.held or account.holders for account in known)


def holder(memory: mmap.mmap, lock: Any, told: Connection) -> None:
    SharedAccounts(memoryview(memory), lock, Steps().later).open(ANN, WINDOW).hold(5)
    told.send("held")
    signal.pause()


@forks
def test_a_process_that_dies_within_its_step_stops_the_others() -> None:
    memory, lock = mmap.mmap(-1, size(100)), fork.Lock()
    heard, told = fork.Pipe(duplex=False)
    child = fork.Process(target=holder, args=(memory, lock, told))
    child.start()
    assert heard.poll(60) and heard.recv() == "held"
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join(PATIENCE)
    loop = Steps()
    accounts = SharedAccounts(memoryview(memory), lock, loop.later, patience=0.05)
    for _ in range(3):
        with pytest.raises(AccountsUnavailable, match="does not give them back"):
            accounts.find(ANN)
        with pytest.raises(AccountsUnavailable):
            accounts.sweep(0.0)
    assert not loop.waiting
    lock.release()  # only slow, after all

    account = accounts.find(ANN)
    assert account is not None
    assert account.held == 5
