"""The table of tools keeps what was not tried this time, and says what was."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools import table

PAGE = "# Page\n\n<!-- begin tools -->\n\n<!-- end tools -->\n"


def test_a_later_run_replaces_its_own_rows_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "RESULTS", tmp_path / "results.jsonl")
    table.record("driver", "pgx", "5.1")
    table.record("driver", "asyncpg", "0.30", "15")
    first = table.with_rows(PAGE, table.tried())
    table.RESULTS.unlink()
    table.record("driver", "pgx", "5.2", "18", "untested: it could not be installed")
    table.record("migrations", "Alembic", "1.0")
    second = table.with_rows(first, table.tried())

    assert first.count("| driver |") == 2
    assert [line for line in second.splitlines() if line.startswith("| ")][1:] == [
        "| driver | asyncpg | 0.30 | 15 | works |",
        "| driver | pgx | 5.2 | 18 | untested: it could not be installed |",
        "| migrations | Alembic | 1.0 | 15, 18 | works |",
    ]


def test_without_a_run_the_page_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "RESULTS", tmp_path / "none")
    assert table.tried() == {}
