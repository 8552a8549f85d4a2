"""The audit of a running pgguard: an end that was cut off is found, files rotate, and a full disk lets nothing slip."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from live.pgguard import Pgguard, policy_file
from live.postgres import Postgres
from live.waiting import wait_until

pytestmark = pytest.mark.live

POLICY = """
version: 1
audit: required
approvers: {dba: {roles: [dba], seen_for: 1s}}
approval: {by: dba}
limits:
  - {name: small, rows: 10, beyond: approve}
rules:
  - {name: vacuums, match: {kind: maintenance}, then: approve}
"""


def write(guard: Pgguard, database: str, number: int) -> None:
    with guard.connect("ann", database) as ann:
        for id_ in range(1, number + 1):
            ann.execute("update notes set n = n + 1 where id < %s and id >= %s", (id_ + 1, id_))


def seqs(path: Path) -> list[int]:
    return [json.loads(line)["seq"] for line in path.read_text().splitlines()]


def test_an_end_that_was_cut_off_is_found_also_after_a_restart(
    start_guard: Callable[..., Pgguard], postgres: Postgres
) -> None:
    with postgres.fresh_database() as database:
        guard = start_guard(postgres)
        state = f"sqlite:///{guard.state}"
        write(guard, database, 5)
        whole = guard.cli("audit", "verify", str(guard.audit), "--state", state)
        assert whole.returncode == 0
        guard.terminate()
        assert guard.wait() == 0
        whole = guard.cli("audit", "verify", str(guard.audit), "--state", state)
        assert whole.stdout.endswith(", compared with the state store\n")

        lines = guard.audit.read_bytes().splitlines(keepends=True)
        guard.audit.write_bytes(b"".join(lines[:3]))
        cut = guard.cli("audit", "verify", str(guard.audit), "--state", state)
        assert (cut.returncode, "records 4 to 5 are missing at the end" in cut.stdout) == (1, True)

        guard.start()
        guard.wait_for_log("records are missing at the end of the audit file")
        write(guard, database, 1)
        still = guard.cli("audit", "verify", str(guard.audit))
        assert (still.returncode, "records 4 to 5 are missing before record 6" in still.stdout) == (1, True)


def test_kill_9_is_no_crime(start_guard: Callable[..., Pgguard], postgres: Postgres) -> None:
    with postgres.fresh_database() as database:
        guard = start_guard(postgres)
        write(guard, database, 3)
        guard.kill()
        guard.start()
        write(guard, database, 2)
        guard.terminate()
        assert guard.wait() == 0
        found = guard.cli("audit", "verify", str(guard.audit), "--state", f"sqlite:///{guard.state}")
        assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("how", ["SIGHUP", "by itself"])
def test_files_rotate_without_a_break(start_guard: Callable[..., Pgguard], postgres: Postgres, how: str) -> None:
    with postgres.fresh_database() as database:
        guard = start_guard(postgres)
        old = guard.audit.with_suffix(".1")
        write(guard, database, 2)
        guard.audit.rename(old)
        write(guard, database, 1)
        if how == "SIGHUP":
            guard.reload()
        wait_until(guard.audit.exists)
        write(guard, database, 2)
        guard.terminate()
        assert guard.wait() == 0

        # pgguard looks every second: the third record is written before it did, or behind it.
        assert seqs(old) in ([1, 2], [1, 2, 3])
        assert seqs(old) + seqs(guard.audit) == [1, 2, 3, 4, 5, 6]
        state = ("--state", f"sqlite:///{guard.state}")
        both = guard.cli("audit", "verify", str(old), str(guard.audit), *state)
        assert both.returncode == 0, both.stdout
        assert f"chain whole: {len(seqs(old))} records, " in both.stdout
        assert f"chain whole: {len(seqs(guard.audit))} records after record {seqs(old)[-1]}, " in both.stdout
        assert guard.cli("audit", "verify", str(guard.audit), *state).returncode == 0


def refused(guard: Pgguard, database: str, text: str, user: str = "ann") -> str:
    with guard.connect(user, database) as connection, pytest.raises(psycopg.Error) as error:
        connection.execute(text)
    return error.value.sqlstate or ""


def test_a_full_disk_refuses_what_needs_its_record_and_nothing_else(
    start_guard: Callable[..., Pgguard], postgres: Postgres, tmp_path: Path
) -> None:
    guard = Pgguard(postgres, policy_file(tmp_path, POLICY), "--audit", "/dev/full")
    guard.audited = False
    guard.start()
    try:
        with postgres.fresh_database() as database, guard.connect("ann", database) as ann:
            # A proved write is recorded behind its commit: the first one shows that there is no room.
            ann.execute("update notes set n = 1 where id = 1")
            guard.wait_for_log("the audit takes no records")
            assert refused(guard, database, "update notes set n = 2 where id = 1") == "PGG06"
            assert refused(guard, database, "update notes set n = 2 where id < 5") == "PGG06"
            assert refused(guard, database, "vacuum notes") == "PGG06"
            assert refused(guard, database, "delete from notes") == "PGG06"
            assert ann.execute("select count(*) from notes").fetchone() == (1000,)
            ann.execute("insert into notes select 1000000")
            assert refused(guard, database, "begin; update notes set n = 2 where id < 5; commit") == "PGG06"
            assert postgres.value("select sum(n) from notes where id < 1000", dbname=database) == 1
    finally:
        guard.discard()


def test_a_measured_write_shows_as_well_that_the_disk_is_full(
    start_guard: Callable[..., Pgguard], postgres: Postgres, tmp_path: Path
) -> None:
    guard = Pgguard(postgres, policy_file(tmp_path, POLICY), "--audit", "/dev/full")
    guard.audited = False
    guard.start()
    try:
        with postgres.fresh_database() as database:
            assert refused(guard, database, "update notes set n = 1 where id < 5") == "PGG06"
            assert refused(guard, database, "update notes set n = 1 where id = 1") == "PGG06"
            assert postgres.value("select sum(n) from notes", dbname=database) == 0
    finally:
        guard.discard()


def test_without_required_a_full_disk_stops_nobody(postgres: Postgres) -> None:
    guard = Pgguard(postgres, Pgguard(postgres).policies, "--audit", "/dev/full")
    guard.audited = False
    guard.start()
    try:
        with postgres.fresh_database() as database, guard.connect("ann", database) as ann:
            ann.execute("update notes set n = 1 where id < 5")
            ann.execute("update notes set n = 2 where id = 1")
            guard.wait_for_log("the audit takes no records")
            ann.execute("update notes set n = 3 where id = 1")
            assert refused(guard, database, "delete from notes") == "PGG02"
    finally:
        guard.discard()
