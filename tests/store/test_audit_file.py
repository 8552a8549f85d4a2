"""The audit file goes on after restarts and crashes, and says so when it cannot."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pgguard.audit.chain import Link, Whole
from pgguard.errors import ConfigError, StoreUnavailable
from pgguard.store.audit_file import AuditFile
from pgguard.store.audit_reading import follow, show, verify
from tests.store.audit_at_hand import record, write

WRITER = """
import asyncio, sys
from pgguard.audit.record import AuditRecord
from pgguard.store.audit_file import AuditFile
async def main():
    file = AuditFile.open(sys.argv[1], "n1")
    print("open", flush=True)
    while True:
        await file.write(AuditRecord("s", "ann", "ann", "c", "psql", "d", "x" * 5000, "", "delete", "refuse"))
asyncio.run(main())
"""


async def test_a_chain_goes_on_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    await write(path, 2)
    await write(path, 3)
    found = follow(path)

    assert isinstance(found, Whole)
    assert found.end.seq == 5
    assert path.stat().st_mode & 0o777 == 0o600


async def test_only_one_process_writes(tmp_path: Path) -> None:
    file = AuditFile.open(tmp_path / "audit.log", "n1")
    with pytest.raises(ConfigError, match="another process writes to it"):
        AuditFile.open(tmp_path / "audit.log", "n2")
    await file.close()
    AuditFile.open(tmp_path / "audit.log", "n2")


@pytest.mark.parametrize("keep", [0, 1, 5, 100])
async def test_a_torn_last_line_is_kept_and_vouched_for(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "audit.log"
    await write(path, 3)
    *whole, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(whole) + last[:keep])
    await write(path, 2)
    found = follow(path)

    assert isinstance(found, Whole)
    assert (found.end.seq, found.torn) == ((4, 0) if keep == 0 else (5, 1))
    assert path.read_bytes().splitlines()[2].startswith(last[:keep])


async def test_a_crash_while_vouching_is_healed_too(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    await write(path, 2)
    path.write_bytes(path.read_bytes() + b'{"seq":3,"ti\n{"seq":3,"time')
    await write(path, 1)
    found = follow(path)

    assert isinstance(found, Whole)
    assert (found.end.seq, found.torn) == (4, 2)


async def test_a_last_line_without_its_line_feed_counts(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    await write(path, 2)
    path.write_bytes(path.read_bytes()[:-1])
    await write(path, 1)

    assert verify(path) is None
    assert len(path.read_bytes().splitlines()) == 3


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content + b"something else\n",
        lambda content: b"no audit file\n",
        lambda content: content.replace(b'"ann"', b'"bob"'),
        lambda content: content[:-1] + b"}\n",
    ],
)
async def test_a_file_with_a_strange_end_is_not_written_to(tmp_path: Path, spoil: object) -> None:
    path = tmp_path / "audit.log"
    await write(path, 2)
    path.write_bytes(spoil(path.read_bytes()))  # type: ignore[operator]
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="it does not end in an audit record"):
        AuditFile.open(path, "n1")

    assert path.read_bytes() == before


@pytest.mark.parametrize("round_", range(4))
def test_kill_9_leaves_a_file_that_goes_on(tmp_path: Path, round_: int) -> None:
    path = tmp_path / "audit.log"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"open\n"
        while path.stat().st_size < 100_000 * (round_ + 1):
            pass
        writer.send_signal(signal.SIGKILL)
    asyncio.run(write(path, 1))

    assert verify(path) is None


async def test_a_full_disk_is_unavailable_not_silence() -> None:
    file = AuditFile.open("/dev/full", "n1")
    with pytest.raises(StoreUnavailable, match="no space left on device"):
        await file.write(record())
    await file.close()


async def test_queued_records_are_written_off_the_path_and_at_close(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    file = AuditFile.open(path, "n1")
    for number in range(1200):
        file.queue(record(f"update t set a = {number}", "proved"))

    assert path.stat().st_size == 0

    async with asyncio.timeout(60):
        while len(path.read_bytes().splitlines()) < 1200:
            await asyncio.sleep(0.01)

    file.queue(record("last", "proved"))
    await file.close()
    found = list(show(path))

    assert verify(path) is None
    assert [found[0]["statement"], found[-1]["statement"]] == ["update t set a = 0", "last"]


async def test_the_chain_goes_on_in_a_new_file_when_the_old_one_was_moved_away(tmp_path: Path) -> None:
    path, old = tmp_path / "audit.log", tmp_path / "audit.log.1"
    file = AuditFile.open(path, "n1")
    await file.write(record("one"))

    assert not await file.reopen()

    path.rename(old)
    await file.write(record("two"))

    assert await file.reopen()

    await file.write(record("three"))
    await file.close()
    before, after = follow(old), follow(path)

    assert isinstance(before, Whole) and isinstance(after, Whole)
    assert (before.end.seq, after.begin, after.end.seq) == (2, before.end, 4)
    assert follow(path, after=before.end) == after
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found["statement"] for found in show(path)] == ["goes on from record 2 of an earlier file", "three"]


async def test_a_new_file_that_cannot_be_begun_leaves_the_old_one(tmp_path: Path) -> None:
    path, old = tmp_path / "audit.log", tmp_path / "audit.log.1"
    file = AuditFile.open(path, "n1")
    await file.write(record())
    path.rename(old)
    path.write_text("somebody else's\n")
    with pytest.raises(ConfigError, match="there is another file in its place already"):
        await file.reopen()
    await file.write(record())
    await file.close()

    assert path.read_text() == "somebody else's\n"
    assert len(old.read_bytes().splitlines()) == 2
    assert verify(old) is None


async def test_what_is_missing_at_the_end_of_a_file_stays_visible(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    await write(path, 5)
    whole = follow(path)
    assert isinstance(whole, Whole)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    file = AuditFile.open(path, "n1", known=whole.end)

    assert file.gap == 2

    await file.close()
    broken = verify(path)

    assert broken is not None
    assert (broken.line, broken.what) == (4, "records 4 to 5 are missing before record 6")


async def test_a_file_that_is_gone_is_begun_behind_its_last_record(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    await write(path, 5)
    whole = follow(path)
    assert isinstance(whole, Whole)
    path.unlink()
    file = AuditFile.open(path, "n1", known=whole.end)
    await file.close()
    found = follow(path)

    assert isinstance(found, Whole)
    assert (file.gap, found.begin, found.end.seq) == (0, whole.end, 6)


async def test_a_file_written_anew_is_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    await write(path, 3)
    for known in (Link(2, "0" * 64), Link(3, "0" * 64)):
        with pytest.raises(ConfigError, match=f"record {known.seq} is not the one that the state store knows"):
            AuditFile.open(path, "n1", known=known)
    found = follow(path)
    assert isinstance(found, Whole)
    file = AuditFile.open(path, "n1", known=found.end)

    assert await file.on_disk() == found.end

    await file.close()


async def test_literals_are_left_out_when_asked(tmp_path: Path) -> None:
    file = AuditFile.open(tmp_path / "audit.log", "n1", redacted=True, sync=True)
    await file.write(record("delete from t where email = 'a@b.c'"))
    await file.close()

    assert next(show(tmp_path / "audit.log"))["statement"] == "delete from t where email = ?"


async def test_show_filters_and_verify_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    file = AuditFile.open(path, "n1")
    for verdict in ("refuse", "hold", "refuse"):
        await file.write(record(verdict=verdict))
    await file.close()

    assert [found["seq"] for found in show(path, {"verdict": "refuse"})] == [1, 3]
    assert [found["seq"] for found in show(path, {"verdict": "hold", "seq": "2"})] == [2]

    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2])
    broken = verify(path)

    assert broken is not None
    assert (broken.line, broken.what) == (2, "record 2 is missing before record 3")


async def test_a_file_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"audit file .*/no/audit.log: no such file or directory"):
        AuditFile.open(tmp_path / "no" / "audit.log", "n1")
    with pytest.raises(ConfigError, match="is a directory"):
        AuditFile.open(tmp_path, "n1")
    with pytest.raises(ConfigError):
        verify(tmp_path / "nothing")


async def test_writing_after_close_is_unavailable(tmp_path: Path) -> None:
    file = AuditFile.open(tmp_path / "audit.log", "n1")
    await file.close()
    with pytest.raises(StoreUnavailable):
        await file.write(record())

    assert json.loads("[]") == list(show(tmp_path / "audit.log"))
    assert os.path.exists(tmp_path / "audit.log")
