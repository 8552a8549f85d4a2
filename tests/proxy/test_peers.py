"""Questions between workers: answered in their order, also when they are long, and a worker that is gone is noticed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from pgguard.errors import PgguardError, StoreUnavailable
from pgguard.proxy.peers import Peers

Pair = tuple[Peers, Peers]


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    left, right = socket.socketpair()
    one, other = Peers(0, {1: left}), Peers(1, {0: right})
    await one.begin()
    await other.begin()
    yield one, other
    one.close()
    other.close()
    await asyncio.sleep(0.01)


async def test_a_question_is_answered_at_once_or_later(pair: Pair) -> None:
    one, other = pair

    async def later(worker: int, number: int) -> int:
        await asyncio.sleep(0)
        return worker * 100 + number

    other.answers.update({"now": lambda worker, number: (worker, number), "later": later})

    assert await one.ask(1, "now", 7) == (0, 7)
    assert await one.ask(1, "later", 7) == 7
    assert await one.ask_all("later", 8) == [8]


async def test_they_are_heard_in_the_order_in_which_they_were_asked(pair: Pair) -> None:
    one, other = pair
    heard: list[int] = []
    other.answers.update({"cast": lambda worker, n: heard.append(n), "ask": lambda worker, n: heard.append(n)})
    asked = []
    for n in range(0, 2000, 2):
        one.cast("cast", n)
        asked.append(one.ask(1, "ask", n + 1))
    await asyncio.gather(*asked)

    assert heard == list(range(2000))


async def test_long_ones_come_whole_in_both_directions(pair: Pair) -> None:
    one, other = pair
    one.answers["echo"] = other.answers["echo"] = lambda worker, data: data
    long = [bytes([n]) * 1_000_000 for n in range(5)]

    assert await asyncio.gather(*(one.ask(1, "echo", data) for data in long)) == long
    assert await asyncio.gather(*(other.ask(0, "echo", data) for data in long)) == long


async def test_what_was_raised_there_is_raised_here(pair: Pair) -> None:
    one, other = pair

    async def fails(worker: int, trouble: Exception) -> None:
        raise trouble

    other.answers["fails"] = fails

    with pytest.raises(StoreUnavailable, match="the disk is full"):
        await one.ask(1, "fails", StoreUnavailable("the disk is full"))
    with pytest.raises(PgguardError, match="ZeroDivisionError"):
        await one.ask(1, "fails", ZeroDivisionError())


async def test_one_that_is_gone_is_told_of_and_leaves_no_question_open(pair: Pair) -> None:
    one, other = pair
    gone: list[int] = []
    one.lost = gone.append

    async def never(worker: int) -> None:
        await asyncio.sleep(3600)

    other.answers["never"] = never
    asked = one.ask(1, "never")
    await asyncio.sleep(0.01)
    other.close()

    with pytest.raises(asyncio.CancelledError):
        await asked
    assert gone == [1]
    one.cast("anything")
