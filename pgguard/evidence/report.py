"""A transaction's sum and what it destroys, put together as a Measurement."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pgguard.evidence.measurement import Destroyed, Measurement, Rows, TableEffect


def measurement(
    rows: Mapping[int, Rows],
    names: Mapping[int, str],
    destroyed: tuple[Destroyed, ...] = (),
    targets: Collection[int] = (),
    totals: Mapping[int, int] | None = None,
    created: Collection[int] = (),
    stops: Mapping[int, int] | None = None,
) -> Measurement:
    """``rows``: the ledger's sum; ``names``: its names; ``targets``: OIDs that statements name; ``totals``: rows
    before, where counted; ``created``: tables of this transaction's own making, left out; ``stops``: where
    counting ended. Worst table first."""
    effects = [
        TableEffect(
            oid, names.get(oid, f"relation {oid}"), changed, oid in targets, (totals or {}).get(oid),
            oid in (totals or {}) and (totals or {})[oid] >= (stops or {}).get(oid, 0) > 0,
        )
        for oid, changed in rows.items()
        if oid not in created
    ]
    return Measurement(tuple(sorted(effects, key=lambda e: (-e.rows.lost, e.name))), destroyed)
