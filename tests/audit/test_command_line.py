"""``pgguard audit show`` and ``verify``: what they print, and their exit codes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pgguard.audit.chain import Link, Whole
from pgguard.audit.record import AuditRecord
from pgguard.cli.audit import app
from pgguard.store.audit_file import AuditFile
from pgguard.store.audit_reading import follow
from pgguard.store.requests import Store

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    path = tmp_path / "audit.log"
    audit = AuditFile.open(path, "n1")
    for verdict, request in (("refuse", None), ("hold", 17), ("measured", None)):
        await audit.write(
            AuditRecord(
                "s", "ann", "ann", "c", "psql", "shop", "delete from t\x1b[2J", "d", "delete", verdict, "people", (),
                {"public.t": {"inserted": 0, "updated": 1, "deleted": 6}}, ("table public.x dropped",), request,
            )
        )  # fmt: skip
    await audit.close()
    return path


def test_show(file: Path) -> None:
    done = CliRunner().invoke(app, ["show", str(file)])

    assert done.exit_code == 0
    assert len(done.output.splitlines()) == 3
    assert done.output.splitlines()[1].endswith(
        "ann@shop hold (rule people, 7 rows, table public.x dropped, request 17): delete from t\\u001b[2J"
    )


def test_show_filters_and_json_is_what_was_written(file: Path) -> None:
    done = CliRunner().invoke(app, ["show", str(file), "--json", "--verdict", "hold"])

    assert done.output == file.read_text().splitlines(keepends=True)[1]


def test_verify(file: Path) -> None:
    done = CliRunner().invoke(app, ["verify", str(file)])

    assert done.exit_code == 0
    assert done.output.startswith(f"{file}: chain whole: 3 records, last hash ")

    lines = file.read_text().splitlines(keepends=True)
    file.write_text(lines[0] + lines[1].replace("hold", "fold") + lines[2])
    done = CliRunner().invoke(app, ["verify", str(file)])

    assert done.exit_code == 1
    assert done.output == f"{file}: chain broken at line 2: the record was changed: its hash does not fit its content\n"
    assert json.loads(CliRunner().invoke(app, ["verify", str(file), "--json"]).output)["line"] == 2


def test_a_file_that_is_not_there_is_one_line_and_exit_code_3(tmp_path: Path) -> None:
    for command in ("show", "verify"):
        done = CliRunner().invoke(app, [command, str(tmp_path / "none")])

        assert done.exit_code == 3
        assert done.output == f"pgguard: audit file {tmp_path / 'none'}: no such file or directory\n"


def test_export_is_json_lines_as_they_were_written(file: Path) -> None:
    lines = file.read_text().splitlines(keepends=True)

    assert CliRunner().invoke(app, ["export", str(file)]).output == "".join(lines)
    assert CliRunner().invoke(app, ["export", str(file), "--verdict", "hold", "--caller", "ann"]).output == lines[1]
    assert CliRunner().invoke(app, ["export", str(file), "--caller", "bob"]).output == ""


def test_export_from_a_time_to_another(file: Path) -> None:
    times = [json.loads(line)["time"] for line in file.read_text().splitlines()]
    lines = file.read_text().splitlines(keepends=True)

    def between(*options: str) -> str:
        done = CliRunner().invoke(app, ["export", str(file), *options])
        assert done.exit_code == 0
        return done.output

    assert between("--since", times[1]) == "".join(lines[1:])
    assert between("--until", times[1]) == lines[0]
    assert between("--since", times[0].replace("Z", "+00:00"), "--until", times[2]) == "".join(lines[:2])
    assert between("--since", "2000-01-01", "--until", "2000-01-02") == ""
    done = CliRunner().invoke(app, ["export", str(file), "--since", "yesterday"])
    assert (done.exit_code, done.output.count("\n")) == (2, 1)


async def keep(state: str, file: Path, node: str = "") -> None:
    found = follow(file)
    assert isinstance(found, Whole)
    store = await Store.open(state)
    await store.audit_head(node).write(found.end)
    await store.close()


def verified(file: Path, state: str) -> tuple[int, str]:
    """In a process of its own: the command has an event loop of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "pgguard", "audit", "verify", str(file), "--state", state],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


async def test_the_state_store_finds_an_end_that_was_cut_off(file: Path, tmp_path: Path) -> None:
    state = f"sqlite:///{tmp_path}/state.db"
    await keep(state, file)
    code, said = await asyncio.to_thread(verified, file, state)

    assert code == 0
    assert said.endswith(", compared with the state store\n")

    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:1]))

    assert await asyncio.to_thread(verified, file, state) == (
        1, f"{file}: chain broken at line 1: records 2 to 3 are missing at the end\n",
    )  # fmt: skip
    assert "not known: compare with the state store" in CliRunner().invoke(app, ["verify", str(file)]).output


async def test_each_node_has_an_end_of_its_own(file: Path, tmp_path: Path) -> None:
    state = f"sqlite:///{tmp_path}/state.db"
    await keep(state, file, "n1")
    store = await Store.open(state)
    await store.audit_head("n2").write(Link(99, "f" * 64))
    await store.close()

    assert (await asyncio.to_thread(verified, file, state))[0] == 0

    file.write_text(file.read_text().splitlines(keepends=True)[0])

    assert (await asyncio.to_thread(verified, file, state))[0] == 1


def test_a_state_that_is_not_there_is_not_made(file: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["verify", str(file), "--state", f"sqlite:///{tmp_path}/none.db"])

    assert done.exit_code == 3
    assert done.output == f"pgguard: state file {tmp_path}/none.db: no such file or directory\n"
    assert not (tmp_path / "none.db").exists()


async def test_a_series_of_files_is_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    audit = AuditFile.open(path, "n1")
    for number in (3, 2, 1):
        await audit.write(AuditRecord("s", "ann", "ann", "c", "psql", "shop", "select", "d", "delete", "refuse"))
        path.rename(tmp_path / f"audit.log.{number}")
        assert await audit.reopen()
    await audit.close()
    files = [str(tmp_path / name) for name in ("audit.log.3", "audit.log.2", "audit.log.1", "audit.log")]
    done = CliRunner().invoke(app, ["verify", *files])

    assert done.exit_code == 0
    assert "audit.log.2: chain whole: 2 records after record 1, last hash" in done.output

    done = CliRunner().invoke(app, ["verify", *files[:2], files[3]])

    assert done.exit_code == 1
    assert "audit.log: chain broken at line 1: records 4 to 5 are missing before record 6" in done.output
