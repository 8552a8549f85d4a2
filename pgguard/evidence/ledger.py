"""The sum of one transaction: readings, proved bounds, savepoints and approvals, added up without I/O.

PostgreSQL's counters count attempts: what ROLLBACK TO undoes stays in them, and TRUNCATE clears them. The ledger keeps
a *virtual* counter per relation that only grows (after a fall it goes on from where it was), and beside it what was
rolled back and what was approved:

    sum = virtual counter - rolled back - approved + bounds since the last reading

A savepoint's mark is the net (virtual - rolled back + bounds) at that moment, as an upper bound: after ROLLBACK TO the
net is the mark again, and the next reading says how much of the counters was rolled back. Bounds can only be too large,
so the amount taken off can only be too small: the ledger may say too much, never too little.

Names of savepoints are PostgreSQL's (xact.c): the same name again shadows the older one, RELEASE destroys it and
everything after it, ROLLBACK TO destroys only what came after it."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from pgguard.evidence.measurement import Reading, Rows

NONE = Rows()


@dataclass(frozen=True, slots=True)
class Mark:
    """The transaction at one savepoint."""

    name: str
    net: Mapping[int, Rows]
    rolled_back: Mapping[int, Rows]
    approved: Mapping[int, Rows]
    emptied: Collection[int]


@dataclass(slots=True)
class Ledger:
    """One transaction's account. ``names`` keeps every relation's name seen in it, also of those dropped since."""

    names: dict[int, str] = field(default_factory=dict)
    last: Reading | None = None
    _raw: dict[int, Rows] = field(default_factory=dict)
    _counted: dict[int, Rows] = field(default_factory=dict)
    _rolled_back: dict[int, Rows] = field(default_factory=dict)
    _approved: dict[int, Rows] = field(default_factory=dict)
    _bounds: dict[int, Rows] = field(default_factory=dict)
    _marks: list[Mark] = field(default_factory=list)
    _returned_to: Mark | None = None
    _fallen: set[int] = field(default_factory=set)
    _step: dict[int, Rows] = field(default_factory=dict)
    _mixed: set[int] = field(default_factory=set)
    _emptied: set[int] = field(default_factory=set)

    def start(self, baseline: Reading | None = None) -> None:
        """A new transaction. ``baseline``: counters that were not at zero, where no flush could stand in front."""
        self.names, self.last = {}, None
        self._raw = dict(baseline.rows) if baseline is not None else {}
        self._counted, self._rolled_back, self._approved, self._bounds = {}, {}, {}, {}
        self._marks, self._returned_to, self._fallen = [], None, set()
        self._step, self._mixed, self._emptied = {}, set(), set()

    def chain(self) -> None:
        """COMMIT or ROLLBACK AND CHAIN: a new transaction whose counters go on from where this one's stand."""
        cleared = self._fallen | frozenset(self.last.strong if self.last else ())
        # ROLLBACK gives back what TRUNCATE cleared, so what such a counter stands at is not known: begin at zero.
        raw = {oid: rows for oid, rows in self._raw.items() if oid not in cleared}
        self.start()
        self._raw = raw

    @property
    def fell(self) -> bool:
        """A counter fell: TRUNCATE or DROP happened (rolled back or not), look outside."""
        return bool(self._fallen)

    @property
    def awaits_reading(self) -> bool:
        """After ROLLBACK TO: read (``reading_sql(None, everywhere=True)``) before the next measured statement."""
        return self._returned_to is not None

    @property
    def relations(self) -> frozenset[int]:
        """Every relation that this transaction is known to have changed."""
        return frozenset(self._raw) | frozenset(self._counted) | frozenset(self._bounds)

    def record(self, reading: Reading, covers: Collection[int] | None = None) -> bool:
        """Take in a reading and say whether any counter moved since the one before (inserts and catalogs included).
        ``covers``: the OIDs it was asked for; None: every relation that the transaction holds a write lock on."""
        moved = self.last is None or reading.catalogs != self.last.catalogs
        self._step, self._mixed = {}, set(self._bounds)
        seen = frozenset(reading.rows) | frozenset(reading.strong) | frozenset(covers or ())
        for oid in seen:
            # A relation that is missing because its lock went with a savepoint has kept its counters: not in ``seen``.
            moved |= self._move(oid, reading.rows.get(oid, NONE))
        if "pg_class" in reading.catalogs:
            # A TRUNCATE may have cleared what a proved statement did before any reading saw it. Not asked is whether
            # pg_class changed since the last reading: a second TRUNCATE of new files leaves it alone.
            for oid in self._bounds.keys() & frozenset(reading.strong):
                self._counted[oid] = _plus(self._counted.get(oid, NONE), self._bounds[oid])
        self.names.update(reading.names)
        for oid in reading.rows:
            self.names.setdefault(oid, f"relation {oid}")
        mark, self._returned_to = self._returned_to, None
        if mark is not None:
            self._mixed |= self._step.keys()
            for oid in frozenset(self._counted) | frozenset(mark.net):
                net = _plus(mark.net.get(oid, NONE), self._bounds.get(oid, NONE))
                undone = _minus(self._counted.get(oid, NONE), net)
                self._rolled_back[oid] = _most(mark.rolled_back.get(oid, NONE), undone)
                # Relations whose counters this reading did not see: the mark's bounds live on as bounds.
                missing = _minus(net, _minus(self._counted.get(oid, NONE), self._rolled_back[oid]))
                if covers is not None and oid not in seen and missing != NONE:
                    self._bounds[oid] = missing
        self._bounds = {} if covers is None else {o: b for o, b in self._bounds.items() if o not in seen}
        self.last = reading
        return moved

    def _move(self, oid: int, now: Rows) -> bool:
        before = self._raw.get(oid, NONE)
        if now == before:
            return False
        step = Rows(now.inserted - before.inserted, now.updated - before.updated, now.deleted - before.deleted)
        if min(step.inserted, step.updated, step.deleted) < 0:
            self._fallen.add(oid)
            self._mixed.add(oid)
            step = now  # the counters began again at zero
        self._raw[oid] = now
        self._step[oid] = step
        self._counted[oid] = _plus(self._counted.get(oid, NONE), step)
        return True

    def bounded(self, oid: int, rows: int, deletes: bool, name: str = "") -> None:
        """A proved statement ran unmeasured: at most ``rows`` rows of this relation."""
        self._bounds[oid] = _plus(self._bounds.get(oid, NONE), Rows(deleted=rows) if deletes else Rows(updated=rows))
        if name:
            self.names[oid] = name

    def savepoint(self, name: str) -> None:
        rolled_back = self._returned_to.rolled_back if self._returned_to else self._rolled_back
        self._marks.append(Mark(name, self._net(), dict(rolled_back), dict(self._approved), frozenset(self._emptied)))

    def rollback_to(self, name: str) -> bool:
        """The savepoint's state again; False when there is none of this name (then the server has said so, too)."""
        at = self._find(name)
        if at is None:
            return False
        mark = self._marks[at]
        del self._marks[at + 1 :]
        self._returned_to = mark
        self._bounds = {}
        self._emptied = set(mark.emptied)
        self._approved = dict(mark.approved)  # what was approved after it is rolled back, and counted as that
        return True

    def release(self, name: str) -> bool:
        """The savepoint and everything after it is gone, its work stays; False when there is none of this name."""
        at = self._find(name)
        if at is None:
            return False
        del self._marks[at:]
        return True

    def _find(self, name: str) -> int | None:
        return next((i for i in range(len(self._marks) - 1, -1, -1) if self._marks[i].name == name), None)

    def approved(self, ceilings: Mapping[int, int]) -> None:
        """What stands in the sum now was approved, up to so many lost rows of each relation: it counts no more."""
        if self._returned_to is not None:
            return  # FAIL CLOSED: between ROLLBACK TO and its reading nothing was measured that could be approved
        for oid, net in self.sum().items():
            # A bound may be larger than what really happened; taking it off would take off somebody else's rows later.
            rows = _minus(net, self._bounds.get(oid, NONE))
            ceiling = ceilings.get(oid, 0)
            # Where less was approved than stands here, what remains is deletions: limits on them are the stricter ones.
            updated = min(rows.updated, ceiling)
            taken = Rows(updated=updated, deleted=min(rows.deleted, ceiling - updated))
            self._approved[oid] = _plus(self._approved.get(oid, NONE), taken)

    @property
    def step(self) -> Mapping[int, Rows]:
        """What the counters of each relation moved by with the last reading."""
        return self._step

    def overwrote_nothing(self, oids: Collection[int]) -> None:
        """The updated rows of the last step count no more in these relations (``overwritten.filled``)."""
        for oid in frozenset(oids) - self._mixed:  # FAIL CLOSED: what a step is mixed with is not known row by row
            updated = Rows(updated=self._step[oid].updated) if oid in self._step else NONE
            self._approved[oid] = _plus(self._approved.get(oid, NONE), updated)
        self._step = {}  # once only

    @property
    def emptied(self) -> Collection[int]:
        """Tables all of whose committed rows are in the sum as deleted."""
        return self._emptied

    def truncated(self, rows: Mapping[int, int]) -> None:
        """These were truncated, and behind the lock held so many rows, which stand in no counter."""
        for oid, number in rows.items():
            if oid not in self._emptied:
                self._emptied.add(oid)
                self._counted[oid] = _plus(self._counted.get(oid, NONE), Rows(deleted=number))

    def sum(self) -> dict[int, Rows]:
        """Rows per relation that count for this transaction, nothing that is zero."""
        total = {oid: _minus(rows, self._approved.get(oid, NONE)) for oid, rows in self._net().items()}
        return {oid: rows for oid, rows in total.items() if rows != NONE}

    @property
    def lost(self) -> int:
        """Updated plus deleted rows of the sum."""
        return builtins.sum(rows.lost for rows in self.sum().values())

    def _net(self) -> dict[int, Rows]:
        if self._returned_to is not None:
            net = dict(self._returned_to.net)
        else:
            net = {o: _minus(rows, self._rolled_back.get(o, NONE)) for o, rows in self._counted.items()}
        for oid, rows in self._bounds.items():
            net[oid] = _plus(net.get(oid, NONE), rows)
        return net


def _plus(a: Rows, b: Rows) -> Rows:
    return Rows(a.inserted + b.inserted, a.updated + b.updated, a.deleted + b.deleted)


def _minus(a: Rows, b: Rows) -> Rows:
    return Rows(max(0, a.inserted - b.inserted), max(0, a.updated - b.updated), max(0, a.deleted - b.deleted))


def _most(a: Rows, b: Rows) -> Rows:
    return Rows(max(a.inserted, b.inserted), max(a.updated, b.updated), max(a.deleted, b.deleted))
