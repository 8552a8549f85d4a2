"""A disk that is full, or a queue: nothing half stays in the audit file, and what is missing is said."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pgguard.errors import StoreUnavailable
from pgguard.store.audit_file import AuditFile
from pgguard.store.audit_reading import show, verify
from tests.store.audit_at_hand import record, write


@contextmanager
def most_bytes(size: int) -> Iterator[None]:
    """A disk on which no file may be longer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_half_a_line_is_cut_off_again(tmp_path: Path) -> None:
    """A disk that fills up in the middle of a line: nothing of it stays, and the chain goes on when there is room."""
    path = tmp_path / "audit.log"
    await write(path, 1)
    file = AuditFile.open(path, "n1")
    size = path.stat().st_size
    with most_bytes(size + 100), pytest.raises(StoreUnavailable, match="file too large"):
        await file.write(record())

    assert path.stat().st_size == size

    await file.write(record())
    await file.close()

    assert verify(path) is None


async def test_a_queue_that_is_full_says_how_much_it_dropped(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    file = AuditFile.open(path, "n1")
    for _ in range(40):
        file.queue(record("x" * (1 << 20), "proved"))
    await file.close()
    notes = list(show(path, {"kind": "note"}))

    assert verify(path) is None
    assert [note["rule"] for note in notes] == ["dropped"]
    assert notes[0]["statement"].startswith("8 records")


async def test_a_disk_that_takes_nothing_keeps_the_queue_and_tells(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    file = AuditFile.open(path, "n1")
    with most_bytes(0):
        file.queue(record(verdict="proved"))
        async with asyncio.timeout(60):
            while not file.trouble:
                await asyncio.sleep(0.01)

    assert "file too large" in file.trouble

    await file.close()

    assert len(list(show(path))) == 1


async def test_a_record_that_is_refused_is_told_at_once_and_the_next_one_written_as_well(tmp_path: Path) -> None:
    path, told = tmp_path / "audit.log", list[str]()
    file = AuditFile.open(path, "n1")
    file.tell = told.append
    with most_bytes(0):
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="file too large"):
                await file.write(record())
    await file.write(record())
    await file.close()

    assert told == [f"audit file {path}: file too large", ""]
    assert len(list(show(path))) == 1
