"""Long texts are read in processes of their own: started when the first comes, ended and started again when one hangs.

Two of them, so that a short wait is not spent behind the longest texts that there are. What ends or outlasts its
process is answered with an opaque text: nothing is allowed because it could not be read.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import pickle
import signal
import sys

import structlog

from pgguard.proxy.reading_process import LENGTH, SMALL
from pgguard.sql.read import unread
from pgguard.sql.statement import ReadText

log = structlog.get_logger()

# The process watches its processor time itself. This is for one that hangs, or a machine that is very busy.
SECONDS = 60.0
START_SECONDS = 20.0
MOST_WAITING = 64
_LONGEST_ANSWER = 64 * 1024 * 1024
_PIECE = 256 * 1024
# A process that read so much keeps more memory than a new one takes.
_GROWN = 8 * 1024 * 1024


class Readers:
    """One for texts of up to ``SMALL`` bytes, one for longer ones."""

    def __init__(self) -> None:
        self._small = Reader()
        self._long = Reader()

    async def read(self, text: bytes) -> ReadText:
        """What ``sql.examine`` says of it. Never raises for any text."""
        return await (self._small if len(text) <= SMALL else self._long).read(text)

    async def close(self) -> None:
        await self._small.end()
        await self._long.end()


class Reader:
    """One process at most, one text at a time; the others wait in the order in which they came."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._process: asyncio.subprocess.Process | None = None

    async def read(self, text: bytes) -> ReadText:
        if self._waiting >= MOST_WAITING:
            return unread(text, "too many long texts wait to be read")
        self._waiting += 1
        try:
            async with self._turn:
                return await self._read(text)
        finally:
            self._waiting -= 1

    async def _read(self, text: bytes) -> ReadText:
        whole = False
        try:
            if self._process is None or self._process.returncode is not None:
                async with asyncio.timeout(START_SECONDS):
                    self._process = await _start()
            async with asyncio.timeout(self._seconds):
                found = await _ask(self._process, text)
            whole = len(text) < _GROWN
            return found
        except TimeoutError:
            why = f"reading the text took longer than {self._seconds:g} s"
        except (OSError, EOFError):
            why = await self._cause()
        except pickle.UnpicklingError as trouble:
            why = f"what was read of the text cannot be understood: {trouble}"
        finally:
            if not whole:
                await self.end()
        log.warning("a text was not read", bytes=len(text), why=why)
        return unread(text, why)

    async def _cause(self) -> str:
        if self._process is not None and await self._process.wait() == -signal.SIGXCPU:
            return "reading the text took too much processor time"
        return "the text ended the process that read it"

    async def end(self) -> None:
        """End the process, whatever it does."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _start() -> asyncio.subprocess.Process:
    # -P and a path of our own: what lies in the folder that we happen to stand in is not imported.
    path = os.pathsep.join(entry for entry in sys.path if entry) or os.getcwd()
    return await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "pgguard.proxy.reading_process", stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, env={"PYTHONPATH": path},
    )  # fmt: skip


async def _ask(process: asyncio.subprocess.Process, text: bytes) -> ReadText:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(LENGTH.pack(len(text)))
    for at in range(0, len(text), _PIECE):
        process.stdin.write(text[at : at + _PIECE])
        await process.stdin.drain()
    (size,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
    if size > _LONGEST_ANSWER:
        raise pickle.UnpicklingError(f"it has {size} bytes")
    return _Plain.load_read(await process.stdout.readexactly(size))


class _Plain(pickle.Unpickler):
    """FAIL CLOSED: whatever became of that process, its answer is a ``ReadText`` and runs nothing here."""

    @classmethod
    def load_read(cls, data: bytes) -> ReadText:
        try:
            found = cls(io.BytesIO(data)).load()
        except Exception as trouble:
            raise pickle.UnpicklingError(str(trouble)) from None
        if not isinstance(found, ReadText):
            raise pickle.UnpicklingError("it is something else")
        return found

    def find_class(self, module: str, name: str) -> object:
        if module == "pgguard.sql.statement" and "." not in name and name[:1].isupper():
            return super().find_class(module, name)
        if (module, name) == ("builtins", "frozenset"):
            return frozenset
        raise pickle.UnpicklingError(f"it names {module}.{name}")
