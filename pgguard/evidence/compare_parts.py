"""Which parts of relations are lost or weaker inside: constraints, triggers, rules, policies, indexes, inheritance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from pgguard.evidence.measurement import Destroyed
from pgguard.evidence.sides import KINDS, TABLES, Constraint, Index, Policy, Rule, Sides, Trigger

Part = TypeVar("Part", Constraint, Trigger, Rule, Policy, Index)


def parts_lost(sides: Sides) -> Iterator[Destroyed]:
    yield from _constraints(sides)
    yield from _triggers(sides)
    yield from _rules(sides)
    yield from _policies(sides)
    yield from _indexes(sides)
    yield from _parents(sides)


def _again(part: Part, inside: Mapping[str, Part]) -> Part | None:
    """The same part inside: by OID, or, made anew (ALTER COLUMN TYPE does that), by name on the same table."""
    same = inside.get(part.oid)
    if same is None:
        same = next((p for p in inside.values() if (p.table, p.name) == (part.table, part.name)), None)
    return same


def _constraints(sides: Sides) -> Iterator[Destroyed]:
    gone = {n for n, c in sides.outside.constraints.items() if _again(c, sides.inside.constraints) is None}
    for oid, before in sides.outside.constraints.items():
        table = sides.alive(before.table)
        # NOT NULL is compared as a property of its column on every version, constraint triggers as triggers.
        if table is None or before.type in "nt":
            continue
        name = f"{table.name}.{before.name}"
        if oid in gone:
            with_column = any((before.table, n) in sides.gone_columns for n in before.numbers)
            parent = sides.outside.constraints.get(before.parent)
            # Rows that a foreign key keeps per partition come and go with it; people know only the key itself.
            if not with_column and not (parent and (before.parent in gone or parent.table == before.table)):
                yield Destroyed("constraint", name, "dropped", int(oid))
            continue
        now = _again(before, sides.inside.constraints)
        assert now is not None
        if now.name != before.name:
            yield Destroyed("constraint", name, "renamed", int(oid))
        retyped = any((before.table, n) in sides.retyped for n in before.numbers)
        if (
            (before.valid and not now.valid)
            or (before.enforced != "false" and now.enforced == "false")
            or (before.type, before.columns, before.detail) != (now.type, now.columns, now.detail)
            or (before.check != now.check and not retyped)
        ):
            yield Destroyed("constraint", name, "changed", int(oid))


def _weaker(before: str, now: str) -> str:
    """How a trigger's or rule's firing got less: (O)rigin, (A)lways, (R)eplica only, (D)isabled."""
    if before in "OA" and now in "DR":
        return "disabled"
    return "changed" if (before, now) in {("A", "O"), ("R", "D")} else ""


def _triggers(sides: Sides) -> Iterator[Destroyed]:
    own = {n: t for n, t in sides.inside.triggers.items() if not t.internal}
    for oid, before in sides.outside.triggers.items():
        table = sides.alive(before.table)
        if table is None:
            continue
        if before.internal:
            same = sides.inside.triggers.get(oid)
            # Where it is gone its constraint is gone as well, and named.
            if same is not None and (how := _weaker(before.enabled, same.enabled)):
                yield Destroyed("trigger", f"{table.name} foreign keys", how, int(oid))
            continue
        name = f"{table.name}.{before.name}"
        now = _again(before, own)
        if now is None:
            parent = sides.outside.triggers.get(before.parent)
            if parent is None or _again(parent, own) is not None:
                yield Destroyed("trigger", name, "dropped", int(oid))
            continue
        if now.name != before.name:
            yield Destroyed("trigger", name, "renamed", int(oid))
        if how := _weaker(before.enabled, now.enabled):
            yield Destroyed("trigger", name, how, int(oid))
        if (now.detail, now.when) != (before.detail, before.when):
            yield Destroyed("trigger", name, "replaced", int(oid))


def _rules(sides: Sides) -> Iterator[Destroyed]:
    for oid, before in sides.outside.rules.items():
        table = sides.alive(before.table)
        if table is None:
            continue
        name = f"{table.name}.{before.name}"
        now = _again(before, sides.inside.rules)
        if before.name == "_RETURN":  # what makes a view a view
            if now is None or now.action != before.action:
                yield Destroyed(KINDS.get(table.kind, "view"), table.name, "replaced", int(before.table))
            continue
        if now is None:
            yield Destroyed("rule", name, "dropped", int(oid))
            continue
        if now.name != before.name:
            yield Destroyed("rule", name, "renamed", int(oid))
        if how := _weaker(before.enabled, now.enabled):
            yield Destroyed("rule", name, how, int(oid))
        if (now.event, now.instead, now.action, now.when) != (before.event, before.instead, before.action, before.when):
            yield Destroyed("rule", name, "replaced", int(oid))


def _policies(sides: Sides) -> Iterator[Destroyed]:
    for oid, before in sides.outside.policies.items():
        table = sides.alive(before.table)
        if table is None:
            continue
        name = f"{table.name}.{before.name}"
        now = _again(before, sides.inside.policies)
        if now is None:
            yield Destroyed("policy", name, "dropped", int(oid))
            continue
        if now.name != before.name:
            yield Destroyed("policy", name, "renamed", int(oid))
        if (now.detail, now.using, now.check) != (before.detail, before.using, before.check):
            yield Destroyed("policy", name, "changed", int(oid))


def _indexes(sides: Sides) -> Iterator[Destroyed]:
    with_constraint = {c.backing for c in sides.outside.constraints.values() if c.type in "pux"}
    for oid, before in sides.outside.indexes.items():
        table = sides.outside.relations.get(before.table)
        where = table or sides.outside.relations.get(oid)
        gone_table = table is not None and before.table not in sides.inside.relations
        if where is None or gone_table or where.kind == "t" or where.extension in sides.gone_extensions:
            continue
        name = f"{where.schema}.{before.name}"
        now = _again(before, sides.inside.indexes)
        if now is None:
            with_column = any((before.table, n) in sides.gone_columns for n in before.numbers)
            # FAIL CLOSED: the constraint speaks for its index only where the table's constraints were listed.
            if not with_column and not (oid in with_constraint and table is not None):
                yield Destroyed("index", name, "dropped", int(oid))
            continue
        retyped = any(key[0] == before.table for key in sides.retyped)
        if (
            (before.unique and not now.unique)
            or (before.immediate and not now.immediate)
            or (before.valid and not now.valid)
            or (before.columns, before.detail) != (now.columns, now.detail)
            or (_depends_on_types(before) != _depends_on_types(now) and not retyped)
        ):
            yield Destroyed("index", name, "replaced", int(oid))


def _depends_on_types(index: Index) -> tuple[str | None, ...]:
    return index.expressions, index.predicate, index.classes


def _parents(sides: Sides) -> Iterator[Destroyed]:
    for child, parent in sides.outside.parents - sides.inside.parents:
        table = sides.alive(child)
        gone_parent = parent in sides.outside.relations and parent not in sides.inside.relations
        if table is not None and table.kind in TABLES and not gone_parent:
            yield Destroyed("table", table.name, "changed", int(child))
