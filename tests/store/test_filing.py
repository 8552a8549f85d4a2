"""Many requests that come at once: few commits, each its own answer, and none for the trouble of another."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from pgguard.errors import StoreUnavailable
from pgguard.policy.binding import Filed
from pgguard.store.database import BUSY_MS
from pgguard.store.lifecycle import MOST_OPEN, TooMany
from pgguard.store.requests import Store
from tests.store.requests_at_hand import BOB, filed, request, tamper


async def test_a_flood_is_few_commits_and_everybody_is_answered(store: Store) -> None:
    """When each was a transaction of its own, those of one process locked each other out of SQLite."""
    commits: list[object] = []
    sa.event.listen(store._writes.sync_engine, "commit", commits.append)
    answers = await asyncio.gather(*(store.file(request(f"delete {n}", caller=f"c{n}")) for n in range(300)))

    assert sorted(answer.number for answer in answers if isinstance(answer, Filed)) == list(range(1, 301))
    assert len(commits) < 10
    for n, answer in enumerate(answers):
        assert isinstance(answer, Filed)
        assert (await store.show(answer.number)).asked == request(f"delete {n}", caller=f"c{n}")  # type: ignore[union-attr]


async def test_within_one_transaction_all_rules_hold(store: Store) -> None:
    denied = await filed(store, "denied")
    await store.deny(denied, BOB, "no")
    texts = ["same", "denied", "same", *(f"delete {n}" for n in range(MOST_OPEN)), "same", "denied"]
    answers = await asyncio.gather(*(store.file(request(text)) for text in texts))

    assert [answers[n] for n in (0, 2, -2)] == [Filed(2, 1), Filed(2, 2), Filed(2, 3)]
    assert [answers[n] for n in (1, -1)] == [Filed(1, 2, "no"), Filed(1, 3, "no")]
    assert [type(answer) for answer in answers[3:-2]] == [Filed] * (MOST_OPEN - 1) + [TooMany]
    assert answers[-3] == TooMany(tuple(range(2, MOST_OPEN + 2)))
    assert [(await store.show(n)).tries for n in (1, 2, 3)] == [3, 3, 1]  # type: ignore[union-attr]


async def test_what_goes_ahead_alone_is_a_request_each_time(store: Store) -> None:
    alone = replace(request(), review=True)
    answers = await asyncio.gather(*(store.file(each) for each in (alone, request(), alone)))

    assert answers == [Filed(1), Filed(2), Filed(3)]
    assert [(await store.show(n)).state for n in (1, 2, 3)] == ["to review", "open", "to review"]  # type: ignore[union-attr]


async def test_what_cannot_be_filed_is_nobody_elses_trouble(store: Store) -> None:
    await filed(store, "damaged")
    await tamper(store, "update pgguard_requests set votes = 'nonsense'")
    asked = [request("damaged"), request("fine"), replace(request("broken"), reason="\ud800"), request("fine too")]
    answers = await asyncio.gather(*(store.file(one) for one in asked), return_exceptions=True)

    assert [type(answer) for answer in answers] == [StoreUnavailable, Filed, StoreUnavailable, Filed]


async def test_nobody_hears_a_number_that_is_not_kept(store: Store) -> None:
    def fails(_connection: object) -> None:
        raise OSError("no space left on device")

    sa.event.listen(store._writes.sync_engine, "commit", fails)
    answers = await asyncio.gather(*(store.file(request(f"{n}")) for n in range(5)), return_exceptions=True)
    sa.event.remove(store._writes.sync_engine, "commit", fails)

    assert [type(answer) for answer in answers] == [StoreUnavailable] * 5
    assert await store.listing() == ()
    assert isinstance(await store.file(request("0")), Filed)  # and it goes on


@pytest.mark.parametrize("known", [0, 2000])
async def test_what_ends_is_found_without_reading_all_there_ever_was(store: Store, known: int) -> None:
    """Each filing looks for requests whose time is over: by an index, or it is slower with every one that is kept."""
    await asyncio.gather(*(store.file(request(f"{n}", caller=f"c{n}")) for n in range(known)))
    async with store._writes.begin() as connection:
        if connection.dialect.name == "postgresql":
            await connection.execute(sa.text("set local enable_seqscan = off"))
        how = "explain query plan" if connection.dialect.name == "sqlite" else "explain"
        looked = "select number from pgguard_requests where state in ('open', 'approved') and expires <= 1"
        plan = (await connection.execute(sa.text(f"{how} {looked}"))).all()

    assert "pgguard_requests_ends" in str(plan)


async def test_it_waits_for_another_process_that_writes(tmp_path: Path) -> None:
    """Another worker, or pgguard approve: each takes the file for a moment, and several of them can be unlucky."""
    store = await Store.open(f"sqlite:///{tmp_path}/state.db")
    with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        asyncio.get_running_loop().call_later(3 * BUSY_MS / 1000, other.execute, "ROLLBACK")
        answer = await store.file(request())
    await store.close()

    assert answer == Filed(1, 1)
