"""required-column: a new column must have a value, and nothing gives it one.

*Problem*: ADD COLUMN ... NOT NULL without a default fails on a table with rows; and programs that do not know the
column yet can insert no more.
*Instead*: add it with a default, or without NOT NULL, fill it, and require it later.
*Exceptions*: an empty table that nobody writes to yet.
"""

from __future__ import annotations

from pgguard.checks.finding import Finding, said
from pgguard.sql.statement import Statement

NAME = "required-column"

_SAYS = {"column required": "adds a column that must not be NULL and has no default"}


def find(statement: Statement, text: str, reaches_user_code: bool) -> Finding | None:
    return said(NAME, statement, statement.details, _SAYS)
