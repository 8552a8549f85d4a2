"""What an approval is bound to, and whether a measured effect stays inside it. Pure data and pure questions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pgguard.checks.finding import Finding
from pgguard.evidence.measurement import Measurement
from pgguard.evidence.particulars import Particulars
from pgguard.policy.verdict import Blame

# Sizes of dropped or truncated tables are the server's estimates: beyond twice as many rows and so many more, an
# approval does not cover them.
ESTIMATE = 100


@dataclass(frozen=True, slots=True)
class BoundStatement:
    """One write of a transaction. ``tokens``: digest of its tokens without comments and white space;
    ``params``: digest of its parameters ("" for none); ``text``: the words for people, of which the last ``left_out``
    characters are missing."""

    tokens: str
    params: str
    text: str
    left_out: int = 0


# Characters of statements that a request keeps for people: of one, and of all together.
KEPT_OF_ONE = 10_000
KEPT_OF_ALL = 200_000


def shortened(statements: Iterable[BoundStatement]) -> tuple[BoundStatement, ...]:
    """The same, of each as much of its words as people can be expected to read."""
    left = KEPT_OF_ALL
    kept = []
    for bound in statements:
        words = bound.text[: min(KEPT_OF_ONE, left)]
        left -= len(words)
        kept.append(replace(bound, text=words, left_out=bound.left_out + len(bound.text) - len(words)))
    return tuple(kept)


@dataclass(frozen=True, slots=True)
class Binding:
    """What exactly was asked for: the ordered writes of the transaction so far, by whom, where, under which rules.
    Or, without any statement, to go further than a ``budget`` (in words: ``rules`` has its digest)."""

    statements: tuple[BoundStatement, ...]
    caller: str  # session_user
    role: str  # current_user
    database: str
    database_oid: int
    server: str  # "name/system_identifier"
    rules: tuple[str, ...]  # digests of the deciding rules' own content, sorted
    budget: str = ""

    def digest(self) -> str:
        """SHA-256, hex. Equal digests: the same request."""
        parts = [
            [[s.tokens, s.params] for s in self.statements],
            self.caller, self.role, self.database_oid, self.server, list(self.rules),
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A request as the session files it. Times are the store's business."""

    binding: Binding
    measurement: Measurement | None  # None: could not be measured
    blames: tuple[Blame, ...]
    findings: tuple[Finding, ...]
    by: tuple[str, ...]  # approver groups, each of which has to send ``needs`` people
    expires: float  # seconds from approval
    application: str = ""
    address: str = ""
    reason: str = ""
    environment: str = ""
    spent: int = 0  # of a budget, with what was tried: ``measurement`` is of that alone
    needs: int = 1
    made: tuple[Finding, ...] = ()  # hazards that it was seen to add in the catalog (``evidence.made``)
    particulars: Particulars = field(default_factory=Particulars)
    review: bool = False  # it went ahead alone (``break_glass``): somebody has to look at it afterwards

    @property
    def rows(self) -> int | None:
        """What it is about, as a number; None when it could not be measured."""
        return self.spent or (None if self.measurement is None else self.measurement.lost)


@dataclass(frozen=True, slots=True)
class Filed:
    """The request's number, and how often the same thing was tried while it is open."""

    number: int
    tries: int = 1
    denied: str = ""  # set: somebody said no, with this reason
    votes: int = 0  # so many said yes, and it is not enough yet


@dataclass(frozen=True, slots=True)
class Approval:
    """An approved, unused, unexpired request as the session may use it."""

    number: int
    by: str  # the person, or all of them
    ceilings: Mapping[int, int] = field(default_factory=dict)  # relation OID -> rows lost at most
    destroyed: frozenset[tuple[str, str, str]] = frozenset()  # (kind, name, how) that may go
    unmeasured: bool = False  # it was approved without a measurement
    sizes: Mapping[tuple[str, str, str], tuple[int, int | None]] = field(default_factory=dict)  # OID, about rows
    at_most: int | None = None  # rows in all, where the approver said so
    left: float = field(default=0.0, compare=False)  # seconds until it expires
    made: frozenset[tuple[str, str]] = frozenset()  # hazards that it may add: (check, words)

    def exceeded_by(self, measurement: Measurement | None, made: Iterable[Finding] = ()) -> str:
        """In words, what ``measurement`` does beyond this approval, or ``made`` adds; "" when it stays inside."""
        if measurement is None:
            return "" if self.unmeasured else "it could not be measured"
        for finding in made:
            if (finding.check, finding.says) not in self.made:
                return f"{finding.check}: {finding.says}, which was not approved"
        for table in measurement.tables:
            ceiling = self.ceilings.get(table.oid, 0)
            if table.rows.lost > ceiling:
                return f"{table.name}: {table.rows.lost} rows, approved were {ceiling}"
        for lost in measurement.destroyed:
            known = (lost.kind, lost.name, lost.how)
            if known not in self.destroyed:
                return f"{lost.kind} {lost.name} {lost.how} was not approved"
            oid, rows = self.sizes.get(known, (lost.oid, lost.rows))
            if oid != lost.oid:
                return f"{lost.kind} {lost.name} is another object than the one that was approved"
            if (lost.rows or 0) > 2 * (rows or 0) + ESTIMATE:
                return f"{lost.kind} {lost.name}: about {lost.rows} rows, approved were about {rows or 0}"
        return ""


@dataclass(frozen=True, slots=True)
class NotValid:
    """A token or approval that was found but does not hold (PGG04): ``why`` in words."""

    why: str
    number: int = 0
