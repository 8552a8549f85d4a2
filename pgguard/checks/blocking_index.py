"""blocking-index: an index is built, rebuilt or dropped while others wait for its table.

*Problem*: CREATE INDEX lets nobody write to the table until it is done, REINDEX and DROP INDEX hold up queries as well.
On a large table that is an outage.
*Instead*: CREATE INDEX CONCURRENTLY, REINDEX ... CONCURRENTLY, DROP INDEX CONCURRENTLY, outside a transaction.
*Exceptions*: a table that is new, small or not in use; CREATE INDEX ON ONLY, which builds nothing.
"""

from __future__ import annotations

from pgguard.checks.finding import Finding, said
from pgguard.sql.statement import Statement

NAME = "blocking-index"

_SAYS = {
    "create index": "builds an index, and nobody can write to the table meanwhile",
    "reindex": "rebuilds an index, and nobody can write to the table meanwhile",
    "drop index": "drops an index, and waits for its users while all others wait for the table",
}


def find(statement: Statement, text: str, reaches_user_code: bool) -> Finding | None:
    return said(NAME, statement, statement.details, _SAYS)
