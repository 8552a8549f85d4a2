"""reaches-outside: it does something outside the transaction: over dblink, in a file of the server, to a standby.

*Problem*: dblink opens a connection of its own, which goes round pgguard and commits by itself; files of the server are
written at once, and so are a table's pages by pg_surgery; without its replication slot a standby or a backup loses what
it has not got yet. A ROLLBACK takes nothing of it back, so it cannot be measured either.
*Instead*: connect to the other database through pgguard.
*Exceptions*: none. `DO` and functions that are being made are searched for the words; code that puts it together from
pieces is not seen, and neither is the far side of a foreign table.
"""

from __future__ import annotations

from pgguard.checks.finding import Finding
from pgguard.sql.statement import Statement, StatementKind

NAME = "reaches-outside"
_AT_ONCE = ("pg_drop_replication_slot", "pg_promote", "heap_force_kill", "heap_force_freeze")
_FILES = frozenset({"lo_export", "lo_import", "pg_file_write", "pg_file_rename", "pg_file_unlink", "pg_file_sync"})
# ``(x).name`` calls those that take one argument. Of columns the names are exact: one can be called dblink_id.
_BEHIND_A_DOT = frozenset({
    "pg_drop_replication_slot", "lo_import", "dblink", "dblink_connect", "dblink_connect_u", "dblink_exec",
})  # fmt: skip


def find(statement: Statement, text: str, reaches_user_code: bool) -> Finding | None:
    for called in statement.calls:
        name = called.name.lower()
        if name.startswith("dblink") or name in _FILES or name in _AT_ONCE:
            return _speaks(name)
    if (column := next((name for name in statement.columns if name in _BEHIND_A_DOT), None)) is not None:
        return _speaks(column)
    if _is_code(statement) and "dblink" in text.lower():
        return Finding(NAME, "its code speaks of dblink, which goes round pgguard and commits by itself")
    if _is_code(statement) and (named := next((name for name in _AT_ONCE if name in text.lower()), None)):
        return Finding(NAME, f"its code speaks of {named}, which no ROLLBACK takes back")
    return next((found for part in statement.inner if (found := find(part, text, reaches_user_code))), None)


def _speaks(name: str) -> Finding:
    return Finding(NAME, f"{name} does something outside the transaction, which no ROLLBACK takes back")


def _is_code(statement: Statement) -> bool:
    return statement.kind is StatementKind.DO or statement.node == "CreateFunctionStmt"
