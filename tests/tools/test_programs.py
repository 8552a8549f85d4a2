"""PostgreSQL's own programs, pgcli and a BI tool's reads: the same direct and through pgguard."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from live.endpoint import Endpoint, Ran

from tests.tools import table
from tests.tools.stand import Stand
from tests.tools.workshop import HOME

pytestmark = pytest.mark.live
READ_LOAD = Path(__file__).parent / "drivers" / "read_load.py"
PIPELINE = r"""
\set id random(1, 100000)
\startpipeline
begin;
update pgbench_accounts set abalance = abalance + 1 where aid = :id;
select abalance from pgbench_accounts where aid = :id;
end;
select 1;
\endpipeline
"""


def version_of(stand: Stand, name: str) -> str:
    printed = stand.run((name, "--version"), stand.server, "postgres").stdout
    return printed.split(")")[1].split()[0]


def done(stand: Stand, endpoint: Endpoint, name: str, *command: str, script: str = "") -> str:
    """A program that must end well; what it printed."""
    ran = stand.run(command, endpoint, name, script=script)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout + ran.stderr


def dump(stand: Stand, endpoint: Endpoint, name: str) -> list[str]:
    lines = done(stand, endpoint, name, "pg_dump", "--no-owner", "-x", name).splitlines()
    return [line for line in lines if "restrict " not in line]  # a random key of its own in each dump


def test_a_dump_is_restored(stand: Stand, tmp_path: Path) -> None:
    """All of pg_restore's ways: parallel, as one transaction, and as a script by psql. Without privileges: to grant
    is held by the production policy."""
    guard = stand.guard()
    with stand.server.fresh_database() as name:
        expected = dump(stand, stand.server, name)
        assert dump(stand, guard, name) == expected
        done(stand, guard, name, "pg_dump", "-Fd", "-j2", "-f", str(tmp_path / "dump"), name)
        script = done(stand, guard, name, "pg_dump", "--no-owner", "-x", name)
    ways = [("-j2",), ("--single-transaction",), ()]
    for way in ways:
        with stand.server.fresh_database("template0") as name:
            if way:
                done(stand, guard, name, "pg_restore", *way, "--no-owner", "-x", "-d", name, str(tmp_path / "dump"))
            else:
                done(stand, guard, name, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", script=script)
            assert dump(stand, stand.server, name) == expected, way
    table.record("program", "pg_dump, pg_restore", version_of(stand, "pg_dump"))


def test_a_restore_that_drops_first_is_refused(stand: Stand, tmp_path: Path) -> None:
    with stand.server.fresh_database() as name:
        done(stand, stand.server, name, "pg_dump", "-Fc", "-f", str(tmp_path / "dump"), name)
        again = ("pg_restore", "--clean", "--if-exists", "--single-transaction", "-d", name, str(tmp_path / "dump"))
        ran = stand.run(again, stand.guard(), name, PGOPTIONS="-c pgguard.environment=production")
        left = stand.server.value("select count(*) from notes", dbname=name)

    assert ran.returncode != 0
    assert "approval required: request" in ran.stderr
    assert left == 1000


def test_pgbench(stand: Stand, tmp_path: Path) -> None:
    guard = stand.guard()
    script = tmp_path / "pipeline.sql"
    script.write_text(PIPELINE)
    with stand.server.fresh_database("template0") as name:
        done(stand, guard, name, "pgbench", "-i", "-q", "--foreign-keys")
        for mode in ("simple", "extended", "prepared"):
            for what in ("tpcb-like", "simple-update", "select-only"):
                printed = done(stand, guard, name, "pgbench", "-n", "-M", mode, "-c2", "-t8", "-b", what)
                assert "processed: 16/16" in printed
        for mode in ("extended", "prepared"):
            printed = done(stand, guard, name, "pgbench", "-n", "-M", mode, "-c2", "-t8", "-f", str(script))
            assert "processed: 16/16" in printed
        assert stand.server.value("select count(*) from pgbench_history", dbname=name) == 96
        sums = "select (select sum(delta) from pgbench_history) - (select sum(bbalance) from pgbench_branches)"
        sums += " , (select sum(tbalance) from pgbench_tellers) - (select sum(bbalance) from pgbench_branches)"
        assert stand.server.sql(sums, dbname=name)[0][1] == 0
    table.record("program", "pgbench", version_of(stand, "pgbench"))


def test_a_bi_tool_reads(stand: Stand) -> None:
    command = (sys.executable, str(READ_LOAD), "ordinary")
    with stand.server.fresh_database() as name:
        direct = stand.transcript(command, stand.server, name)
    with stand.server.fresh_database() as name:
        guarded = stand.transcript(command, stand.guard(), name)

    assert guarded == direct
    table.record("program", "reads as of a BI tool", "")


def shown(ran: Ran) -> str:
    """What pgcli printed, without how long it took."""
    return re.sub(r"Time: [\d.]+s.*", "", ran.stdout + ran.stderr)


def test_pgcli(stand: Stand, needs: Callable[[str, str, Path | None], None]) -> None:
    pgcli = HOME / "python" / "bin" / "pgcli"
    needs("program", "pgcli", pgcli)
    texts = ["\\dt", "\\d accounts", "\\df", "\\du", "select * from notes order by id limit 3", "select 1/0"]
    with stand.server.fresh_database() as name:
        command = [str(pgcli), "--less-chatty", "--yes"]
        for text in texts:
            command += ["-c", text]
        direct = stand.run(command, stand.server, name)
        guarded = stand.run(command, stand.guard(), name)
        refused = stand.run([*command[:3], "-c", "delete from notes"], stand.guard(), name)
        version = stand.run((str(pgcli), "--version"), stand.server, name).stdout

    table.record("program", "pgcli", version.split()[-1])
    assert shown(guarded) == shown(direct)
    assert "division by zero" in shown(direct)
    assert "approval required: request" in refused.stdout + refused.stderr
