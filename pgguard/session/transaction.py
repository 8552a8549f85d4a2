"""What the session knows of the transaction that is open: what ran in it, what it measured, what was approved."""

from __future__ import annotations

from pgguard.catalog.proof import Bounded
from pgguard.checks.finding import Finding
from pgguard.evidence.ledger import Ledger
from pgguard.evidence.measurement import Destroyed, Measurement, Reading
from pgguard.evidence.particulars import Particulars
from pgguard.policy.binding import Approval
from pgguard.policy.verdict import Hold
from pgguard.session.backfill import Reads
from pgguard.session.judge import Judged
from pgguard.sql.statement import Control


class Write:
    """One write of the transaction, for the list that a request holds."""

    __slots__ = ("judged", "params")

    def __init__(self, judged: Judged, params: bytes) -> None:
        self.judged = judged
        self.params = params


class Transaction:
    """One transaction, implicit or not. ``measured``: something in it was neither harmless nor within a proved bound,
    so its commit has to be judged. ``untrusted``: DDL or unread code ran, so proofs are off until it ends."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.clear()
        self.remember()

    def clear(self, *, chained: bool = False) -> None:
        """It ended. ``chained``: the next began with it, and no flush of the counters could stand between."""
        if chained:
            self.ledger.chain()
        else:
            self.ledger.start()
        self.executed = False  # something was executed in it
        self.explicit = chained  # a BEGIN ran in it, whatever the last ReadyForQuery said
        self.closed = False  # a COMMIT or ROLLBACK ran since, whatever it said
        self.revived = False  # a ROLLBACK TO ran since, whatever it said
        self.measured = False
        self.untrusted = False
        self.kept_catalogs = False  # unread code ran, and the last reading in front of the COMMIT shows no catalog
        self.opaque = False
        self.objects = False
        self.shifts_names = False  # what names mean to other sessions may be different behind it
        self.locks = False  # LOCK TABLE in a mode that others wait for: they may wait behind it for DDL that comes
        self.deferrable = False
        self.holds = False  # a cursor WITH HOLD was declared: its query runs inside COMMIT
        self.relations: set[int] = set()
        self.targets: set[int] = set()
        self.writes: list[Write] = []
        self.approvals: list[Approval] = []
        self.allowed_losses: set[tuple[str, str, str]] = set()
        self.destroyed: tuple[Destroyed, ...] = ()
        self.glass: Hold | None = None  # what it goes ahead with alone
        self.particulars: Particulars | None = None  # what the request for it tells, if one is filed
        self.roles: frozenset[str] = frozenset()  # those that it changes
        self.made: tuple[Finding, ...] = ()  # hazards that it added, whatever the text showed
        self.created: frozenset[int] = frozenset()  # tables of its own making: no row in them can be lost
        self.strong: set[int] = set()  # what it held strong locks on at any time (ROLLBACK TO gives some up)
        self.strong_objects: set[tuple[int, int]] = set()
        self.reading: Reading | None = None
        self.found: Measurement | None = None  # what was last judged
        self.reads = Reads()
        self.emptying: dict[int, int] = {}  # rows counted in front of the TRUNCATE that runs
        self.judged: list[Judged] = []  # measured ones, whose statements and findings speak again at COMMIT

    @property
    def outdates(self) -> bool:
        """Whether behind its commit nobody may be judged by what was known of the catalog before."""
        return self.untrusted and not self.kept_catalogs

    def note(self, judged: Judged, params: bytes = b"") -> None:
        """``judged`` is about to run."""
        self.executed = True
        if judged.bounds:
            for proof in judged.proofs:
                if isinstance(proof, Bounded):
                    self.ledger.bounded(proof.oid, proof.rows, proof.deletes, proof.table)
                    self.relations.add(proof.oid)
                    self.targets.add(proof.oid)
            self.writes.append(Write(judged, params))
        for statement in judged.statements:
            self.locks = self.locks or statement.excludes
            self.holds = self.holds or statement.with_hold
            if statement.with_hold and judged.calls:
                self.measured = self.deferrable = True  # the COMMIT runs bodies, and is judged by what they are then
            if judged.control:
                self._control(statement.control, statement.name)
        if judged.changes_objects:
            self.untrusted = self.objects = True
        self.shifts_names = self.shifts_names or judged.shifts_names
        if judged.deferrable:
            self.deferrable = True

    def _control(self, control: Control | None, name: str) -> None:
        if control is Control.BEGIN:
            self.explicit, self.closed = True, False
        elif control in (Control.COMMIT, Control.ROLLBACK, Control.PREPARE):
            self.explicit, self.closed = False, True
        elif control is Control.SAVEPOINT:
            self.ledger.savepoint(name)
        elif control is Control.RELEASE:
            self.ledger.release(name)
        elif control is Control.ROLLBACK_TO:
            self.revived = True
            self.emptying = {}  # with the lock behind which they were counted
            self.ledger.rollback_to(name)

    def remember(self) -> None:
        """A write follows that will be taken back, and then did not happen (``dry_run``)."""
        self._before = (len(self.writes), len(self.judged), self.destroyed, self.created, self.made)

    def return_to_remembered(self) -> None:
        writes, judged, self.destroyed, self.created, self.made = self._before
        del self.writes[writes:], self.judged[judged:]

    def told(self) -> None:
        """A ReadyForQuery came with nothing under way behind it: the server's status is the truth."""
        self.explicit = self.closed = self.revived = False

    def note_measured(self, judged: Judged, params: bytes = b"") -> None:
        """``judged`` is about to run held back: what it does is read behind it."""
        self.executed = self.measured = True
        self.emptying = {}
        self.writes.append(Write(judged, params))
        if not any(j is judged for j in self.judged):
            self.judged.append(judged)
        self.holds = self.holds or any(s.with_hold for s in judged.statements)
        self.targets |= judged.targets
        self.shifts_names = self.shifts_names or judged.shifts_names or judged.opaque
        relations = judged.relations
        if relations is None:
            self.opaque = self.untrusted = True
        else:
            self.relations |= relations
        if judged.changes_objects:
            self.untrusted = self.objects = True
        if judged.deferrable or relations is None:
            self.deferrable = True

    def note_bound(self, judged: Judged, *, planned: bool) -> None:
        """``judged`` is about to be planned: functions that say they are immutable run already (FACTS F6)."""
        if planned:
            self.measured = self.opaque = self.untrusted = self.deferrable = True
            self.judged.append(judged)

    def note_unmeasured(self, judged: Judged) -> None:
        """``judged`` is about to run by a rule that lets it go unmeasured, or because nobody limits its caller."""
        self.executed = True
        self.reads.unread = True  # its rows stand in no step of their own
        if not judged.proved:
            self.untrusted = True

    def bound_of(self, judged: Judged) -> tuple[int, int]:
        """Rows lost at most, and of them deleted, by the transaction with ``judged`` in it."""
        lost = sum(r.lost for r in self.ledger.sum().values())
        deleted = sum(r.deleted for r in self.ledger.sum().values())
        for proof in judged.proofs:
            if isinstance(proof, Bounded):
                lost += proof.rows
                deleted += proof.rows if proof.deletes else 0
        return lost, deleted
