"""set-not-null: a column must not be NULL any more, and every row is read for it.

*Problem*: SET NOT NULL reads the whole table while nobody can read or write it.
*Instead*: add CHECK (column IS NOT NULL) NOT VALID, validate it, then SET NOT NULL, which finds the check and reads
nothing, and drop the check. From PostgreSQL 18 on, ADD CONSTRAINT ... NOT NULL column NOT VALID does the same.
*Exceptions*: a table that has such a check already; a small or new table.
"""

from __future__ import annotations

from pgguard.checks.finding import Finding, said
from pgguard.sql.statement import Statement

NAME = "set-not-null"

_SAYS = {"set not null": "sets a column NOT NULL, and reads every row under a lock unless a check says so"}


def find(statement: Statement, text: str, reaches_user_code: bool) -> Finding | None:
    return said(NAME, statement, statement.subcommands, _SAYS)
