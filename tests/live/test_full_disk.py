"""A disk that runs full and has room again, where ``audit: required``: no record, no commit; the chain stays whole."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from live.pgguard import Pgguard, policy_file
from live.postgres import Postgres
from live.second_person import approve, ended, told

pytestmark = pytest.mark.live

POLICY = """
version: 1
audit: required
approvers: {dba: {roles: [dba]}}
approval: {by: dba}
limits:
  - {name: small, rows: 10, beyond: approve}
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small one."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    yield path
    subprocess.run(["umount", "--lazy", str(path)], check=True)


def fill(disk: Path) -> Path:
    """Leaves no room, to the byte."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
    return filler


def tried(connection: psycopg.Connection[tuple[object, ...]], text: str) -> str:
    """"" when it went well, else the SQLSTATE."""
    try:
        connection.execute(text.encode())
    except psycopg.Error as error:
        return error.sqlstate or "?"
    return ""


def test_it_runs_full_and_has_room_again(postgres: Postgres, tmp_path: Path, disk: Path) -> None:
    audit = disk / "audit.jsonl"
    guard = Pgguard(postgres, policy_file(tmp_path, POLICY), "--audit", str(audit))
    guard.audited = False
    guard.start()
    try:
        with postgres.fresh_database() as database, guard.connect("ann", database) as ann:
            measured, held = "update notes set n = n + 1 where id < 5", "delete from notes"
            assert (tried(ann, measured), tried(ann, held)) == ("", "PGG02")
            filler = fill(disk)
            went = [tried(ann, measured) for _ in range(20)]  # what is left of the file's last page
            assert went == sorted(went)
            assert went[-1] == "PGG06"
            guard.wait_for_log("the audit takes no records")
            done = 4 * (1 + went.count(""))

            for _ in range(3):
                assert (tried(ann, measured), tried(ann, held)) == ("PGG06", "PGG06")
                assert tried(ann, f"begin; {measured}; commit") == "PGG06"
                ann.rollback()
                assert tried(ann, "select count(*) from notes") == tried(ann, "insert into accounts (id, email) "
                             "select max(id) + 1, 'x' from accounts") == ""  # fmt: skip
            with pytest.raises(psycopg.Error, match="the approve is in force"):
                approve(guard, 1)
            assert tried(ann, held) == "PGG06"
            assert postgres.sql("select sum(n), count(*) from notes", dbname=database) == [(done, 1000)]

            filler.unlink()
            guard.wait_for_log("the audit takes records again")
            assert (told(guard, 1)["state"], ended(guard, 1)) == ("used", "rolled back")  # spent, and it says so
            assert (tried(ann, measured), tried(ann, held)) == ("", "PGG02")
            approve(guard, 2)
            assert tried(ann, held) == ""
            assert postgres.sql("select count(*) from notes", dbname=database) == [(0,)]
        guard.terminate()
        assert guard.wait() == 0
        whole = guard.cli("audit", "verify", str(audit), "--state", f"sqlite:///{guard.state}")
        assert whole.returncode == 0, whole.stdout
        records = [json.loads(line) for line in audit.read_text().splitlines()]
        assert [r["request"] for r in records if r["verdict"] == "approve"] == [1, 2]
        assert [r["approval"] for r in records if r["verdict"] == "measured" and r["approval"]] == [2]
    finally:
        guard.discard()
