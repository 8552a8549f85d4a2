"""Of any number of claimers, in one process or several, exactly one gets an approval; kill -9 changes nothing."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pgguard.policy.account import Place
from pgguard.policy.binding import Approval, Filed
from pgguard.store.budgets import Saved
from pgguard.store.request import State
from pgguard.store.requests import Store
from tests.store.requests_at_hand import BOB, Clock, approved, binding, filed, request

CLAIMER = """
import asyncio, sys
from pgguard.errors import StoreUnavailable
from pgguard.store.requests import Store
async def main():
    store = await Store.open(sys.argv[1], deadline=20.0)
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(1, int(sys.argv[2]) + 1):
        while True:
            try:
                said = await store.claim((number,))
                break
            except StoreUnavailable:
                pass
        print(number if not said else 0, flush=True)
    await store.close()
asyncio.run(main())
"""
FILER = """
import asyncio, sys
from pgguard.store.requests import Store
from tests.store.requests_at_hand import BOB, filed
async def main():
    store = await Store.open(sys.argv[1], deadline=20.0)
    for n in range(100000):
        number = await filed(store, f"delete {n}", caller=f"c{n}")
        await store.approve(number, BOB)
        await store.claim((number,))
        print(number, flush=True)
asyncio.run(main())
"""


async def test_tasks_that_race_for_an_approval_leave_one_winner(store: Store) -> None:
    for round_ in range(15):
        number = await approved(store, f"delete {round_}")
        answers = await asyncio.gather(*(store.claim((number,)) for _ in range(6)))

        assert answers.count("") == 1
        assert set(answers) == {"", f"request {number}: it was used already"}


@pytest.mark.parametrize("other", ["withdrawn", "denied"])
async def test_what_is_taken_back_while_it_is_claimed_is_one_or_the_other(store: Store, other: str) -> None:
    for round_ in range(15):
        number = await approved(store, f"delete {round_}")
        took_back = store.withdraw(number, "ann") if other == "withdrawn" else store.deny(number, BOB, "no")
        claims = [store.claim((number,)) for _ in range(2)]
        first, second, answer = await asyncio.gather(*claims, took_back)
        state = (await store.show(number)).state  # type: ignore[union-attr]

        assert state == ("used" if "" in (first, second) else other)
        assert answer.refused == (state == "used")
        assert (first, second).count("") <= 1


async def test_processes_that_race_for_approvals_leave_one_winner_each(state_url: str) -> None:
    url, rounds = state_url, 40
    store = await Store.open(url, deadline=20.0)
    for round_ in range(rounds):
        await approved(store, f"delete {round_}")
    pipe = subprocess.PIPE
    claimers = [
        subprocess.Popen([sys.executable, "-c", CLAIMER, url, str(rounds)], stdin=pipe, stdout=pipe, text=True)
        for _ in range(2)
    ]
    for claimer in claimers:
        assert claimer.stdout is not None
        assert claimer.stdout.readline() == "ready\n"
    outs = await asyncio.gather(*(asyncio.to_thread(claimer.communicate, "go\n", 120) for claimer in claimers))
    won = sorted(int(line) for out, _ in outs for line in out.split() if line != "0")

    assert won == list(range(1, rounds + 1))

    await store.close()


async def test_the_same_thing_filed_at_once_is_one_request(state_url: str) -> None:
    stores = [await Store.open(state_url, deadline=20.0) for _ in range(2)]
    answers = await asyncio.gather(*(store.file(request()) for store in stores for _ in range(2)))

    assert sorted(answer.tries for answer in answers if isinstance(answer, Filed)) == [1, 2, 3, 4]
    assert {answer.number for answer in answers if isinstance(answer, Filed)} == {1}

    for store in stores:
        await store.close()


async def test_one_that_expires_between_being_found_and_being_claimed(store: Store, clock: Clock) -> None:
    number = await approved(store)
    assert isinstance(await store.find(binding()), Approval)
    clock.now += 1800

    assert await store.claim((number,)) == f"request {number}: it expired"


async def test_what_two_nodes_spent_of_budgets_at_once_is_all_there(state_url: str) -> None:
    """Each counts for itself: neither writes over the other's."""
    stores = [await Store.open(state_url, deadline=20.0) for _ in range(2)]
    place: Place = ("slow-bleed", "rows", (("caller", "ann"),))
    nodes = [store.budgets(f"node {n}") for n, store in enumerate(stores)]
    for spent in range(1, 6):
        await asyncio.gather(*(
            node.write({place: Saved(60.0, [(1.0, spent * number, 1)], ())}) for number, node in enumerate(nodes, 1)
        ))  # fmt: skip

    assert [(await node.read())[place].spent for node in nodes] == [[(1.0, 5, 1)], [(1.0, 10, 1)]]
    for store in stores:
        await store.close()


async def test_kill_9_leaves_a_usable_store(state_url: str) -> None:
    url = state_url
    root = Path(__file__).resolve().parents[2]
    last = 0
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", FILER, url], stdout=subprocess.PIPE, text=True, cwd=root) as filer:
            assert filer.stdout is not None
            seen = [filer.stdout.readline() for _ in range(5)]
            time.sleep(0.013)
            filer.send_signal(signal.SIGKILL)
            seen += filer.stdout.read().splitlines()
        last = max(int(line) for line in seen if line.strip())
        store = await Store.open(url, deadline=20.0)

        # What was reported as used stays used.
        assert (await store.show(last)).state is State.USED  # type: ignore[union-attr]
        assert await filed(store, "afterwards", caller=f"after {last}") > last

        await store.close()
