"""unique-without-index: a key is added whose index does not exist yet.

*Problem*: the index is built while nobody can read or write the table.
*Instead*: CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT ... UNIQUE (or PRIMARY KEY) USING INDEX.
*Exceptions*: a small or new table; an exclusion constraint, for which there is no other way.
"""

from __future__ import annotations

from pgguard.checks.finding import Finding, said
from pgguard.sql.statement import Statement

NAME = "unique-without-index"

_SAYS = {
    "constraint unique": "adds a unique constraint and builds its index under a lock",
    "constraint primary key": "adds a primary key and builds its index under a lock",
    "constraint exclude": "adds an exclusion constraint and builds its index under a lock",
    "column unique": "adds a column with a key and builds its index under a lock",
}


def find(statement: Statement, text: str, reaches_user_code: bool) -> Finding | None:
    return said(NAME, statement, statement.details, _SAYS)
