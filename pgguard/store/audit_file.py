"""The audit file: appends sealed records to a chain, as its only writer."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import stat
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from pgguard.audit.chain import DROPPED, Link, continued_note, cut_short, note, read, seal, torn_note
from pgguard.audit.record import AuditRecord
from pgguard.audit.redact import redact
from pgguard.errors import ConfigError, StoreUnavailable

_QUEUED = 20_000  # records
_QUEUED_TEXT = 32 << 20  # characters of statements
_BATCH = 500
_PAUSE = 0.01  # seconds in which a batch gathers: one write to the file for all of it
_RETRY = 1.0  # seconds between tries while the disk takes nothing


class AuditFile:
    """One chain, one writer. ``write`` returns when the record is in the file, ``queue`` at once.

    A queued record has the time at which it was queued, and its place in the chain when it was written.
    """

    def __init__(
        self, handle: int, path: Path, link: Link, size: int, *, node: str, server: str,
        sync: bool, redacted: bool, clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self._handle = handle
        self._path = path
        self._link = link
        self._size = size
        self._node = node
        self._server = server
        self._sync = sync
        self._redacted = redacted
        self._clock = clock
        self._waiting: deque[tuple[float, AuditRecord]] = deque()
        self._waiting_text = 0
        self._dropped = 0
        self._drain: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()  # one at a time gives the file to the disk, or takes another file
        self.trouble = ""  # why the last records were not written, "" when they were
        self.tell: Callable[[str], None] = lambda trouble: None  # that ``trouble`` is another now
        self.gap = 0  # so many records were missing when it was opened

    @classmethod
    def open(
        cls, path: str | Path, node: str, *, server: str = "", sync: bool = False, redacted: bool = False,
        clock: Callable[[], float] = time.time, known: Link | None = None,
    ) -> AuditFile:  # fmt: skip
        """Opens the file, made with mode 0600, and goes on with its chain. ``sync``: every write waits for the disk.
        ``known``: a record that was written before, in this file or an earlier one; what is missing up to it is noted.

        Raises ConfigError when it cannot be written, has another writer, or does not end in a record of ours.
        """
        path = Path(path)
        handle = _opened(path)
        try:
            found = os.fstat(handle)
            ordinary = stat.S_ISREG(found.st_mode)
            link, torn = _end(handle, path, found.st_size) if ordinary else (Link(), b"")
            if ordinary and known is not None:
                _must_hold(handle, path, found.st_size, known)
            if found.st_size and os.pread(handle, 1, found.st_size - 1) != b"\n":
                os.write(handle, b"\n")
            size = os.fstat(handle).st_size
            file = cls(handle, path, link, size, node=node, server=server, sync=sync, redacted=redacted, clock=clock)
            if torn:
                file._append([(clock(), torn_note(torn))])
            if ordinary and known is not None and known.seq > file._link.seq:
                missing = known.seq - file._link.seq if found.st_size else 0
                file.gap = missing
                file._link = known
                file._append([(clock(), continued_note(known, missing))])
        except (OSError, StoreUnavailable) as trouble:
            os.close(handle)
            raise ConfigError(f"audit file {path}: {_words(trouble)}") from None
        except ConfigError:
            os.close(handle)
            raise
        return file

    async def write(self, record: AuditRecord) -> None:
        """Returns when the record is in the file. Raises StoreUnavailable when it surely is not, or when
        the disk did not confirm it (``sync``)."""
        self.write_now(record)
        if self._sync:
            try:
                await asyncio.to_thread(os.fsync, self._handle)
            except OSError as trouble:
                raise StoreUnavailable(f"audit file {self._path}: {_words(trouble)}") from trouble

    def write_now(self, record: AuditRecord) -> None:
        """The same without waiting for the disk to confirm it."""
        self._append([(self._clock(), record)])

    @property
    def waits_for_disk(self) -> bool:
        """Whether ``write`` is more than ``write_now``."""
        return self._sync

    def queue(self, record: AuditRecord) -> None:
        """Takes the record for writing soon; needs a running loop. Never blocks and never raises for the disk's sake:
        what does not fit in is counted, and the count is written when there is room again."""
        if len(self._waiting) >= _QUEUED or self._waiting_text + len(record.statement) > _QUEUED_TEXT:
            self._dropped += 1
            return
        self._waiting.append((self._clock(), record))
        self._waiting_text += len(record.statement)
        if self._drain is None or self._drain.done():
            self._drain = asyncio.get_running_loop().create_task(self._write_waiting(), name="audit")

    @property
    def end(self) -> Link:
        """The last record."""
        return self._link

    async def on_disk(self) -> Link:
        """The last record, once the disk has it. Raises StoreUnavailable."""
        async with self._turn:
            link = self._link
            try:
                await asyncio.to_thread(os.fsync, self._handle)
            except OSError as trouble:
                if trouble.errno != errno.EINVAL:  # a pipe has no disk
                    raise StoreUnavailable(f"audit file {self._path}: {_words(trouble)}") from trouble
            return link

    async def reopen(self) -> bool:
        """After the file was moved away (logrotate): a new one under its name, with the chain going on in it. False:
        it is the same file still. Raises ConfigError, and then goes on with the old one."""
        async with self._turn:
            if not stat.S_ISREG(os.fstat(self._handle).st_mode) or _same(self._handle, self._path):
                return False
            handle, old, size = _opened(self._path), self._handle, self._size
            if os.fstat(handle).st_size:
                os.close(handle)
                raise ConfigError(f"audit file {self._path}: there is another file in its place already")
            self._handle, self._size = handle, 0
            try:
                self._append([(self._clock(), continued_note(self._link))])
            except StoreUnavailable as trouble:
                self._handle, self._size = old, size
                os.close(handle)
                raise ConfigError(str(trouble)) from None
            with suppress(OSError):
                await asyncio.to_thread(os.fsync, old)
            os.close(old)
            return True

    async def close(self) -> None:
        """Writes what is queued (once; a disk that takes nothing loses it), then lets go of the file."""
        if self._drain is not None:
            self._drain.cancel()
            await asyncio.wait({self._drain})
        try:
            while self._waiting:
                self._write_batch()
        finally:
            handle, self._handle = self._handle, -1
            if handle >= 0:
                with suppress(OSError):
                    os.fsync(handle)
                os.close(handle)

    async def _write_waiting(self) -> None:
        while self._waiting:
            await asyncio.sleep(_PAUSE if len(self._waiting) < _BATCH else 0)  # sessions go first
            try:
                self._write_batch()
            except StoreUnavailable:
                await asyncio.sleep(_RETRY)

    def _troubled(self, trouble: str) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            self.tell(trouble)

    def _write_batch(self) -> None:
        batch = [self._waiting[n] for n in range(min(_BATCH, len(self._waiting)))]
        if self._dropped:
            lost = note(DROPPED, f"{self._dropped} records of proved writes were not kept: the queue was full")
            self._append([*batch, (self._clock(), lost)])
            self._dropped = 0
        else:
            self._append(batch)
        for _, record in batch:
            self._waiting.popleft()
            self._waiting_text -= len(record.statement)

    def _append(self, records: list[tuple[float, AuditRecord]]) -> None:
        link = self._link
        lines = b""
        for moment, record in records:
            if self._redacted and record.kind != "note":
                record = record._replace(statement=redact(record.statement))
            line, link = seal(record, link, time=moment, node=self._node, server=self._server)
            lines += line
        try:
            if self._handle < 0:
                raise OSError(errno.EBADF, "it is closed")
            self._all_or_nothing(lines)
        except OSError as trouble:
            words = f"audit file {self._path}: {_words(trouble)}"
            self._troubled(words)
            raise StoreUnavailable(words) from trouble
        self._link = link
        self._troubled("")

    def _all_or_nothing(self, lines: bytes) -> None:
        written = 0
        try:
            while written < len(lines):
                written += os.write(self._handle, lines[written:])
        except OSError:
            if written:
                # Half a line must not stay in front of the next one. We are the only writer: cut it off again.
                os.ftruncate(self._handle, self._size)
            raise
        self._size += written


def _opened(path: Path) -> int:
    """A handle for appending, as the only writer. Raises ConfigError."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY, 0o600)
    except OSError as trouble:
        raise ConfigError(f"audit file {path}: {_words(trouble)}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise ConfigError(f"audit file {path}: another process writes to it") from None
    return handle


def _same(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _must_hold(handle: int, path: Path, size: int, known: Link) -> None:
    """FAIL CLOSED: a file that has another record in the place of the ``known`` one was written anew."""
    for line in _lines_backwards(handle, size):
        values = read(line)
        if isinstance(values, dict) and values["seq"] <= known.seq:
            if values["seq"] == known.seq and values["hash"] != known.hash:
                raise ConfigError(
                    f"audit file {path}: record {known.seq} is not the one that the state store knows; "
                    "move the file away to begin a new one"
                )
            return


def _end(handle: int, path: Path, size: int) -> tuple[Link, bytes]:
    """Where the chain goes on, and the bytes (with a line feed at their end) that a crash left behind it."""
    torn: list[bytes] = []
    link = Link()
    for line in _lines_backwards(handle, size):
        values = read(line)
        if isinstance(values, dict):
            link = Link(values["seq"], values["hash"])
            break
        torn.append(line + b"\n")
    if not all(cut_short(line, link) for line in torn):
        # FAIL CLOSED: going on would bury whatever was done to the file under records that look fine.
        raise ConfigError(f"audit file {path}: it does not end in an audit record, see pgguard audit verify")
    return link, b"".join(reversed(torn))


def _lines_backwards(handle: int, size: int) -> Iterator[bytes]:
    """The file's lines from the last one on, without their line feeds, but not more of the file than is asked for."""
    start, rest = size, b""
    if size and os.pread(handle, 1, size - 1) == b"\n":
        start -= 1
    while start > 0:
        length = min(65536, start)
        start -= length
        rest, *whole = (os.pread(handle, length, start) + rest).split(b"\n")
        yield from reversed(whole)
    if size:
        yield rest


def _words(trouble: Exception) -> str:
    return (trouble.strerror if isinstance(trouble, OSError) and trouble.strerror else str(trouble)).lower()
