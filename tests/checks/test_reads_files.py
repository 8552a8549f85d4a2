"""reads-files: what it says, and what it leaves alone."""

from __future__ import annotations

from pgguard.checks.reads_files import NAME, find
from tests.checks.table import table

test_it_speaks, test_it_is_silent = table(
    NAME,
    find,
    speaks={
        "copy t from '/x'": "COPY reads or writes a file of the server, or runs a program on it",
        "copy t to program 'x'": "COPY reads or writes a file of the server, or runs a program on it",
        "copy (select 1) to '/x'": "COPY reads or writes a file of the server, or runs a program on it",
    },
    silent=[
        "copy t from stdin",
        "copy t to stdout",
    ],
)
