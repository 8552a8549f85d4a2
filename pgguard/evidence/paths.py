"""By which foreign key the rows of a table were probably reached: the counters tell how many, and never why."""

from __future__ import annotations

from dataclasses import replace

from pgguard.catalog.picture import ForeignKey, Picture
from pgguard.evidence.measurement import Measurement, TableEffect

_ACTS = ("c", "n", "d")  # CASCADE, SET NULL, SET DEFAULT


def with_paths(measurement: Measurement, picture: Picture | None) -> Measurement:
    """The same, each table that no statement names with the table whose rows its foreign keys followed (``via``)."""
    if picture is None:
        return measurement
    lost = {table.oid: table for table in measurement.tables if table.rows.lost}
    tables = tuple(
        table if table.named or table.oid not in lost else replace(table, via=_via(table, lost, picture))
        for table in measurement.tables
    )
    return replace(measurement, tables=tables)


def _via(table: TableEffect, lost: dict[int, TableEffect], picture: Picture) -> str:
    relation = picture.relations.get(table.oid)
    keys = relation.outgoing if relation is not None else ()
    parents = [
        lost[key.references]
        for key in keys
        if key.references in lost and key.references != table.oid and _follows(key, lost[key.references], table)
    ]
    if not parents:
        return ""
    return min(parents, key=lambda parent: (not parent.named, -parent.rows.lost, parent.name)).name


def _follows(key: ForeignKey, parent: TableEffect, child: TableEffect) -> bool:
    """Whether what happened to the parent makes this key do what happened to the child."""
    by_delete = child.rows.deleted if key.on_delete == "c" else child.rows.updated
    if parent.rows.deleted and key.on_delete in _ACTS and by_delete:
        return True
    return bool(parent.rows.updated and key.on_update in _ACTS and child.rows.updated)
