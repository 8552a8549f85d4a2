"""What overwrote nothing although it was counted: an UPDATE that only sets columns which its transaction added.

Migrations add a column and fill it. PostgreSQL counts every row of the table as updated, and the only values that went
are those that the transaction itself had put there. This is believed where the text and the catalog agree:

- every statement was read, and none reaches unread code (the caller sees to that; here ``CODE`` must be untouched);
- the UPDATE means one table, whatever search_path is, and sets columns, by number, that are not there outside;
- nothing else can have updated that table beside it: no trigger that could change the row, no rule, no foreign key
  that passes a change of a table that changed on to this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from pgguard.evidence.envelope import Row
from pgguard.evidence.measurement import Rows
from pgguard.evidence.reading import FIRST_USER_OID
from pgguard.evidence.sides import Relation, Side, Sides
from pgguard.sql.statement import Effect, Name, Statement, StatementKind

# FAIL CLOSED: catalogs in which a migration adds tables and columns. A change in any other could be new code.
WITHOUT_CODE = frozenset(
    """
    pg_class pg_attribute pg_attrdef pg_constraint pg_index pg_inherits pg_depend pg_type pg_enum pg_sequence
    pg_namespace pg_partitioned_table pg_shdepend pg_statistic_ext pg_trigger pg_rewrite
    """.split()
)
_RETYPES = frozenset({"alter column type", "set expression"})
_CHANGES = frozenset({
    Effect.INSERT, Effect.UPDATE, Effect.DELETE, Effect.TRUNCATE, Effect.CREATE, Effect.ADD, Effect.ALTER,
})  # fmt: skip
_MOVES_NAMES = frozenset({"RenameStmt", "AlterObjectSchemaStmt"})
_PASSES_ON = frozenset("cnd")  # CASCADE, SET NULL, SET DEFAULT
_BEFORE, _ON_UPDATE = 1 << 1, 1 << 4  # TRIGGER_TYPE_BEFORE, TRIGGER_TYPE_UPDATE in catalog/pg_trigger.h


def retypes(statements: Iterable[Statement]) -> bool:
    """Whether any of these can give a column other values by giving it a type: ``TYPE int USING 0``."""
    return any(_RETYPES & frozenset(one.subcommands) or retypes(one.inner) for one in statements)


def plain(outside: Sequence[Row], inside: Sequence[Row]) -> frozenset[Name]:
    """Tables that this transaction made and that run nothing: what is done to them needs no proof of the catalog, which
    does not know them yet. Nothing of a user's may stand in them, not even a type."""
    sides = Sides(Side.of(outside), Side.of(inside))
    new = {
        oid: Name(table.relname, table.schema) for oid, table in sides.inside.relations.items()
        if table.kind in "rp" and oid not in sides.outside.relations
    }  # fmt: skip
    now = sides.inside
    busy = {trigger.table for trigger in now.triggers.values() if not trigger.internal}
    busy |= {rule.table for rule in now.rules.values()} | {policy.table for policy in now.policies.values()}
    busy |= {column.oid for column in now.columns.values() if int(column.type.split(" ")[0]) >= FIRST_USER_OID}
    busy |= {table for _, table, _, _, _, functions, types in now.lists.get("code", {}).values() if functions or types}
    return frozenset(name for oid, name in new.items() if oid not in busy)


def without(statement: Statement, leaves_out: Callable[[Name], bool]) -> Statement:
    """The statement as if it did not name these tables, nor change them."""
    writes = tuple(write for write in statement.writes if not leaves_out(write.relation))
    reads = tuple(name for name in statement.reads if not leaves_out(name))
    inner = tuple(without(one, leaves_out) for one in statement.inner)
    if (writes, reads, inner) == (statement.writes, statement.reads, statement.inner):
        return statement
    gone = {write.effect for write in statement.writes} & _CHANGES
    gone -= {write.effect for write in writes} | {effect for one in inner for effect in one.effects}
    effects = statement.effects - gone or frozenset({Effect.READ})
    return replace(statement, writes=writes, reads=reads, inner=inner, effects=effects)


def filled(
    step: Mapping[int, Rows],
    updates: Sequence[tuple[Statement, frozenset[int]]],
    outside: Sequence[Row],
    inside: Sequence[Row],
    catalogs: Iterable[str],
) -> frozenset[int]:
    """Tables whose updates in ``step`` (row changes since the reading before) overwrote nothing.

    ``updates``: the statements that ran since, each with the OIDs that the catalog says it can mean to change."""
    if not frozenset(catalogs) <= WITHOUT_CODE:
        return frozenset()
    if len(updates) > 1 and any(statement.node in _MOVES_NAMES for statement, _ in updates):
        return frozenset()  # the catalog shows what names mean behind the last of them
    sides = Sides(Side.of(outside), Side.of(inside))
    found: dict[int, set[str]] = {}
    for statement, targets in updates:
        if not _may_update(statement):
            continue
        if statement.kind is not StatementKind.UPDATE or len(statement.writes) != 1 or len(targets) != 1:
            return frozenset()  # some table is updated, and it is not certain which, or which columns
        (target,) = targets
        if _may_mean_another(sides, target, statement.writes[0].relation.name):
            return frozenset()
        for oid in _with_descendants(sides, target):
            found.setdefault(oid, set()).update(statement.writes[0].columns)
    return frozenset(
        oid for oid, columns in found.items()
        if step.get(oid, Rows()).updated and _only_new(sides, oid, columns) and not _touched_otherwise(sides, oid, step)
    )  # fmt: skip


def _may_update(statement: Statement) -> bool:
    unsure = statement.kind in (StatementKind.EXECUTE, StatementKind.CURSOR, StatementKind.DO, StatementKind.CALL)
    return unsure or bool(statement.effects & {Effect.UPDATE, Effect.OPAQUE}) or any(map(_may_update, statement.inner))


def _with_descendants(sides: Sides, root: int) -> Iterator[int]:
    seen = {str(root)}
    waiting = [str(root)]
    while waiting:
        oid = waiting.pop()
        yield int(oid)
        below = {child for child, parent in sides.inside.parents if parent == oid} - seen
        seen |= below
        waiting += below


def _may_mean_another(sides: Sides, target: int, name: str) -> bool:
    """A view of the same name, made by this transaction in another schema, would be a window on any other column. A
    table that no DDL has touched (the lock of a migration tool) is not listed, and nothing listed may have its name."""
    table = sides.outside.relations.get(str(target))
    if table is None:
        return any(relation.relname == name for relation in sides.inside.relations.values())
    return any(
        relation.relname == table.relname and relation.kind not in "rp" and oid not in sides.outside.relations
        for oid, relation in sides.inside.relations.items()
    )


def _only_new(sides: Sides, oid: int, names: set[str]) -> bool:
    table = str(oid)
    new = {
        column.name for key, column in sides.inside.columns.items()
        if key[0] == table and key not in sides.outside.columns
    }  # fmt: skip
    return bool(names) and names <= new and _known(sides, table) is not None


def _known(sides: Sides, table: str) -> Relation | None:
    """The table, where it is listed on both sides: then all that can act on it is listed with it."""
    now = sides.inside.relations.get(table)
    return now if now is not None and now.kind in "rp" and table in sides.outside.relations else None


def _touched_otherwise(sides: Sides, oid: int, step: Mapping[int, Rows]) -> bool:
    table = str(oid)
    for key, trigger in sides.inside.triggers.items():
        if trigger.table != table or trigger.internal or not trigger.type & _ON_UPDATE:
            continue
        if trigger.type & _BEFORE or sides.outside.triggers.get(key) != trigger:
            return True
    if any(rule.table == table for rule in sides.inside.rules.values()):
        return True
    for constraint in sides.inside.constraints.values():
        if constraint.table == table and constraint.type == "f":
            referenced, _, on_update, on_delete, *_ = constraint.detail.split(" ")
            changed = step.get(int(referenced), Rows())
            if (changed.updated and on_update in _PASSES_ON) or (changed.deleted and on_delete in _PASSES_ON):
                return True
    return False
