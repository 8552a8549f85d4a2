"""column-type: a column gets another type.

*Problem*: the whole table and its indexes are written anew, while nobody can read or write it; and what does not fit
into the new type is cut, rounded or refused.
*Instead*: add a column of the new type, keep both filled, move readers over, then drop the old one.
*Exceptions*: a longer varchar, or varchar to text, writes nothing anew.
"""

from __future__ import annotations

from pgguard.checks.finding import Finding, said
from pgguard.sql.statement import Statement

NAME = "column-type"

_SAYS = {"alter column type": "changes the type of a column, for which the table may be written anew"}


def find(statement: Statement, text: str, reaches_user_code: bool) -> Finding | None:
    return said(NAME, statement, statement.subcommands, _SAYS)
