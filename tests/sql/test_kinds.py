"""The allowlist speaks of every statement that the grammar has, and every statement stays within its row."""

from __future__ import annotations

import pytest
from postgast import pg_query_pb2

from pgguard.sql import alter, classify, kinds
from pgguard.sql.read import read
from pgguard.sql.statement import Effect, StatementKind
from tests.sql.test_classify import cases

NODES = {field.message_type.name for field in pg_query_pb2.DESCRIPTOR.message_types_by_name["Node"].fields}
# Statement nodes of libpg_query that never stand on their own in a text.
INSIDE_ONLY = {"RawStmt", "SetOperationStmt", "ReturnStmt", "PLAssignStmt", "ReplicaIdentityStmt"}
# One node, several kinds: SELECT INTO, and what is renamed or given to somebody.
OTHER_KINDS = {
    "SelectStmt": {StatementKind.CREATE},
    "RenameStmt": {StatementKind.ROLE, StatementKind.SERVER},
    "AlterOwnerStmt": {StatementKind.SERVER},
}
CORPUS = [sql for _, _, sql in cases()]
# PostgreSQL makes these itself, while it works; no text asks for them.
INTERNAL = set(
    "AT_AddColumnToView AT_CookedColumnDefault AT_ReAddIndex AT_ReAddConstraint AT_ReAddDomainConstraint "
    "AT_ReAddComment AT_ReplaceRelOptions AT_ReAddStatistics ALTER_TABLE_TYPE_UNDEFINED".split()
)
CHANGES = set(
    "AT_DropNotNull AT_SetExpression AT_DropExpression AT_SetOptions AT_ResetOptions AT_SetStorage AT_SetCompression "
    "AT_AlterConstraint AT_AlterColumnType AT_AlterColumnGenericOptions AT_ChangeOwner AT_ClusterOn AT_DropCluster "
    "AT_SetLogged AT_SetUnLogged AT_DropOids AT_SetAccessMethod AT_SetTableSpace AT_SetRelOptions AT_ResetRelOptions "
    "AT_EnableReplicaTrig AT_DisableTrig AT_DisableTrigAll AT_DisableTrigUser AT_EnableReplicaRule AT_DisableRule "
    "AT_AddInherit AT_DropInherit AT_AddOf AT_DropOf AT_ReplicaIdentity AT_DisableRowSecurity AT_NoForceRowSecurity "
    "AT_GenericOptions AT_DetachPartition AT_DetachPartitionFinalize AT_SetIdentity AT_DropIdentity "
    "AT_ColumnDefault".split()
)


def test_every_statement_of_the_grammar_has_its_row() -> None:
    assert {name for name in NODES if name.endswith("Stmt")} - INSIDE_ONLY == set(kinds.ROWS)
    assert set(classify._FILL) < set(kinds.ROWS)


def test_every_row_stands_in_the_corpus() -> None:
    assert {read(sql.encode()).statements[0].node for sql in CORPUS} == set(kinds.ROWS)


@pytest.mark.parametrize("sql", CORPUS, ids=lambda sql: sql[:60])
def test_a_statement_stays_within_its_row(sql: str) -> None:
    (statement,) = read(sql.encode()).statements
    row = kinds.ROWS[statement.node]

    assert statement.kind in {row.kind} | OTHER_KINDS.get(statement.node, set())
    into = {Effect.CREATE} if statement.kind is StatementKind.CREATE else set()
    assert row.effects <= statement.effects <= row.effects | row.may | into
    assert statement.outside_block or not row.outside_block


def test_every_row_does_something() -> None:
    assert all(row.effects | row.may for row in kinds.ROWS.values())


def test_or_replace_alters() -> None:
    assert set(kinds.ROWS) >= kinds.REPLACING
    assert all(Effect.ALTER in kinds.ROWS[node].may for node in kinds.REPLACING)


def test_every_subcommand_of_alter_table_is_known() -> None:
    """One that a later grammar adds is ALTER until somebody has looked at it."""
    words = {value.name for value in pg_query_pb2.DESCRIPTOR.enum_types_by_name["AlterTableType"].values}

    assert words == INTERNAL | CHANGES | alter.ADDS | set(alter.DROPS)
