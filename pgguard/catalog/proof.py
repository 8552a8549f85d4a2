"""What can be said of a statement without running it, as plain data. ``catalog.prove`` makes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Harmless:
    """Changes no existing row and destroys nothing, and reaches no user code. ``inserts``: it may add rows,
    so PostgreSQL's counters of this backend are no longer at zero afterwards."""

    inserts: bool = False
    ddl: bool = False  # additive DDL: proofs are off for the rest of the transaction
    deferrable: bool = False  # deferrable foreign-key checks will run at COMMIT (harmless ones, but they can fail)
    calls: bool = False  # runs bodies of users' functions: true only until one of them, or what it names, is replaced


@dataclass(frozen=True, slots=True)
class Bounded:
    """At most ``rows`` rows of one table, and nothing else anywhere."""

    rows: int
    table: str  # "schema.table"
    oid: int
    deletes: bool
    calls: bool = False  # as above: no lock of this statement keeps a function from being replaced while it runs


@dataclass(frozen=True, slots=True)
class Unproved:
    """Must be measured. ``relations``: the only OIDs whose counters can move (no user code reachable);
    None: anything can happen, look at locks and catalogs (``opaque``)."""

    why: str
    relations: frozenset[int] | None = None
    deferrable: bool = False  # deferrable triggers that run user code or cascade may wait for COMMIT
    changes_objects: bool = False  # DDL or TRUNCATE: compare the catalog inside and outside
    targets: frozenset[int] = frozenset()  # OIDs that the text itself names as targets, where known

    @property
    def opaque(self) -> bool:
        return self.relations is None


Proof = Harmless | Bounded | Unproved
