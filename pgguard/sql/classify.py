"""What a statement is and what it does: libpg_query's node becomes a ``Statement``, by the allowlist ``kinds.ROWS``.

FAIL CLOSED: a node without a row, a form that nobody expected, or anything unknown inside makes the statement OPAQUE.
Everything executable inside something else counts as what it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pgguard.sql import alter, blocking, drops, keys, settings
from pgguard.sql import tree as t
from pgguard.sql.draft import Draft, opaque
from pgguard.sql.kinds import REPLACING, ROWS
from pgguard.sql.statement import Control, DropTarget, Effect, Name, Setting, Statement, StatementKind
from pgguard.sql.tree import Tree

_CURSOR_OPT_HOLD = 0x0020  # parsenodes.h
_BLOCKING = frozenset({StatementKind.CREATE, StatementKind.DROP, StatementKind.MAINTENANCE})
# Where the relation stands that a statement makes.
_MAKES = {
    "CreateStmt": ("relation",), "CreateTableAsStmt": ("into", "rel"), "SelectStmt": ("intoClause", "rel"),
    "ViewStmt": ("view",), "CreateSeqStmt": ("sequence",),
}  # fmt: skip
_STATE_TYPES = frozenset({"stype", "stype1", "mstype"})
# What an operator or an aggregate is made of: a call of it does not name them.
_PARTS = frozenset("function procedure sfunc sfunc1 finalfunc combinefunc msfunc minvfunc mfinalfunc".split())


def classify(stmt: Tree, start: int, length: int) -> Statement:
    """The statement in ``{"DeleteStmt": {...}}``, at these bytes of its text."""
    ((node, body),) = stmt.items()
    row = ROWS.get(node)
    if row is None:
        return opaque(node, start, length, f"unknown statement {node}")
    draft = Draft(node, start, length)
    draft.is_a(row.kind, *row.effects)
    draft.outside_block = row.outside_block
    _FILL.get(node, _plain)(draft, body)
    if node in _MAKES:
        draft.temporary = _makes_temporary(node, body)
    if row.kind in _BLOCKING:
        draft.details.extend(blocking.statement(node, body))
    return draft.finish()


def _makes_temporary(node: str, body: Tree) -> bool:
    relation = body
    for field in _MAKES[node]:
        relation = relation.get(field, {})
    temporary = relation.get("relpersistence") == "t" or relation.get("schemaname") == "pg_temp"
    return temporary and "inhRelations" not in body  # a child, or a partition, is seen by its parent


def _inner(stmt: Tree, draft: Draft) -> Statement:
    """FAIL CLOSED: a SELECT that sets something is a SET only where it stands for itself."""
    return replace(classify(stmt, draft.start, draft.length), setting=None)


def _plain(draft: Draft, body: Tree) -> None:
    row = ROWS[draft.node]
    for part in row.walked:
        if part in body:
            draft.names.walk({part: body[part]})
    if row.target:
        draft.target(body.get(row.target), Effect.ADD if Effect.ADD in row.effects else Effect.ALTER)
    if row.name:
        named = body.get(row.name, "")
        draft.name = named if isinstance(named, str) else named.get("rolename", "")  # a RoleSpec
    if body.get("replace") and draft.node in REPLACING:
        draft.names.effects.add(Effect.ALTER)


def _data(draft: Draft, body: Tree) -> None:
    draft.names.walk({draft.node: body})
    draft.key_terms = keys.key_terms(draft.node, body)
    if draft.key_terms:
        draft.reused_params = keys.reused_params(body)
    if not draft.names.effects:
        draft.names.effects.add(Effect.READ)  # a MERGE that does nothing
    if Effect.CREATE in draft.names.effects:
        draft.kind = StatementKind.CREATE  # SELECT INTO
    if draft.node == "SelectStmt":
        draft.setting = settings.set_by_call(body)


def _truncate(draft: Draft, body: Tree) -> None:
    for relation in body.get("relations", ()):
        draft.target(relation["RangeVar"], Effect.TRUNCATE)


def _copy(draft: Draft, body: Tree) -> None:
    program, file = bool(body.get("is_program")), "filename" in body
    draft.files = program or file
    if "query" in body:
        draft.carry(_inner(body["query"], draft), runs=True)
    elif body.get("is_from"):
        draft.target(body["relation"], Effect.INSERT)
        draft.copy_in = not draft.files
        draft.names.walk(body.get("whereClause", {}))
    else:
        draft.names.effects.add(Effect.READ)
        draft.names.walk(body["relation"])


def _explain(draft: Draft, body: Tree) -> None:
    runs = t.switched_on(body.get("options", ()), "analyze")
    draft.carry(_inner(body["query"], draft), runs=runs)
    if not runs:
        draft.names.effects.add(Effect.READ)


def _create_as(draft: Draft, body: Tree) -> None:
    draft.carry(_inner(body["query"], draft), runs=True)


def _prepare(draft: Draft, body: Tree) -> None:
    """PREPARE runs nothing; what it carries is judged when it is executed."""
    draft.name = body.get("name", "")
    inner = _inner(body["query"], draft)
    declared = body.get("argtypes", ())
    types = tuple(t.dotted(each["TypeName"]["names"]) for each in declared)
    draft.names.types.update(dict.fromkeys(types))
    terms = keys.with_declared_types(inner.key_terms, keys.prepared_types(declared))
    draft.inner.append(replace(inner, key_terms=terms, types=tuple(dict.fromkeys((*inner.types, *types)))))


def _declare(draft: Draft, body: Tree) -> None:
    draft.name = body.get("portalname", "")
    draft.with_hold = bool(body.get("options", 0) & _CURSOR_OPT_HOLD)
    draft.carry(_inner(body["query"], draft), runs=True)


def _create_schema(draft: Draft, body: Tree) -> None:
    for element in body.get("schemaElts", ()):
        draft.carry(_inner(element, draft), runs=True)


def _create_foreign_table(draft: Draft, body: Tree) -> None:
    draft.names.walk({part: child for part, child in body.get("base", {}).items() if part != "relation"})


def _create_index(draft: Draft, body: Tree) -> None:
    draft.target(body["relation"], Effect.ADD)
    draft.outside_block = bool(body.get("concurrent"))
    draft.names.walk({part: child for part, child in body.items() if part != "relation"})


def _create_conversion(draft: Draft, body: Tree) -> None:
    draft.names.calls[t.dotted(body.get("func_name", ()))] = None  # the server tries the function out


def _define(draft: Draft, body: Tree) -> None:
    """CREATE AGGREGATE tries its initial value on the state's type, and a domain's check is run by that."""
    _plain(draft, body)
    for item in body.get("definition", ()):
        name, value = item["DefElem"].get("defname", "").lower(), item["DefElem"].get("arg", {})
        if name in _STATE_TYPES:
            draft.names.walk(value)
        elif name in _PARTS and "TypeName" in value:
            draft.names.calls[t.dotted(value["TypeName"]["names"])] = None


def _create_rule(draft: Draft, body: Tree) -> None:
    _plain(draft, body)
    if body.get("event") == "CMD_SELECT":
        draft.names.effects.add(Effect.ALTER)  # PostgreSQL 15 makes a view of an empty table


def _drop(draft: Draft, body: Tree) -> None:
    draft.drops.extend(drops.targets(body))
    draft.outside_block = bool(body.get("concurrent"))


def _drop_named(what: str, field: str) -> Callable[[Draft, Tree], None]:
    def fill(draft: Draft, body: Tree) -> None:
        draft.drops.append(DropTarget(what, Name(body.get(field, ""))))

    return fill


def _drop_roles(draft: Draft, body: Tree) -> None:
    for role in body.get("roles", ()):
        draft.drops.append(DropTarget("role", Name(role["RoleSpec"].get("rolename", ""))))


def _alter_object(field: str) -> Callable[[Draft, Tree], None]:
    """RENAME and OWNER TO, of every kind of object: roles and databases are judged as what they are."""

    def fill(draft: Draft, body: Tree) -> None:
        kind = drops.kind_of(body.get(field, ""))
        if kind == "role":
            draft.is_a(StatementKind.ROLE, Effect.GRANT)
        elif kind in ("database", "tablespace", "subscription"):
            draft.is_a(StatementKind.SERVER, Effect.SERVER)
        draft.subcommands.append(f"rename {kind}" if draft.node == "RenameStmt" else f"owner of {kind}")
        draft.target(body.get("relation"), Effect.ALTER)

    return fill


def _grant(draft: Draft, body: Tree) -> None:
    _plain(draft, body)
    draft.subcommands.append(f"grant on {drops.kind_of(body.get('objtype', ''))}")


def _set_schema(draft: Draft, body: Tree) -> None:
    _plain(draft, body)
    draft.subcommands.append("set schema")


def _alter_event_trigger(draft: Draft, body: Tree) -> None:
    if body.get("tgenabled") == "D":
        draft.subcommands.append("disable event trigger")


def _alter_database(draft: Draft, body: Tree) -> None:
    draft.outside_block = "tablespace" in t.options(body.get("options", ()))


def _maintenance(draft: Draft, body: Tree) -> None:
    _plain(draft, body)
    if draft.node == "VacuumStmt":
        draft.outside_block = bool(body.get("is_vacuumcmd"))
    elif draft.node == "ClusterStmt":
        draft.outside_block = "relation" not in body
    else:
        draft.outside_block = "relation" not in body or t.switched_on(body.get("params", ()), "concurrently")


def _set(draft: Draft, body: Tree) -> None:
    draft.setting = settings.setting(body)
    if draft.setting is None:
        draft.names.trouble = f"unknown form of SET {body.get('name', '')}"


def _discard(draft: Draft, body: Tree) -> None:
    if body.get("target", "DISCARD_ALL") == "DISCARD_ALL":
        draft.setting = Setting("all", None)
        draft.outside_block = True


_CONTROL = {
    "TRANS_STMT_BEGIN": Control.BEGIN,
    "TRANS_STMT_START": Control.BEGIN,
    "TRANS_STMT_COMMIT": Control.COMMIT,
    "TRANS_STMT_ROLLBACK": Control.ROLLBACK,
    "TRANS_STMT_SAVEPOINT": Control.SAVEPOINT,
    "TRANS_STMT_RELEASE": Control.RELEASE,
    "TRANS_STMT_ROLLBACK_TO": Control.ROLLBACK_TO,
    "TRANS_STMT_PREPARE": Control.PREPARE,
    "TRANS_STMT_COMMIT_PREPARED": Control.COMMIT_PREPARED,
    "TRANS_STMT_ROLLBACK_PREPARED": Control.ROLLBACK_PREPARED,
}


def _transaction(draft: Draft, body: Tree) -> None:
    draft.control = _CONTROL.get(body.get("kind", ""))
    draft.chain = bool(body.get("chain"))
    draft.name = body.get("savepoint_name") or body.get("gid") or ""
    draft.outside_block = draft.control in (Control.COMMIT_PREPARED, Control.ROLLBACK_PREPARED)
    if draft.control is None:
        draft.names.trouble = f"unknown transaction statement {body.get('kind', '')}"


def _lock(draft: Draft, body: Tree) -> None:
    _plain(draft, body)
    # ROW EXCLUSIVE, what INSERT, UPDATE and DELETE take, conflicts with SHARE (5) and above; reads with 8 alone.
    draft.excludes = body.get("mode", 8) > 4


# What a row alone does not say.
_FILL: dict[str, Callable[[Draft, Tree], None]] = {
    "SelectStmt": _data,
    "InsertStmt": _data,
    "UpdateStmt": _data,
    "DeleteStmt": _data,
    "MergeStmt": _data,
    "TruncateStmt": _truncate,
    "CopyStmt": _copy,
    "ExplainStmt": _explain,
    "CreateTableAsStmt": _create_as,
    "PrepareStmt": _prepare,
    "DeclareCursorStmt": _declare,
    "CreateSchemaStmt": _create_schema,
    "CreateForeignTableStmt": _create_foreign_table,
    "IndexStmt": _create_index,
    "CreateConversionStmt": _create_conversion,
    "DefineStmt": _define,
    "AlterTableStmt": alter.alter_table,
    "AlterDomainStmt": alter.alter_domain,
    "AlterEnumStmt": alter.alter_enum,
    "AlterEventTrigStmt": _alter_event_trigger,
    "AlterObjectSchemaStmt": _set_schema,
    "GrantStmt": _grant,
    "RenameStmt": _alter_object("renameType"),
    "AlterOwnerStmt": _alter_object("objectType"),
    "AlterDatabaseStmt": _alter_database,
    "RuleStmt": _create_rule,
    "DropStmt": _drop,
    "DropdbStmt": _drop_named("database", "dbname"),
    "DropTableSpaceStmt": _drop_named("tablespace", "tablespacename"),
    "DropSubscriptionStmt": _drop_named("subscription", "subname"),
    "DropUserMappingStmt": _drop_named("user mapping", "servername"),
    "DropRoleStmt": _drop_roles,
    "VacuumStmt": _maintenance,
    "ClusterStmt": _maintenance,
    "ReindexStmt": _maintenance,
    "VariableSetStmt": _set,
    "LockStmt": _lock,
    "DiscardStmt": _discard,
    "TransactionStmt": _transaction,
}
