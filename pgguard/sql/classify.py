"""What a statement is and what it does: libpg_query's node becomes a ``Statement``, by an allowlist.

FAIL CLOSED: a node without a row here or in ``kinds.ROWS``, a form that no row expects, or anything unknown inside
makes the statement OPAQUE. Everything executable inside something else counts as what it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pgguard.sql import alter, drops, keys, settings
from pgguard.sql import tree as t
from pgguard.sql.draft import Draft, opaque
from pgguard.sql.kinds import REPLACING, ROWS
from pgguard.sql.statement import Control, DropTarget, Effect, Name, Setting, Statement, StatementKind
from pgguard.sql.tree import Tree

_CURSOR_OPT_HOLD = 0x0020  # parsenodes.h


def classify(stmt: Tree, start: int, length: int) -> Statement:
    """The statement in ``{"DeleteStmt": {...}}``, at these bytes of its text."""
    ((node, body),) = stmt.items()
    draft = Draft(node, start, length)
    special = _SPECIAL.get(node)
    if special is not None:
        special(draft, body)
    elif node in ROWS:
        _plain(draft, body)
    else:
        return opaque(node, start, length, f"unknown statement {node}")
    return draft.finish()


def _inner(stmt: Tree, draft: Draft) -> Statement:
    return classify(stmt, draft.start, draft.length)


def _plain(draft: Draft, body: Tree) -> None:
    row = ROWS[draft.node]
    draft.is_a(row.kind, *row.effects)
    for part in row.walked:
        if part in body:
            draft.names.walk({part: body[part]})
    if row.target:
        draft.target(body.get(row.target), Effect.ADD if Effect.ADD in row.effects else Effect.ALTER)
    if row.name:
        draft.name = body.get(row.name, "")
    draft.outside_block = row.outside_block
    if body.get("replace") and draft.node in REPLACING:
        draft.names.effects.add(Effect.ALTER)
    if draft.node == "AlterEventTrigStmt" and body.get("tgenabled") == "D":
        draft.subcommands.append("disable event trigger")


def _data(kind: StatementKind, *effects: Effect) -> Callable[[Draft, Tree], None]:
    def fill(draft: Draft, body: Tree) -> None:
        draft.is_a(kind, *effects)
        draft.names.walk({draft.node: body})
        draft.key_terms = keys.key_terms(draft.node, body)
        if draft.key_terms:
            draft.reused_params = keys.reused_params(body)
        if not draft.names.effects:
            draft.names.effects.add(Effect.READ)  # a MERGE that does nothing
        if Effect.CREATE in draft.names.effects:
            draft.kind = StatementKind.CREATE  # SELECT INTO

    return fill


def _truncate(draft: Draft, body: Tree) -> None:
    draft.is_a(StatementKind.TRUNCATE, Effect.TRUNCATE)
    for relation in body.get("relations", ()):
        draft.target(relation["RangeVar"], Effect.TRUNCATE)


def _copy(draft: Draft, body: Tree) -> None:
    draft.kind = StatementKind.COPY
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
    draft.is_a(StatementKind.EXPLAIN, Effect.READ)
    runs = t.switched_on(body.get("options", ()), "analyze")
    draft.carry(_inner(body["query"], draft), runs=runs)
    if runs:
        draft.names.effects = set(draft.inner[0].effects)


def _create_as(draft: Draft, body: Tree) -> None:
    draft.is_a(StatementKind.CREATE, Effect.CREATE)
    draft.carry(_inner(body["query"], draft), runs=True)


def _prepare(draft: Draft, body: Tree) -> None:
    """PREPARE runs nothing; what it carries is judged when it is executed."""
    draft.is_a(StatementKind.PREPARE, Effect.SESSION)
    draft.name = body.get("name", "")
    inner = _inner(body["query"], draft)
    declared = body.get("argtypes", ())
    types = tuple(t.dotted(each["TypeName"]["names"]) for each in declared)
    draft.names.types.update(dict.fromkeys(types))
    terms = keys.with_declared_types(inner.key_terms, keys.prepared_types(declared))
    draft.inner.append(replace(inner, key_terms=terms, types=tuple(dict.fromkeys((*inner.types, *types)))))


def _declare(draft: Draft, body: Tree) -> None:
    draft.kind = StatementKind.CURSOR
    draft.name = body.get("portalname", "")
    draft.with_hold = bool(body.get("options", 0) & _CURSOR_OPT_HOLD)
    draft.carry(_inner(body["query"], draft), runs=True)


def _create_schema(draft: Draft, body: Tree) -> None:
    draft.is_a(StatementKind.CREATE, Effect.CREATE)
    for element in body.get("schemaElts", ()):
        draft.carry(_inner(element, draft), runs=True)


def _create_foreign_table(draft: Draft, body: Tree) -> None:
    draft.is_a(StatementKind.CREATE, Effect.CREATE)
    draft.names.walk({part: child for part, child in body.get("base", {}).items() if part != "relation"})


def _create_index(draft: Draft, body: Tree) -> None:
    draft.is_a(StatementKind.CREATE, Effect.CREATE)
    draft.target(body["relation"], Effect.ADD)
    draft.outside_block = bool(body.get("concurrent"))
    draft.names.walk({part: child for part, child in body.items() if part != "relation"})


def _create_conversion(draft: Draft, body: Tree) -> None:
    draft.is_a(StatementKind.CREATE, Effect.CREATE)
    draft.names.calls[t.dotted(body.get("func_name", ()))] = None  # the server tries the function out


def _drop(draft: Draft, body: Tree) -> None:
    draft.is_a(StatementKind.DROP, Effect.DROP)
    draft.drops.extend(drops.targets(body))
    draft.outside_block = bool(body.get("concurrent"))


def _drop_named(kind: StatementKind, what: str, field: str, *, outside_block: bool) -> Callable[[Draft, Tree], None]:
    def fill(draft: Draft, body: Tree) -> None:
        draft.is_a(kind, Effect.DROP, *((Effect.SERVER,) if kind is StatementKind.SERVER else ()))
        draft.drops.append(DropTarget(what, Name(body.get(field, ""))))
        draft.outside_block = outside_block

    return fill


def _drop_role(draft: Draft, body: Tree) -> None:
    draft.is_a(StatementKind.ROLE, Effect.GRANT, Effect.DROP)
    for role in body.get("roles", ()):
        draft.drops.append(DropTarget("role", Name(role["RoleSpec"].get("rolename", ""))))


def _alter_object(field: str) -> Callable[[Draft, Tree], None]:
    """RENAME and OWNER TO, of every kind of object: roles and databases are judged as what they are."""

    def fill(draft: Draft, body: Tree) -> None:
        kind = drops.kind_of(body.get(field, ""))
        if kind == "role":
            draft.is_a(StatementKind.ROLE, Effect.GRANT, Effect.ALTER)
        elif kind in ("database", "tablespace", "subscription"):
            draft.is_a(StatementKind.SERVER, Effect.SERVER, Effect.ALTER)
        else:
            draft.is_a(StatementKind.ALTER, Effect.ALTER)
        draft.target(body.get("relation"), Effect.ALTER)

    return fill


def _alter_database(draft: Draft, body: Tree) -> None:
    draft.is_a(StatementKind.SERVER, Effect.SERVER)
    draft.outside_block = "tablespace" in t.options(body.get("options", ()))


def _maintenance(draft: Draft, body: Tree) -> None:
    """VACUUM, ANALYZE, CLUSTER, REINDEX: they rewrite storage and change no row, but run index expressions."""
    draft.is_a(StatementKind.MAINTENANCE, Effect.READ)
    draft.names.walk({part: body[part] for part in ("rels", "relation") if part in body})
    if draft.node == "VacuumStmt":
        draft.outside_block = bool(body.get("is_vacuumcmd"))
    elif draft.node == "ClusterStmt":
        draft.outside_block = "relation" not in body
    else:
        draft.outside_block = "relation" not in body or t.switched_on(body.get("params", ()), "concurrently")


def _set(draft: Draft, body: Tree) -> None:
    draft.is_a(StatementKind.SESSION, Effect.SESSION)
    draft.setting = settings.setting(body)
    if draft.setting is None:
        draft.names.trouble = f"unknown form of SET {body.get('name', '')}"


def _discard(draft: Draft, body: Tree) -> None:
    draft.is_a(StatementKind.SESSION, Effect.SESSION)
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
    draft.is_a(StatementKind.TRANSACTION, Effect.TRANSACTION)
    draft.control = _CONTROL.get(body.get("kind", ""))
    draft.chain = bool(body.get("chain"))
    draft.name = body.get("savepoint_name") or body.get("gid") or ""
    draft.outside_block = draft.control in (Control.COMMIT_PREPARED, Control.ROLLBACK_PREPARED)
    if draft.control is None:
        draft.names.trouble = f"unknown transaction statement {body.get('kind', '')}"


_SPECIAL: dict[str, Callable[[Draft, Tree], None]] = {
    "SelectStmt": _data(StatementKind.SELECT, Effect.READ),
    "InsertStmt": _data(StatementKind.INSERT),
    "UpdateStmt": _data(StatementKind.UPDATE),
    "DeleteStmt": _data(StatementKind.DELETE),
    "MergeStmt": _data(StatementKind.MERGE),
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
    "AlterTableStmt": alter.alter_table,
    "AlterDomainStmt": alter.alter_domain,
    "AlterEnumStmt": alter.alter_enum,
    "RenameStmt": _alter_object("renameType"),
    "AlterOwnerStmt": _alter_object("objectType"),
    "AlterDatabaseStmt": _alter_database,
    "DropStmt": _drop,
    "DropdbStmt": _drop_named(StatementKind.SERVER, "database", "dbname", outside_block=True),
    "DropTableSpaceStmt": _drop_named(StatementKind.SERVER, "tablespace", "tablespacename", outside_block=True),
    "DropSubscriptionStmt": _drop_named(StatementKind.SERVER, "subscription", "subname", outside_block=True),
    "DropUserMappingStmt": _drop_named(StatementKind.DROP, "user mapping", "servername", outside_block=False),
    "DropRoleStmt": _drop_role,
    "VacuumStmt": _maintenance,
    "ClusterStmt": _maintenance,
    "ReindexStmt": _maintenance,
    "VariableSetStmt": _set,
    "DiscardStmt": _discard,
    "TransactionStmt": _transaction,
}
