"""no-where: an UPDATE or DELETE that has no WHERE changes every row of its table.

*Problem*: `DELETE FROM accounts` is one forgotten line away from `DELETE FROM accounts WHERE id = 7`.
*Instead*: say which rows are meant; to empty a table on purpose, ask for approval.
*Exceptions*: a MERGE and an ON CONFLICT DO UPDATE have conditions of their own and are not meant.
"""

from __future__ import annotations

from pgguard.checks.finding import Finding
from pgguard.sql.statement import Effect, Statement

NAME = "no-where"


def find(statement: Statement, text: str, reaches_user_code: bool) -> Finding | None:
    if statement.has_where:
        return None
    changed = [str(write.relation) for write in statement.writes if write.effect in (Effect.UPDATE, Effect.DELETE)]
    tables = ", ".join(dict.fromkeys(changed))
    return Finding(NAME, f"an UPDATE or DELETE has no WHERE and changes every row (statement writes {tables})")
