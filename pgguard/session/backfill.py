"""What a transaction is known to have left alone: updates that only fill columns which it added, types that stay.

Both need all that ran in it to have been read, each statement by itself: in a string of several, what stands behind
DDL is not proved, because that could be new code, and tables that the transaction made are in no picture. What they
are, and whether there is new code, the catalog shows behind it (evidence.overwritten).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pgguard.catalog.picture import Picture
from pgguard.catalog.proof import Bounded, Unproved
from pgguard.catalog.prove import prove
from pgguard.evidence import overwritten
from pgguard.evidence.envelope import Row
from pgguard.evidence.measurement import Reading
from pgguard.sql.statement import Name, Statement

if TYPE_CHECKING:
    from pgguard.session.judge import Judged
    from pgguard.session.transaction import Transaction

Meant = list[tuple[Statement, frozenset[int]]]  # a statement, and the tables that it can mean to change


class Reads:
    """What of one transaction was read. ``unread``: something ran in it of which not every statement was."""

    def __init__(self) -> None:
        self.unread = False
        self.retypes = False
        self._plain: frozenset[Name] = frozenset()  # tables that it made
        self._writes = 0  # so many were looked at
        self._judged = 0

    def follow(
        self, tx: Transaction, picture: Picture | None, outside: Sequence[Row] = (), inside: Sequence[Row] = ()
    ) -> bool:
        """Look at what was measured since the last time. Whether something may have given a column a type."""
        new = tx.judged[self._judged :]
        if any(judged.opaque for judged in new):
            self._plain = overwritten.plain(outside, inside)
        for judged in new:
            self.unread = self.unread or meant(judged, picture, self._plain) is None
            self.retypes = self.retypes or overwritten.retypes(judged.statements)
        self._judged = len(tx.judged)
        return self.unread or self.retypes

    def filled(
        self, tx: Transaction, picture: Picture | None, reading: Reading, outside: Sequence[Row], inside: Sequence[Row]
    ) -> frozenset[int]:
        """Tables in which the writes since the last time, whose step the ledger has just recorded, overwrote nothing.
        Call ``follow`` first. At COMMIT there is no new write, so what deferred triggers do counts."""
        writes = tx.writes[self._writes :]
        self._writes = len(tx.writes)
        if self.unread or tx.made or not any(rows.updated for rows in tx.ledger.step.values()):
            return frozenset()
        updates: Meant = []
        for write in writes:
            found = meant(write.judged, picture, self._plain)
            if found is None:
                return frozenset()
            updates += found
        return overwritten.filled(tx.ledger.step, updates, outside, inside, reading.catalogs)


def meant(judged: Judged, picture: Picture | None, plain: frozenset[Name] = frozenset()) -> Meant | None:
    """Each statement with the tables that it can mean, those in ``plain`` left out; None if one of the statements
    reaches code that was not read."""
    found: Meant = []
    several = len(judged.statements) > 1
    for statement, proof in zip(judged.statements, judged.proofs, strict=True):
        if isinstance(proof, Unproved) and proof.opaque and picture is not None:
            rest = overwritten.without(statement, lambda name: _is_plain(name, picture, plain))
            # Proved again without the types of parameters: only a Query has several statements, and it has none.
            if several or (rest is not statement and b"$" not in judged.text):
                statement, proof = rest, prove(rest, picture)
        if isinstance(proof, Unproved) and proof.opaque:
            return None
        targets = proof.targets if isinstance(proof, Unproved) else frozenset()
        found.append((statement, frozenset({proof.oid}) if isinstance(proof, Bounded) else targets))
    return found


def _is_plain(name: Name, picture: Picture, plain: frozenset[Name]) -> bool:
    """FAIL CLOSED: a name that anything in the picture has, in any schema, can mean that."""
    made = any(name.name == table.name and name.schema in (None, table.schema) for table in plain)
    return made and not picture.named_relations(name)
