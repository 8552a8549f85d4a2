"""``pgguard audit show`` and ``verify``: what they print, and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pgguard.audit.record import AuditRecord
from pgguard.cli.audit import app
from pgguard.store.audit_file import AuditFile


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    path = tmp_path / "audit.log"
    audit = AuditFile.open(path, "n1")
    for verdict, request in (("refuse", None), ("hold", 17), ("measured", None)):
        await audit.write(
            AuditRecord(
                "s", "ann", "ann", "c", "psql", "shop", "delete from t\x1b[2J", "d", "delete", verdict, "people",
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
