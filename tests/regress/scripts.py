"""Regression scripts run with psql, one after the other in the order of the schedule, and what they printed."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from live.endpoint import Endpoint, clean_environment
from live.postgres import Postgres

DATABASE: Final = "regression"
LONGEST: Final = 1200.0  # seconds for one script: through a busy pgguard some need many minutes

# They make or look at what belongs to the whole server and outlives a database, or read and write files there.
SKIPPED: Final = frozenset({"tablespace", "stats", "sysviews", "largeobject"})

_SETTINGS: Final = {
    "lc_messages": "C", "lc_monetary": "C", "lc_numeric": "C", "lc_time": "C", "bytea_output": "hex",
    "timezone_abbreviations": "Default",
}  # fmt: skip

Outputs = dict[str, bytes]
NO_SERVER: Final = b"psql: error: "


@dataclass(frozen=True)
class Scripts:
    """The scripts of one PostgreSQL source (``root`` is its src/test/regress), and where they may write."""

    root: Path
    workplace: Path
    names: tuple[str, ...]


def scheduled(root: Path, workplace: Path, only: Sequence[str] = ()) -> Scripts:
    """Those of parallel_schedule in its order. ``only``: these, and the one that makes the tables of all the others."""
    lines = (root / "parallel_schedule").read_text().splitlines()
    names = [name for line in lines if line.startswith("test:") for name in line.removeprefix("test:").split()]
    chosen = {*only, "test_setup"} if only else set(names) - SKIPPED
    return Scripts(root, workplace, tuple(name for name in names if name in chosen))


def run(
    scripts: Scripts, server: Postgres, endpoint: Endpoint, tell: Callable[[str], None] = lambda name: None
) -> Outputs:
    """Each script's output, all of them in one fresh database on ``server``, connected to through ``endpoint``."""
    fresh_database(server)
    return run_all(scripts, server, endpoint, tell)


def run_all(scripts: Scripts, server: Postgres, endpoint: Endpoint, tell: Callable[[str], None]) -> Outputs:
    """The same in the database that is there. ``tell`` hears of each script before it runs."""
    for folder in ("results", "testtablespace"):
        shutil.rmtree(scripts.workplace / folder, ignore_errors=True)
    results = scripts.workplace / "results"
    results.mkdir(parents=True)
    results.chmod(0o777)  # the server writes here as well
    environment = clean_environment({
        "PGHOST": endpoint.host, "PGPORT": str(endpoint.port), "PGUSER": "postgres", "PGDATABASE": DATABASE,
        "PGTZ": "PST8PDT" if server.version < 17 else "America/Los_Angeles", "PGDATESTYLE": "Postgres, MDY",
        "PG_ABS_SRCDIR": str(scripts.root), "PG_ABS_BUILDDIR": str(scripts.workplace), "PG_LIBDIR": "/nonexistent",
        "PG_DLSUFFIX": ".so", "LC_MESSAGES": "C", "LANG": "C", "PGCLIENTENCODING": "UTF8",
    })  # fmt: skip
    outputs = {}
    for name in scripts.names:
        tell(name)
        outputs[name] = _one(scripts.root / "sql" / f"{name}.sql", endpoint, environment)
        if outputs[name].startswith(NO_SERVER) and server.answers():  # it had not yet begun to recover
            outputs[name] = _one(scripts.root / "sql" / f"{name}.sql", endpoint, environment)
        if outputs[name].endswith(b"connection to server was lost\n"):
            server.answers()  # it has crashed: the next script wants it back
    return outputs


def _one(script: Path, endpoint: Endpoint, environment: Mapping[str, str]) -> bytes:
    command = [
        str(endpoint.bindir / "psql"), "-X", "-a", "-q", "-v", "HIDE_TABLEAM=on", "-v", "HIDE_TOAST_COMPRESSION=on",
    ]  # fmt: skip
    try:
        with script.open("rb") as typed:  # as pg_regress does it: from a file by name, psql would say line numbers
            ran = subprocess.run(
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=typed,
                timeout=LONGEST, check=False,
            )  # fmt: skip
    except subprocess.TimeoutExpired as expired:
        return (expired.stdout or b"") + b"\nthe script did not end\n"
    printed: bytes = ran.stdout
    return printed.replace(b"port %d " % endpoint.port, b"port N ")


def fresh_database(server: Postgres) -> None:
    """An empty one, and no role of an earlier run."""
    server.sql(f"drop database if exists {DATABASE} with (force)")
    for (role,) in server.sql("select quote_ident(rolname) from pg_roles where rolname like 'regress%'"):
        server.sql(f"drop role {role}")
    server.sql(f"create database {DATABASE} template template0 locale 'C'")
    for name, value in _SETTINGS.items():
        server.sql(f"alter database {DATABASE} set {name} to '{value}'")


def scrubbed(output: bytes) -> bytes:
    """Without what no two runs agree on: OIDs, process numbers and xids, temporary schemas, times and sizes."""
    text = re.sub(rb" *\b\d{5,}\b", b" N", output)  # with what it is padded by, which depends on its length
    text = re.sub(rb"pg_(temp|toast)_\d+", rb"pg_\1_N", text)
    return re.sub(rb"\d+\.\d+ ?(ms|kB)", b"T", text)


@dataclass(frozen=True)
class Compared:
    """What came of a run through pgguard beside two direct ones."""

    scripts: int
    stable: tuple[str, ...]  # say the same in both direct runs
    differ: tuple[str, ...]  # of these, what says something else through pgguard
    lines: int  # of the stable ones

    @property
    def identical(self) -> int:
        return len(self.stable) - len(self.differ)


def compared(first: Outputs, second: Outputs, through: Outputs) -> Compared:
    """Byte for byte where the two direct runs are; else without what changes from run to run. A script that found no
    server, because another one has crashed it, says nothing."""
    ran = (name for name in first if not first[name].startswith(NO_SERVER))
    stable = tuple(name for name in ran if scrubbed(first[name]) == scrubbed(second[name]))
    differ = tuple(name for name in stable if not _same(first[name], second[name], through[name]))
    return Compared(len(first), stable, differ, sum(first[name].count(b"\n") for name in stable))


def _same(first: bytes, second: bytes, through: bytes) -> bool:
    return first == through if first == second else scrubbed(first) == scrubbed(through)
