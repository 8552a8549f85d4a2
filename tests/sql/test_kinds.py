"""The allowlist speaks of every statement that the grammar has, each in one place."""

from __future__ import annotations

from pgguard.sql import classify, kinds
from pgguard.sql.names import KNOWN
from pgguard.sql.statement import Effect

# Statement nodes of libpg_query that never stand on their own in a text.
INSIDE_ONLY = {"RawStmt", "SetOperationStmt", "ReturnStmt", "PLAssignStmt", "ReplicaIdentityStmt"}


def test_every_statement_of_the_grammar_has_exactly_one_row() -> None:
    from postgast import pg_query_pb2

    nodes = {field.message_type.name for field in pg_query_pb2.DESCRIPTOR.message_types_by_name["Node"].fields}
    statements = {name for name in nodes if name.endswith("Stmt")} - INSIDE_ONLY

    assert statements == set(kinds.ROWS) | set(classify._SPECIAL)
    assert not set(kinds.ROWS) & set(classify._SPECIAL)
    assert nodes >= KNOWN - {"JsonTablePathSpec"} - {name for name in KNOWN if name.startswith("Json")}


def test_every_row_does_something() -> None:
    assert all(row.effects for row in kinds.ROWS.values())


def test_or_replace_is_only_asked_of_rows() -> None:
    assert set(kinds.ROWS) >= kinds.REPLACING
    assert all(Effect.ALTER not in kinds.ROWS[node].effects for node in kinds.REPLACING)
