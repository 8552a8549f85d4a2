"""runs-code-later: code is installed that other statements, or autovacuum, will run unseen.

*Problem*: a trigger, rule or policy changes what every later statement does; an index, a default, a check or a
generated column over a function is run by statements that do not name it, and by autovacuum with no client at all.
*Instead*: review the function first, then ask for approval.
*Exceptions*: index, default and check expressions that reach nothing but PostgreSQL's own functions are not meant, nor,
where the statement is measured, triggers and policies of a table that the same transaction made.
"""

from __future__ import annotations

from pgguard.checks.finding import Finding
from pgguard.sql.statement import Statement

NAME = "runs-code-later"

_ALWAYS = {
    "CreateTrigStmt": "a trigger will run with later statements",
    "RuleStmt": "a rule will rewrite later statements",
    "CreateEventTrigStmt": "an event trigger will run with later commands",
    "CreatePolicyStmt": "a policy will run with later statements",
    "AlterPolicyStmt": "a policy will run with later statements",
}
_OF_OLD_TABLES = frozenset({"CreateTrigStmt", "CreatePolicyStmt"})
_OVER_USER_CODE = {
    "IndexStmt": "an index will run user code, also in autovacuum",
    "CreateStatsStmt": "extended statistics will run user code, also in autovacuum",
    "CreateStmt": "a table's defaults, checks, generated columns or partition key will run user code",
    "CreateForeignTableStmt": "a table's defaults, checks or generated columns will run user code",
    "AlterTableStmt": "a table's defaults, checks or generated columns will run user code",
    "CreateDomainStmt": "a domain will run user code wherever it is used",
    "AlterDomainStmt": "a domain will run user code wherever it is used",
}


def find(statement: Statement, text: str, reaches_user_code: bool) -> Finding | None:
    says = _ALWAYS.get(statement.node)
    # ``accounts.f`` calls f(accounts) as well: a column that an expression names can be a call.
    named = statement.calls or statement.operators or statement.types or statement.columns
    if says is None and reaches_user_code and named:
        says = _OVER_USER_CODE.get(statement.node)
    if says is not None:
        return Finding(NAME, says, catalog=statement.node in _OF_OLD_TABLES)
    inner = statement.inner if statement.node == "CreateSchemaStmt" else ()
    return next((found for part in inner if (found := find(part, text, reaches_user_code)) is not None), None)
