"""validates-at-once: a constraint is added and checked in one step.

*Problem*: every row is read while the table is locked, and a foreign key locks the other table as well.
*Instead*: ADD CONSTRAINT ... NOT VALID, and VALIDATE CONSTRAINT in a transaction of its own, which lets others work.
*Exceptions*: a small or new table; constraints that stand in CREATE TABLE.
"""

from __future__ import annotations

from pgguard.checks.finding import Finding, said
from pgguard.sql.statement import Statement

NAME = "validates-at-once"

_SAYS = {
    "constraint check": "adds a check that is not NOT VALID, and reads every row under a lock",
    "constraint foreign key": "adds a foreign key that is not NOT VALID, and reads every row with both tables locked",
    "constraint not null": "adds a NOT NULL that is not NOT VALID, and reads every row under a lock",
}


def find(statement: Statement, text: str, reaches_user_code: bool) -> Finding | None:
    return said(NAME, statement, statement.details, _SAYS)
