"""``pgguard serve --workers N``: the parent of N processes, each a whole pgguard, that stand on one port.

The parent binds the sockets, makes what the workers share, forks, and then only watches. FAIL CLOSED: when a worker
ends that should not, all of them end, as PostgreSQL's server processes do: what it was about to do nobody knows.
"""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

import structlog

from pgguard.cli.part import DRAINED, END, START, Part
from pgguard.policy.shared_account import size
from pgguard.proxy.network import Address, shown
from pgguard.proxy.shared_listening import bind, unlink

log = structlog.get_logger()

_LAST = 10.0  # seconds that a worker has to end when all of them must


@dataclass(slots=True)
class _Child:
    number: int
    pid: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def says(self) -> bytes:
        """A line, or b"" when it is gone."""
        try:
            return await self.reader.readline()
        except OSError:
            return b""


def supervise(places: Sequence[Address], workers: int, work: Callable[[Part], int]) -> int:
    """Run ``work`` in so many processes until they are told to stop. The exit code. Raises ConfigError."""
    listening: list[Address] = []
    sockets: list[list[socket.socket]] = [[] for _ in range(workers)]
    for place in places:
        name, each = bind(place, workers)
        listening.append(name)
        for mine, more in zip(sockets, each, strict=True):
            mine += more
    pairs = {(a, b): socket.socketpair() for a in range(workers) for b in range(a)}
    ways = [socket.socketpair() for _ in range(workers)]
    counts = memoryview(mmap.mmap(-1, 8 * workers)).cast("q")
    budgets = memoryview(mmap.mmap(-1, size()))
    lock = multiprocessing.get_context("fork").Lock()
    every = [one for group in (*sockets, *pairs.values(), *ways) for one in group]
    pids = []
    for number in range(workers):
        ends = {a + b - number: pair[number == b] for (a, b), pair in pairs.items() if number in (a, b)}
        part = Part(number, tuple(sockets[number]), ends, ways[number][1], counts, budgets, lock)
        pid = os.fork()
        if not pid:
            _close_but(every, [*part.sockets, *ends.values(), part.parent])
            _work(part, work)
        pids.append(pid)
    _close_but(every, [way[0] for way in ways])
    try:
        return asyncio.run(_watch(pids, [way[0] for way in ways], ",".join(map(shown, listening))))
    finally:
        unlink(listening)


def _close_but(every: list[socket.socket], own: list[socket.socket]) -> None:
    """A copy that somebody else still holds would keep a connection, or a place in a queue, open."""
    for one in every:
        if one not in own:
            one.close()


def _work(part: Part, work: Callable[[Part], int]) -> NoReturn:
    code = 1
    try:
        if part.keeps or part.parent.recv(len(START)) == START:
            code = work(part)
    except Exception:
        log.exception("a worker failed", worker=part.number)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


async def _watch(pids: list[int], ends: list[socket.socket], listening: str) -> int:
    children = []
    for number, (pid, end) in enumerate(zip(pids, ends, strict=True)):
        end.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=end)
        children.append(_Child(number, pid, reader, writer))
    _follow_signals(children)
    code = await _started(children, listening)
    return await _ended(children) if code is None else code


def _follow_signals(children: list[_Child]) -> None:
    loop = asyncio.get_running_loop()
    for come, go in ((signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM), (signal.SIGHUP, signal.SIGHUP)):
        loop.add_signal_handler(come, _kill, children, go)


async def _started(children: list[_Child], listening: str) -> int | None:
    """The first alone: it makes what is not there yet (state, key of tokens), and says what is wrong. None: all are."""
    said = b""
    for child in children:
        if child.number:
            child.writer.write(START)
        said = await child.says()
        if not said:
            _kill(children, signal.SIGTERM)
            codes = [await _reaped(one) for one in children]
            return codes[child.number] or 1
    print(f"pgguard ready: listen={listening} {said.decode().strip()} workers={len(children)}", flush=True)
    return None


async def _ended(children: list[_Child]) -> int:
    """Wait until all of them were told to stop and have nothing under way; then the keeper of the audit goes last."""
    drained = [asyncio.create_task(child.says()) for child in children]
    await asyncio.wait(drained, return_when=asyncio.FIRST_COMPLETED)
    while all(task.result() == DRAINED for task in drained if task.done()):
        if all(task.done() for task in drained):
            for child in reversed(children):
                child.writer.write(END)
                await _reaped(child)
            return 0
        await asyncio.wait([task for task in drained if not task.done()], return_when=asyncio.FIRST_COMPLETED)
    for child, task in zip(children, drained, strict=True):
        if task.done() and task.result() != DRAINED:
            log.error("a worker ended: all of them end", worker=child.number, pid=child.pid)
    _kill(children, signal.SIGTERM)
    for child in children:
        await _reaped(child)
    return 1


async def _reaped(child: _Child) -> int:
    """Wait for its end, not for ever; the exit code."""
    for _ in range(int(_LAST / 0.02)):
        code = _code(child.pid)
        if code is not None:
            return code
        await asyncio.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    return 1


def _code(pid: int) -> int | None:
    """None: it runs."""
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _kill(children: list[_Child], number: signal.Signals) -> None:
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, number)
