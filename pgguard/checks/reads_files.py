"""reads-files: COPY reads or writes a file of the server, or runs a program on it.

*Problem*: it happens outside the database: no transaction undoes it, and nothing in the database shows it.
*Instead*: COPY ... FROM STDIN or TO STDOUT, with the file on the client's side (psql's \\copy).
*Exceptions*: none.
"""

from __future__ import annotations

from pgguard.checks.finding import Finding
from pgguard.sql.statement import Statement

NAME = "reads-files"


def find(statement: Statement, text: str, reaches_user_code: bool) -> Finding | None:
    if not statement.files:
        return None
    return Finding(NAME, "COPY reads or writes a file of the server, or runs a program on it")
