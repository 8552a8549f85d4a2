"""Of any number of claimers, in one process or several, exactly one gets an approval; kill -9 changes nothing."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

from pgguard.policy.binding import Filed
from pgguard.store.request import State
from pgguard.store.requests import Store
from tests.store.requests_at_hand import approved, filed, request

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


async def test_processes_that_race_for_approvals_leave_one_winner_each(tmp_path: Path) -> None:
    url, rounds = f"sqlite:///{tmp_path}/state.db", 40
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
    outs = await asyncio.gather(*(asyncio.to_thread(claimer.communicate, "go\n") for claimer in claimers))
    won = sorted(int(line) for out, _ in outs for line in out.split() if line != "0")

    assert won == list(range(1, rounds + 1))

    await store.close()


async def test_the_same_thing_filed_at_once_is_one_request(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    stores = [await Store.open(url, deadline=20.0) for _ in range(2)]
    answers = await asyncio.gather(*(store.file(request()) for store in stores for _ in range(2)))

    assert sorted(answer.tries for answer in answers if isinstance(answer, Filed)) == [1, 2, 3, 4]
    assert {answer.number for answer in answers if isinstance(answer, Filed)} == {1}

    for store in stores:
        await store.close()


async def test_kill_9_leaves_a_usable_store(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
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
