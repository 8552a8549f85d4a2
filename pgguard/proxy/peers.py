"""Socket pairs to the other workers: questions, answers, and words that want none.

A frame is its length, a number and a pickle; only processes forked from the same parent hold an end of such a pair. A
question has a number above 0 and its answer the same below; 0 wants no answer. Each side hears in the order in which
the other spoke, and hears between two steps of its event loop.
"""

from __future__ import annotations

import asyncio
import pickle
import socket
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from struct import Struct
from typing import Any, cast

import structlog

from pgguard.errors import PgguardError

log = structlog.get_logger()

_HEAD = Struct("!Iq")

Answer = Callable[..., Any]  # of the asking worker's number and what came with the word; may be a coroutine function


class Peers:
    """The other workers, by number. ``answers`` has a function for each word; ``lost`` is called when one is gone."""

    def __init__(self, number: int, ends: Mapping[int, socket.socket]) -> None:
        self.number = number
        self.answers: dict[str, Answer] = {}
        self.lost: Callable[[int], None] = lambda worker: None
        self._ends = dict(ends)
        self._links: dict[int, _Link] = {}

    async def begin(self) -> None:
        """Before the first question, with all ``answers`` in their place."""
        loop = asyncio.get_running_loop()
        for worker, end in self._ends.items():
            _, link = await loop.create_connection(lambda worker=worker: _Link(self, worker), sock=end)  # type: ignore[misc]
            self._links[worker] = link

    def ask(self, worker: int, word: str, *said: object) -> asyncio.Future[Any]:
        """What that worker answers; the exception, if it is one of ours that was raised there."""
        return self._links[worker].ask(word, said)

    def ask_all(self, word: str, *said: object) -> asyncio.Future[list[Any]]:
        """What all the others answer."""
        return asyncio.gather(*(link.ask(word, said) for link in self._links.values()))

    def cast(self, word: str, *said: object, to: int | None = None) -> None:
        """Say it to all the others, or to one."""
        for worker, link in self._links.items():
            if to is None or worker == to:
                link.send(0, (word, said))

    def close(self) -> None:
        """When all of them end."""
        self.lost = lambda worker: None
        for link in self._links.values():
            link.close()


class _Link(asyncio.Protocol):
    def __init__(self, peers: Peers, worker: int) -> None:
        self._peers = peers
        self._worker = worker
        self._transport: asyncio.Transport | None = None
        self._data = b""
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._working: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own are not derived from it

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        for asked in self._asked.values():
            asked.cancel()
        self._peers.lost(self._worker)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def ask(self, word: str, said: tuple[object, ...]) -> asyncio.Future[Any]:
        self._number += 1
        asked = self._asked[self._number] = asyncio.get_running_loop().create_future()
        self.send(self._number, (word, said))
        return asked

    def send(self, number: int, content: object) -> None:
        if self._transport is not None:
            body = pickle.dumps(content)
            self._transport.write(_HEAD.pack(len(body), number) + body)

    def data_received(self, data: bytes) -> None:
        self._data += data
        pos = 0
        while len(self._data) - pos >= _HEAD.size:
            size, number = _HEAD.unpack_from(self._data, pos)
            if len(self._data) - pos < _HEAD.size + size:
                break
            body = self._data[pos + _HEAD.size : pos + _HEAD.size + size]
            pos += _HEAD.size + size
            self._frame(number, pickle.loads(body))
        self._data = self._data[pos:]

    def _frame(self, number: int, content: Any) -> None:
        if number >= 0:
            word, said = content
            self._hear(number, word, said)
            return
        asked = self._asked.pop(-number)
        if asked.cancelled():
            return
        if isinstance(content, PgguardError):
            asked.set_exception(content)
        else:
            asked.set_result(content)

    def _hear(self, number: int, word: str, said: tuple[object, ...]) -> None:
        value = self._peers.answers[word](self._worker, *said)
        if isawaitable(value):
            task = asyncio.get_running_loop().create_task(self._later(number, value))
            self._working.add(task)
            task.add_done_callback(self._working.discard)
        elif number:
            self.send(-number, value)

    async def _later(self, number: int, work: Awaitable[Any]) -> None:
        try:
            value = await work
        except PgguardError as trouble:
            value = trouble
        except Exception as trouble:
            log.exception("a question of another worker failed", worker=self._worker)
            value = PgguardError(type(trouble).__name__)
        if number:
            self.send(-number, value)
