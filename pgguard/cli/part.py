"""One worker of several: what it was given when it was forked, and what it and its parent say to each other."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from multiprocessing.synchronize import Lock

import structlog

from pgguard.proxy.audit_elsewhere import KEEPER

log = structlog.get_logger()

# A worker says one line when it is ready, and DRAINED when nothing is under way any more; the parent START and END.
START, DRAINED, END = b"start\n", b"drained\n", b"end\n"


@dataclass(frozen=True, slots=True)
class Part:
    """What one worker has of its own, and what it shares. ``ends``: of the socket pairs to the others, by number;
    ``parent``: of the one to the parent; ``counts``: clients of each; ``budgets`` and ``lock``: for SharedAccounts."""

    number: int
    sockets: tuple[socket.socket, ...]
    ends: dict[int, socket.socket]
    parent: socket.socket
    counts: memoryview
    budgets: memoryview
    lock: Lock

    @property
    def keeps(self) -> bool:
        """Whether it is the one that has the audit file and writes down budgets."""
        return self.number == KEEPER


class Parent:
    """The parent, as a worker has it. ``failed``: this worker must end at once, with an exit code that says so."""

    def __init__(self, stop: asyncio.Event, writer: asyncio.StreamWriter) -> None:
        self.failed = False
        self._stop = stop
        self._writer = writer
        self._ending = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self._leaving = False

    @classmethod
    async def of(cls, part: Part, stop: asyncio.Event) -> Parent:
        """Listens to it from now on. ``stop`` is set when this worker must end."""
        reader, writer = await asyncio.open_connection(sock=part.parent)
        parent = cls(stop, writer)
        parent._listening = asyncio.create_task(parent._listen(reader))
        return parent

    def say(self, line: str) -> None:
        self._writer.write(f"{line}\n".encode())

    def broken(self, worker: int) -> None:
        """Another worker is gone."""
        if not self._leaving:
            log.error("another worker is gone: this one ends", worker=worker)
            self.failed = True
            self._stop.set()

    async def drained(self) -> None:
        """Nothing is under way here any more; returns when that is so everywhere."""
        self._leaving = True
        if not self.failed:
            self._writer.write(DRAINED)
            await self._ending.wait()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            line = await reader.readline()
        except OSError:
            line = b""
        if line != END:
            log.error("the parent process is gone: this worker ends")
            self.failed = True
            self._stop.set()
        self._ending.set()
