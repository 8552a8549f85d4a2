"""What a measured run changed, as plain data. Made by ``reading`` and ``victims``, judged by ``policy``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rows:
    """Row changes of one relation in this transaction, as PostgreSQL counted them."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    @property
    def lost(self) -> int:
        """Rows destroyed or overwritten: what limits speak of."""
        return self.updated + self.deleted


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer of the reading (see ``evidence.reading`` for its SQL), taken inside the client's transaction."""

    rows: Mapping[int, Rows]  # by relation OID: kind r or p, permanent, not a catalog; zero rows left out
    names: Mapping[int, str]  # OID -> "schema.table", for the same relations (where the relation still exists inside)
    catalogs: Mapping[str, Rows] = field(default_factory=dict)  # catalog name -> changes, only after opaque code or DDL
    strong: tuple[int, ...] = ()  # OIDs of relations on which the transaction holds ShareLock or stronger
    strong_objects: tuple[tuple[int, int], ...] = ()  # (classid, objid) of other objects locked that strongly
    uncountable: tuple[str, ...] = ()  # names of foreign or non-heap tables held with a write lock: cannot be measured
    holdable: tuple[str, ...] = ()  # statements of open WITH HOLD cursors
    search_path: str = ""
    current_user: str = ""
    session_replication_role: str = "origin"
    standard_conforming_strings: bool = True
    track_counts: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)  # pgguard.* settings that are set: "token", "reason" ...


@dataclass(frozen=True, slots=True)
class TableEffect:
    """One table's part in a measurement. ``total``: rows in the table before, where known (never a guess by us)."""

    oid: int
    name: str  # "schema.table"
    rows: Rows
    named: bool = False  # the statement names it as its target; the rest is "by cascade or trigger"
    total: int | None = None
    capped: bool = False  # counting stopped at ``total``: there are at least so many
    via: str = ""  # the table from which a foreign key's action probably reached it


@dataclass(frozen=True, slots=True)
class Destroyed:
    """One thing besides rows that the transaction destroys. ``kind`` as policies write it ('table', 'data' ...)."""

    kind: str
    name: str  # "public.invoices", "public.invoices.amount" for a column
    how: str = "dropped"  # dropped, truncated, rewritten, replaced, renamed, disabled, changed
    oid: int = 0
    rows: int | None = None  # about so many rows lost with it (the planner's figure, committed state)


@dataclass(frozen=True, slots=True)
class Measurement:
    """All that is known of a transaction's effect at one moment, cascades, triggers and partitions included."""

    tables: tuple[TableEffect, ...] = ()
    destroyed: tuple[Destroyed, ...] = ()

    @property
    def updated(self) -> int:
        return sum(t.rows.updated for t in self.tables)

    @property
    def deleted(self) -> int:
        return sum(t.rows.deleted for t in self.tables)

    @property
    def lost(self) -> int:
        """Updated plus deleted rows of permanent tables, over all tables."""
        return self.updated + self.deleted
