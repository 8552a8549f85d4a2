"""The vocabulary of policies: what each kind of statement does, what it can destroy, and which checks speak of it.

Effects come from the allowlist of statements and from the corpus, checks from the statements of which their own tests
say that they speak. Words for people, and what can be destroyed, stand here.
"""

from __future__ import annotations

import importlib

from pgguard import checks
from pgguard.sql.kinds import ROWS
from pgguard.sql.read import read
from pgguard.sql.statement import Effect, StatementKind
from tests.checks.table import SPEAKS
from tests.sql.test_classify import cases

K = StatementKind
WHOLE = "as what it runs"

# Kind -> the statements, what they can destroy, and whether the checks of what they carry speak as well.
WORDS: dict[StatementKind, tuple[str, str, bool]] = {
    K.SELECT: ("SELECT, VALUES, TABLE, with everything inside", "nothing by itself", False),
    K.INSERT: ("INSERT", "overwritten rows", False),
    K.UPDATE: ("UPDATE", "overwritten rows", False),
    K.DELETE: ("DELETE", "rows", False),
    K.MERGE: ("MERGE", "rows, overwritten rows", False),
    K.TRUNCATE: ("TRUNCATE", "data", False),
    K.COPY: ("COPY", "nothing by itself; with a query as its query", True),
    K.CREATE: (
        "CREATE, SELECT INTO, CREATE TABLE AS, CREATE SCHEMA with everything inside",
        "what OR REPLACE overwrites: function, view, rule, trigger", False,
    ),
    K.ALTER: ("ALTER, renaming, SECURITY LABEL", "column, constraint, trigger, policy, rule, data, view, table", False),
    K.DROP: ("DROP", "every object", False),
    K.COMMENT: ("COMMENT", "nothing", False),
    K.GRANT: ("GRANT, REVOKE, ALTER DEFAULT PRIVILEGES", "nothing", False),
    K.ROLE: ("CREATE, ALTER, DROP ROLE; REASSIGN and DROP OWNED", "role, every object that is owned", False),
    K.TRANSACTION: ("BEGIN, COMMIT, ROLLBACK, SAVEPOINT ...", "nothing", False),
    K.SESSION: ("SET, RESET, SHOW, DISCARD, LISTEN, NOTIFY, SET CONSTRAINTS", "nothing", False),
    K.PREPARE: ("PREPARE", "nothing until it is executed", True),
    K.EXECUTE: ("EXECUTE", WHOLE, True),
    K.DEALLOCATE: ("DEALLOCATE", "nothing", False),
    K.CURSOR: ("DECLARE, FETCH, MOVE, CLOSE", "nothing by itself; FETCH and MOVE as what the cursor runs", True),
    K.EXPLAIN: ("EXPLAIN", "with ANALYZE as what it explains", True),
    K.LOCK: ("LOCK TABLE", "nothing", False),
    K.DO: ("DO", "everything", False),
    K.CALL: ("CALL", "everything", False),
    K.MAINTENANCE: ("VACUUM, ANALYZE, REINDEX, CLUSTER, REFRESH, CHECKPOINT", "nothing by itself", False),
    K.SERVER: (
        "CREATE, ALTER, DROP DATABASE and TABLESPACE; ALTER SYSTEM, LOAD, subscriptions", "database", False,
    ),
    K.EMPTY: ("nothing between two semicolons", "nothing", False),
    K.OPAQUE: ("whatever was not understood", "everything", False),
}  # fmt: skip


def table() -> str:
    """The rows of the vocabulary, one for each kind."""
    speaks = _speaks()
    lines = ["| `kind` | statements | `effect` | can destroy | checks |", "|---|---|---|---|---|"]
    for kind, (statements, destroys, carries) in WORDS.items():
        spoken = [name for name, _ in checks.ALL if name in speaks[kind]] + [WHOLE] * carries
        lines.append(f"| `{kind}` | {statements} | {_effects(kind)} | {destroys} | {', '.join(spoken)} |")
    return "\n".join(line.replace("  ", " ") for line in lines)


def _effects(kind: StatementKind) -> str:
    """Those that some statement of the kind always has; then those that its form or something inside it adds."""
    rows = [row for row in ROWS.values() if row.kind is kind]
    always = {effect for row in rows for effect in row.effects} or ({Effect.OPAQUE} if kind is K.OPAQUE else set())
    seen = {e for _, _, sql in cases() for s in read(sql.encode()).statements if s.kind is kind for e in s.effects}
    also = ({effect for row in rows for effect in row.may} | seen) - always
    both = [", ".join(e for e in Effect if e in effects) for effects in (always, also)]
    return "; also ".join(filter(None, both)) if both[0] else both[1]


def _speaks() -> dict[StatementKind, set[str]]:
    found: dict[StatementKind, set[str]] = {kind: set() for kind in K}
    for name, _ in checks.ALL:
        importlib.import_module(f"tests.checks.test_{name.replace('-', '_')}")
        for sql in SPEAKS[name]:
            (statement,) = read(sql.encode()).statements
            found[statement.kind].add(name)
    return found
