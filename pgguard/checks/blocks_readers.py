"""blocks-readers: readers wait for something that could be done beside them.

*Problem*: REFRESH MATERIALIZED VIEW and DETACH PARTITION hold up every query, and wait for those that run.
*Instead*: REFRESH MATERIALIZED VIEW CONCURRENTLY (it needs a unique index), DETACH PARTITION ... CONCURRENTLY.
*Exceptions*: a materialized view that is not read; a partition whose table nobody uses.
"""

from __future__ import annotations

from pgguard.checks.finding import Finding, said
from pgguard.sql.statement import Statement

NAME = "blocks-readers"

_SAYS = {
    "refresh": "refreshes a materialized view, and nobody can read it meanwhile",
    "detach partition": "detaches a partition, and waits for its users while all others wait for the table",
}


def find(statement: Statement, text: str, reaches_user_code: bool) -> Finding | None:
    return said(NAME, statement, statement.details, _SAYS)
