"""The allowlist: every statement node of the grammar with its kind, its verbs, its target and what is walked for names.

``effects`` are the verbs that the statement always has, ``may`` those that its form or something inside it adds. Where
a row is not enough, ``classify`` has a function that fills in the rest and never goes beyond the row. A definition that
PostgreSQL only stores (the body of a function, the actions of a rule) is not walked: it runs later, and what it reaches
then is the catalog's business.
"""

from __future__ import annotations

from dataclasses import dataclass

from pgguard.sql.statement import Effect as E
from pgguard.sql.statement import StatementKind as K


@dataclass(frozen=True, slots=True)
class Row:
    kind: K
    effects: frozenset[E]
    may: frozenset[E] = frozenset()
    walked: tuple[str, ...] = ()  # fields that are walked for names
    target: str = ""  # the field with the relation, or the list of relations, that is changed
    name: str = ""  # the field with the name of a cursor, prepared statement, role ...
    outside_block: bool = False  # cannot run in a transaction block, whatever its form


def _row(
    kind: K, *effects: E, may: str = "", walked: str = "", target: str = "", name: str = "", outside_block: bool = False
) -> Row:
    verbs = frozenset(map(E, may.split()))
    return Row(kind, frozenset(effects), verbs, tuple(walked.split()), target, name, outside_block)


_WRITES = "insert update delete"
_ANY_QUERY = f"read {_WRITES} opaque"  # what a query that stands inside can do; opaque is an EXECUTE

ROWS: dict[str, Row] = {
    # Data. A change can stand in a WITH of any of them.
    "SelectStmt": _row(K.SELECT, E.READ, may=_WRITES, target="relation"),
    "InsertStmt": _row(K.INSERT, E.INSERT, may=_WRITES, target="relation"),
    "UpdateStmt": _row(K.UPDATE, E.UPDATE, may=_WRITES, target="relation"),
    "DeleteStmt": _row(K.DELETE, E.DELETE, may=_WRITES, target="relation"),
    "MergeStmt": _row(K.MERGE, may=f"read {_WRITES}", target="relation"),
    "TruncateStmt": _row(K.TRUNCATE, E.TRUNCATE, target="relations"),
    "CopyStmt": _row(K.COPY, may=f"read {_WRITES}", target="relation"),
    "LockStmt": _row(K.LOCK, E.READ, walked="relations"),
    # What carries another statement.
    "ExplainStmt": _row(K.EXPLAIN, may=f"{_ANY_QUERY} create"),
    "PrepareStmt": _row(K.PREPARE, E.SESSION, name="name"),
    "ExecuteStmt": _row(K.EXECUTE, E.OPAQUE, walked="params", name="name"),
    "DeallocateStmt": _row(K.DEALLOCATE, E.SESSION, name="name"),
    "DeclareCursorStmt": _row(K.CURSOR, E.READ, may=_WRITES, name="portalname"),
    "FetchStmt": _row(K.CURSOR, E.READ, name="portalname"),
    "ClosePortalStmt": _row(K.CURSOR, E.READ, name="portalname"),
    "CreateTableAsStmt": _row(K.CREATE, E.CREATE, may=_ANY_QUERY),
    "CreateSchemaStmt": _row(K.CREATE, E.CREATE, may="add grant opaque"),
    "DoStmt": _row(K.DO, E.OPAQUE),
    "CallStmt": _row(K.CALL, E.OPAQUE, walked="funccall"),
    # The session and its transactions.
    "TransactionStmt": _row(K.TRANSACTION, E.TRANSACTION),
    "VariableSetStmt": _row(K.SESSION, E.SESSION),
    "VariableShowStmt": _row(K.SESSION, E.SESSION, name="name"),
    "ConstraintsSetStmt": _row(K.SESSION, E.SESSION),
    "DiscardStmt": _row(K.SESSION, E.SESSION),
    "ListenStmt": _row(K.SESSION, E.SESSION),
    "UnlistenStmt": _row(K.SESSION, E.SESSION),
    "NotifyStmt": _row(K.SESSION, E.SESSION),
    # Maintenance rewrites storage and changes no row, but runs the expressions of indexes.
    "CheckPointStmt": _row(K.MAINTENANCE, E.SERVER),
    "VacuumStmt": _row(K.MAINTENANCE, E.READ, walked="rels"),
    "ClusterStmt": _row(K.MAINTENANCE, E.READ, walked="relation"),
    "ReindexStmt": _row(K.MAINTENANCE, E.READ, walked="relation"),
    "RefreshMatViewStmt": _row(K.MAINTENANCE, E.READ, walked="relation"),
    # Grants and roles.
    "GrantStmt": _row(K.GRANT, E.GRANT),
    "GrantRoleStmt": _row(K.GRANT, E.GRANT),
    "AlterDefaultPrivilegesStmt": _row(K.GRANT, E.GRANT),
    "CreateRoleStmt": _row(K.ROLE, E.GRANT),
    "AlterRoleStmt": _row(K.ROLE, E.GRANT, name="role"),
    "AlterRoleSetStmt": _row(K.ROLE, E.GRANT),
    "DropRoleStmt": _row(K.ROLE, E.GRANT, E.DROP),
    "ReassignOwnedStmt": _row(K.ROLE, E.GRANT, E.DROP),
    "DropOwnedStmt": _row(K.ROLE, E.GRANT, E.DROP),
    # The whole server, or code that a superuser loads into it.
    "AlterSystemStmt": _row(K.SERVER, E.SERVER, outside_block=True),
    "CreatedbStmt": _row(K.SERVER, E.SERVER, outside_block=True),
    "DropdbStmt": _row(K.SERVER, E.SERVER, E.DROP, outside_block=True),
    "AlterDatabaseStmt": _row(K.SERVER, E.SERVER),
    "AlterDatabaseSetStmt": _row(K.SERVER, E.SERVER),
    "AlterDatabaseRefreshCollStmt": _row(K.SERVER, E.SERVER),
    "CreateTableSpaceStmt": _row(K.SERVER, E.SERVER, outside_block=True),
    "DropTableSpaceStmt": _row(K.SERVER, E.SERVER, E.DROP, outside_block=True),
    "AlterTableSpaceOptionsStmt": _row(K.SERVER, E.SERVER),
    "AlterTableMoveAllStmt": _row(K.SERVER, E.SERVER, E.ALTER),
    "LoadStmt": _row(K.SERVER, E.SERVER),
    "CreateSubscriptionStmt": _row(K.SERVER, E.SERVER, outside_block=True),
    "AlterSubscriptionStmt": _row(K.SERVER, E.SERVER, outside_block=True),
    "DropSubscriptionStmt": _row(K.SERVER, E.SERVER, E.DROP, outside_block=True),
    # New objects. An extension's script can do anything.
    "CreateExtensionStmt": _row(K.CREATE, E.CREATE, E.OPAQUE),
    "CreatePLangStmt": _row(K.CREATE, E.CREATE, E.OPAQUE, may="alter"),
    "ImportForeignSchemaStmt": _row(K.CREATE, E.CREATE, E.OPAQUE),
    "CreateStmt": _row(K.CREATE, E.CREATE, walked="tableElts inhRelations partbound partspec ofTypename constraints"),
    "CreateForeignTableStmt": _row(K.CREATE, E.CREATE),
    "IndexStmt": _row(K.CREATE, E.CREATE, E.ADD, target="relation"),
    "CreateSeqStmt": _row(K.CREATE, E.CREATE),
    "CreateDomainStmt": _row(K.CREATE, E.CREATE, walked="typeName constraints"),
    "CompositeTypeStmt": _row(K.CREATE, E.CREATE, walked="coldeflist"),
    "CreateEnumStmt": _row(K.CREATE, E.CREATE),
    "CreateRangeStmt": _row(K.CREATE, E.CREATE),
    "CreateStatsStmt": _row(K.CREATE, E.CREATE, walked="exprs relations"),
    "CreateFunctionStmt": _row(K.CREATE, E.CREATE, may="alter"),
    "CreateFdwStmt": _row(K.CREATE, E.CREATE),
    "CreateForeignServerStmt": _row(K.CREATE, E.CREATE),
    "CreateUserMappingStmt": _row(K.CREATE, E.CREATE),
    "CreateAmStmt": _row(K.CREATE, E.CREATE),
    "CreateEventTrigStmt": _row(K.CREATE, E.CREATE),
    "CreateTrigStmt": _row(K.CREATE, E.ADD, E.CREATE, may="alter", target="relation"),
    "CreatePolicyStmt": _row(K.CREATE, E.ADD, E.CREATE, target="table"),
    "RuleStmt": _row(K.CREATE, E.ADD, E.CREATE, may="alter", target="relation"),
    "CreateOpClassStmt": _row(K.CREATE, E.CREATE),
    "CreateOpFamilyStmt": _row(K.CREATE, E.CREATE),
    "CreateCastStmt": _row(K.CREATE, E.CREATE),
    "CreateConversionStmt": _row(K.CREATE, E.CREATE),
    "CreateTransformStmt": _row(K.CREATE, E.CREATE, may="alter"),
    "CreatePublicationStmt": _row(K.CREATE, E.CREATE),
    "DefineStmt": _row(K.CREATE, E.CREATE, may="alter"),
    "ViewStmt": _row(K.CREATE, E.CREATE, may=f"alter {_WRITES}", walked="query"),
    # Changed objects.
    "AlterTableStmt": _row(K.ALTER, may="add alter drop", target="relation"),
    "AlterDomainStmt": _row(K.ALTER, may="add alter drop"),
    "AlterEnumStmt": _row(K.ALTER, may="add alter"),
    "RenameStmt": _row(K.ALTER, E.ALTER, may="grant server", target="relation"),
    "AlterOwnerStmt": _row(K.ALTER, E.ALTER, may="grant server", target="relation"),
    "AlterExtensionStmt": _row(K.ALTER, E.ALTER, E.OPAQUE),
    "AlterCollationStmt": _row(K.ALTER, E.ALTER),
    "AlterEventTrigStmt": _row(K.ALTER, E.ALTER),
    "AlterExtensionContentsStmt": _row(K.ALTER, E.ALTER),
    "AlterFdwStmt": _row(K.ALTER, E.ALTER),
    "AlterForeignServerStmt": _row(K.ALTER, E.ALTER),
    "AlterUserMappingStmt": _row(K.ALTER, E.ALTER),
    "AlterPolicyStmt": _row(K.ALTER, E.ALTER, target="table"),
    "AlterSeqStmt": _row(K.ALTER, E.ALTER, target="sequence"),
    "AlterOpFamilyStmt": _row(K.ALTER, E.ALTER),
    "AlterStatsStmt": _row(K.ALTER, E.ALTER),
    "AlterFunctionStmt": _row(K.ALTER, E.ALTER),
    "AlterObjectDependsStmt": _row(K.ALTER, E.ALTER),
    "AlterObjectSchemaStmt": _row(K.ALTER, E.ALTER, target="relation"),
    "AlterOperatorStmt": _row(K.ALTER, E.ALTER),
    "AlterTypeStmt": _row(K.ALTER, E.ALTER),
    "AlterTSDictionaryStmt": _row(K.ALTER, E.ALTER),
    "AlterTSConfigurationStmt": _row(K.ALTER, E.ALTER),
    "AlterPublicationStmt": _row(K.ALTER, E.ALTER),
    "SecLabelStmt": _row(K.ALTER, E.ALTER),
    "CommentStmt": _row(K.COMMENT, E.ADD),
    # Objects that go.
    "DropStmt": _row(K.DROP, E.DROP),
    "DropUserMappingStmt": _row(K.DROP, E.DROP),
}

# With OR REPLACE these overwrite what is there.
REPLACING = frozenset(
    "CreateFunctionStmt CreatePLangStmt CreateTransformStmt CreateTrigStmt DefineStmt RuleStmt ViewStmt".split()
)
