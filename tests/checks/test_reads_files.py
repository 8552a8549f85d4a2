"""reads-files: what it says, and what it leaves alone."""

from __future__ import annotations

import pytest

from pgguard.checks.reads_files import NAME, find
from pgguard.sql.read import read


@pytest.mark.parametrize(
    ("says", "sql"),
    [
        ("COPY reads or writes a file of the server, or runs a program on it", "copy t from '/x'"),
        ("COPY reads or writes a file of the server, or runs a program on it", "copy t to program 'x'"),
    ],
)
def test_it_speaks(says: str, sql: str) -> None:
    found = find(read(sql.encode()).statements[0], sql, False)

    assert found is not None
    assert (NAME, says) == (found.check, found.says)


@pytest.mark.parametrize(
    "sql",
    [
        "copy t from stdin",
        "copy t to stdout",
    ],
)
def test_it_is_silent(sql: str) -> None:
    assert find(read(sql.encode()).statements[0], sql, False) is None
