"""The store learns the chain's end once it is on disk, and a file that was moved away is followed by a new one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pgguard.audit.chain import Link, Whole
from pgguard.audit.record import AuditRecord
from pgguard.proxy.audit_keeping import AuditKeeping
from pgguard.store.audit_file import AuditFile
from pgguard.store.audit_reading import follow
from pgguard.store.requests import Store

RECORD = AuditRecord("s1", "ann", "ann", "10.0.0.1", "psql", "shop", "delete from t", "d", "delete", "refuse")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(f"sqlite:///{tmp_path}/state.db", deadline=20.0)
    yield store
    await store.close()


async def test_the_end_is_kept_and_is_each_nodes_own(store: Store, tmp_path: Path) -> None:
    audit = AuditFile.open(tmp_path / "audit.log", "n1")
    keeping = AuditKeeping(audit, store.audit_head("n1"))
    keeping.begin()

    assert await store.audit_head("n1").read() is None

    await audit.write(RECORD)
    await keeping.keep()

    assert await store.audit_head("n1").read() == audit.end
    assert await store.audit_head("n2").read() is None

    audit.queue(RECORD)
    await keeping.close()
    found = follow(tmp_path / "audit.log")

    assert isinstance(found, Whole)
    assert await store.audit_head("n1").read() == found.end == Link(2, found.end.hash)


async def test_a_file_that_was_moved_away_is_followed_by_a_new_one(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    audit = AuditFile.open(path, "n1")
    keeping = AuditKeeping(audit, store.audit_head(""))
    await audit.write(RECORD)

    assert await keeping.reopen() == ""
    assert audit.end.seq == 1

    path.rename(tmp_path / "audit.log.1")
    await keeping.keep()
    await audit.write(RECORD)
    await keeping.close()
    found = follow(path, known=await store.audit_head("").read())

    assert isinstance(found, Whole)
    assert (found.begin.seq, found.end.seq) == (1, 3)


async def test_another_file_in_its_place_is_left_alone(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    audit = AuditFile.open(path, "n1")
    keeping = AuditKeeping(audit, store.audit_head(""))
    await audit.write(RECORD)
    path.rename(tmp_path / "audit.log.1")
    path.write_text("somebody else's")
    await keeping.keep()

    assert "there is another file in its place already" in await keeping.reopen()

    assert await store.audit_head("").read() == audit.end
    assert path.read_text() == "somebody else's"

    await keeping.close()
