"""The plain half of the allowlist: statement nodes whose kind and effects need no more than a row.

Each row says what the statement is, what it does, and which parts of it are walked for names ("" for all of it).
A definition that PostgreSQL only stores (the body of a function, the actions of a rule) is not walked: it runs later,
and what it reaches then is the catalog's business.
"""

from __future__ import annotations

from dataclasses import dataclass

from pgguard.sql.statement import Effect as E
from pgguard.sql.statement import StatementKind as K


@dataclass(frozen=True, slots=True)
class Row:
    kind: K
    effects: frozenset[E]
    walked: tuple[str, ...] = ()  # fields that are walked for names
    target: str = ""  # the field with the relation that is changed
    name: str = ""  # the field with the name of a cursor, prepared statement, role ...
    outside_block: bool = False


def _row(kind: K, *effects: E, walked: str = "", target: str = "", name: str = "", outside_block: bool = False) -> Row:
    return Row(kind, frozenset(effects), tuple(walked.split()), target, name, outside_block)


ROWS: dict[str, Row] = {
    "CheckPointStmt": _row(K.MAINTENANCE, E.SERVER),
    "ClosePortalStmt": _row(K.CURSOR, E.READ, name="portalname"),
    "FetchStmt": _row(K.CURSOR, E.READ, name="portalname"),
    "ConstraintsSetStmt": _row(K.SESSION, E.SESSION),
    "DeallocateStmt": _row(K.DEALLOCATE, E.SESSION, name="name"),
    "ListenStmt": _row(K.SESSION, E.SESSION),
    "UnlistenStmt": _row(K.SESSION, E.SESSION),
    "NotifyStmt": _row(K.SESSION, E.SESSION),
    "VariableShowStmt": _row(K.SESSION, E.SESSION, name="name"),
    "LockStmt": _row(K.LOCK, E.READ, walked="relations"),
    "CommentStmt": _row(K.COMMENT, E.ADD),
    "DoStmt": _row(K.DO, E.OPAQUE),
    "CallStmt": _row(K.CALL, E.OPAQUE, walked="funccall"),
    "ExecuteStmt": _row(K.EXECUTE, E.OPAQUE, walked="params", name="name"),
    "RefreshMatViewStmt": _row(K.MAINTENANCE, E.READ, walked="relation"),
    # Grants and roles.
    "GrantStmt": _row(K.GRANT, E.GRANT),
    "GrantRoleStmt": _row(K.GRANT, E.GRANT),
    "AlterDefaultPrivilegesStmt": _row(K.GRANT, E.GRANT),
    "CreateRoleStmt": _row(K.ROLE, E.GRANT),
    "AlterRoleStmt": _row(K.ROLE, E.GRANT),
    "AlterRoleSetStmt": _row(K.ROLE, E.GRANT),
    "ReassignOwnedStmt": _row(K.ROLE, E.GRANT, E.DROP),
    "DropOwnedStmt": _row(K.ROLE, E.GRANT, E.DROP),
    # The whole server, or code that a superuser loads into it.
    "AlterSystemStmt": _row(K.SERVER, E.SERVER, outside_block=True),
    "CreatedbStmt": _row(K.SERVER, E.SERVER, outside_block=True),
    "AlterDatabaseSetStmt": _row(K.SERVER, E.SERVER),
    "AlterDatabaseRefreshCollStmt": _row(K.SERVER, E.SERVER),
    "CreateTableSpaceStmt": _row(K.SERVER, E.SERVER, outside_block=True),
    "AlterTableSpaceOptionsStmt": _row(K.SERVER, E.SERVER),
    "AlterTableMoveAllStmt": _row(K.SERVER, E.SERVER, E.ALTER),
    "LoadStmt": _row(K.SERVER, E.SERVER),
    "CreateSubscriptionStmt": _row(K.SERVER, E.SERVER, outside_block=True),
    "AlterSubscriptionStmt": _row(K.SERVER, E.SERVER, outside_block=True),
    # New objects. An extension's script can do anything.
    "CreateExtensionStmt": _row(K.CREATE, E.CREATE, E.OPAQUE),
    "AlterExtensionStmt": _row(K.ALTER, E.ALTER, E.OPAQUE),
    "CreatePLangStmt": _row(K.CREATE, E.CREATE, E.OPAQUE),
    "ImportForeignSchemaStmt": _row(K.CREATE, E.CREATE, E.OPAQUE),
    "CreateStmt": _row(K.CREATE, E.CREATE, walked="tableElts inhRelations partbound partspec ofTypename constraints"),
    "CreateSeqStmt": _row(K.CREATE, E.CREATE),
    "CreateDomainStmt": _row(K.CREATE, E.CREATE, walked="typeName constraints"),
    "CompositeTypeStmt": _row(K.CREATE, E.CREATE, walked="coldeflist"),
    "CreateEnumStmt": _row(K.CREATE, E.CREATE),
    "CreateRangeStmt": _row(K.CREATE, E.CREATE),
    "CreateStatsStmt": _row(K.CREATE, E.CREATE, walked="exprs relations"),
    "CreateFunctionStmt": _row(K.CREATE, E.CREATE),
    "CreateFdwStmt": _row(K.CREATE, E.CREATE),
    "CreateForeignServerStmt": _row(K.CREATE, E.CREATE),
    "CreateUserMappingStmt": _row(K.CREATE, E.CREATE),
    "CreateAmStmt": _row(K.CREATE, E.CREATE),
    "CreateEventTrigStmt": _row(K.CREATE, E.CREATE),
    "CreateTrigStmt": _row(K.CREATE, E.ADD, E.CREATE, target="relation"),
    "CreatePolicyStmt": _row(K.CREATE, E.ADD, E.CREATE, target="table"),
    "RuleStmt": _row(K.CREATE, E.ADD, E.CREATE, target="relation"),
    "CreateOpClassStmt": _row(K.CREATE, E.CREATE),
    "CreateOpFamilyStmt": _row(K.CREATE, E.CREATE),
    "CreateCastStmt": _row(K.CREATE, E.CREATE),
    "CreateTransformStmt": _row(K.CREATE, E.CREATE),
    "CreatePublicationStmt": _row(K.CREATE, E.CREATE),
    "DefineStmt": _row(K.CREATE, E.CREATE),
    "ViewStmt": _row(K.CREATE, E.CREATE, walked="query"),
    # Changed objects.
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
}

# With OR REPLACE these overwrite what is there.
REPLACING = frozenset(
    "CreateFunctionStmt CreatePLangStmt CreateTransformStmt CreateTrigStmt DefineStmt RuleStmt ViewStmt".split()
)
