"""Inside against outside: what a transaction destroys besides rows. Present outside, and missing or weaker inside.

What is only inside is new, and nothing is lost by it. Parts that go with their whole (a table's own indexes,
constraints and sequences) are not named again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from pgguard.evidence.compare_lists import lists_lost
from pgguard.evidence.compare_parts import parts_lost
from pgguard.evidence.compare_temporary import going
from pgguard.evidence.envelope import Row
from pgguard.evidence.measurement import Destroyed, Rows
from pgguard.evidence.sides import KINDS, TABLES, Relation, Side, Sides


def compare(
    outside: Sequence[Row],
    inside: Sequence[Row],
    inside_empty: Mapping[int, bool] | None = None,
    catalogs: Mapping[str, Rows] | None = None,
    *,
    retypes: bool = True,
) -> tuple[Destroyed, ...]:
    """What is destroyed, each thing once, in a stable order.

    ``inside_empty`` answers for ``suspects``; a suspect that was not asked about counts as emptied. ``catalogs``: the
    reading's counters, for what shows there alone (passwords, contents of large objects). ``retypes``: something in the
    transaction may have given a column a type (``overwritten.retypes``); False only if all of it was read."""
    sides = Sides(Side.of(outside), Side.of(inside))
    found = [
        *_relations_lost(sides),
        *_data_lost(sides, inside_empty or {}, retypes),
        *_columns_lost(sides),
        *parts_lost(sides),
        *lists_lost(sides, catalogs or {}),
        *going(sides),
    ]
    unique: dict[tuple[str, str, str], Destroyed] = {}
    for lost in found:
        unique.setdefault((lost.kind, lost.name, lost.how), lost)
    return tuple(sorted(unique.values(), key=lambda d: (d.kind, d.name, d.how)))


def suspects(outside: Sequence[Row], inside: Sequence[Row]) -> tuple[tuple[int, str, str], ...]:
    """Tables (oid, schema, name) that have new files with rows in them, some of which this transaction inserted:
    rewritten, or truncated and filled again? Ask ``victims.emptiness_sql`` inside. Only those are named that the
    client's role may read whole; asking about others would end its transaction with an error."""
    sides = Sides(Side.of(outside), Side.of(inside))
    return tuple(
        (int(now.oid), now.schema, now.relname)
        for before, now in sides.kept()
        if _new_files(before, now) and now.inside and now.inside[0] > 0 and now.inside[1] > 0 and now.inside[2]
    )


def created(outside: Sequence[Row], inside: Sequence[Row], looked_at: Collection[int] = ()) -> frozenset[int]:
    """Tables that this transaction made: every row in them is its own, and none of them can be lost. ``looked_at``: the
    relations that both queries were about; one that is not outside holds nothing that was committed, also where it is
    gone again inside."""
    sides = Sides(Side.of(outside), Side.of(inside))
    made = {int(oid) for oid, relation in sides.inside.relations.items() if relation.kind in "rp"} | set(looked_at)
    return frozenset(oid for oid in made if str(oid) not in sides.outside.relations)


def _relations_lost(sides: Sides) -> Iterator[Destroyed]:
    for oid, before in sides.outside.relations.items():
        kind = KINDS.get(before.kind)
        if kind is None:
            continue
        now = sides.inside.relations.get(oid)
        if now is None:
            how = _how_gone(sides, before)
            # A table is named also where its extension goes: anybody's table can be made a member of one.
            goes_along = before.extension in sides.gone_extensions and before.kind not in TABLES
            if how and kind != "index" and not goes_along:
                yield Destroyed(kind, before.name, how, int(oid), before.rows)
            continue
        if (now.schema_oid, now.relname) != (before.schema_oid, before.relname):
            yield Destroyed(kind, before.name, "renamed", int(oid))
        if now.kind != before.kind:
            yield Destroyed(kind, before.name, "replaced", int(oid), before.rows)
        follows_table = kind == "index" or before.owned_by is not None
        if (now.owner != before.owner and not follows_table) or now.options != before.options:
            yield Destroyed(kind, before.name, "changed", int(oid))
        if (before.partition and not now.partition) and before.kind in TABLES:
            yield Destroyed(kind, before.name, "changed", int(oid))
        if (before.row_security and not now.row_security) or (before.forced and not now.forced):
            yield Destroyed("policy", before.name, "disabled", int(oid))


def _how_gone(sides: Sides, before: Relation) -> str:
    """dropped, replaced (by a view of the same name), or "" when nothing is lost by it."""
    if before.owned_by is not None:
        table, number = before.owned_by
        # A sequence goes with its column, which is named itself. A table that was not asked about is not going.
        stays = table not in sides.outside.relations or sides.alive(table) is not None
        return "dropped" if stays and (table, number) not in sides.gone_columns else ""
    if before.kind != "v":
        return "dropped"
    for now in sides.inside.relations.values():
        if (now.kind, now.schema_oid, now.relname) == ("v", before.schema_oid, before.relname):
            same = _definition(sides.outside, before) == _definition(sides.inside, now)
            return "" if same else "replaced"
    return "dropped"


def _definition(side: Side, view: Relation) -> tuple[Any, ...]:
    rules = sorted((rule.name, rule.action) for rule in side.rules.values() if rule.table == view.oid)
    triggers = sorted((t.name, t.enabled, t.detail) for t in side.triggers.values() if t.table == view.oid)
    return rules, triggers, view.options, view.owner, view.rights


def _new_files(before: Relation, now: Relation) -> bool:
    # Indexes and materialized views get new files by REINDEX and REFRESH, which lose nothing.
    return before.kind == "r" and now.filenode != before.filenode


def _data_lost(sides: Sides, inside_empty: Mapping[int, bool], retypes: bool) -> Iterator[Destroyed]:
    for before, now in sides.kept():
        if not _new_files(before, now):
            continue
        # FAIL CLOSED: what was not asked, or could not be, counts as emptied.
        size, inserted, _ = now.inside or (0, 0, False)
        emptied = size == 0 or (inserted > 0 and inside_empty.get(int(before.oid), True))
        if emptied:
            yield Destroyed("data", before.name, "truncated", int(before.oid), before.rows)
        elif _values_replaced(sides, before.oid, retypes):
            yield Destroyed("data", before.name, "rewritten", int(before.oid), before.rows)


def _values_replaced(sides: Sides, table: str, retypes: bool) -> bool:
    """ALTER COLUMN TYPE writes the column's catalog row anew, also ``TYPE int USING NULL`` on an int. But so do SET
    DEFAULT, SET NOT NULL, and any rewrite where the column was once added with a stored default."""
    for key, before in sides.outside.columns.items():
        now = sides.inside.columns.get(key)
        if key[0] != table or now is None:
            continue
        if now.type != before.type or (retypes and now.version != before.version):
            return True
    return False


def _columns_lost(sides: Sides) -> Iterator[Destroyed]:
    for key, before in sides.outside.columns.items():
        table = sides.alive(before.oid)
        if table is None or table.kind not in "rpfcmv":
            continue
        name, oid = f"{table.name}.{before.name}", int(before.oid)
        now = sides.inside.columns.get(key)
        if table.kind == "c":
            if now is None or (now.name, now.type) != (before.name, before.type):
                yield Destroyed("type", table.name, "changed", oid)
            continue
        if now is None:
            yield Destroyed("column", name, "dropped", oid, table.rows)
            continue
        if now.name != before.name:
            yield Destroyed("column", name, "renamed", oid)
        if before.generated != now.generated and key not in sides.retyped:
            yield Destroyed("column", name, "changed", oid)
        if before.not_null and not now.not_null:
            yield Destroyed("constraint", f"{name} not null", "dropped", oid)
