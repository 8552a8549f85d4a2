"""Before a COMMIT: what was put off until then is made to happen and judged, and approvals are spent.

SET CONSTRAINTS ALL IMMEDIATE and a reading, again until nothing changes (a deferred trigger can defer another);
then the queries of WITH HOLD cursors, which run inside COMMIT. Only here: earlier it breaks the client.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from pgguard.catalog.proof import Harmless
from pgguard.evidence.measurement import Measurement, Reading
from pgguard.evidence.reading import NAMING
from pgguard.policy import explain
from pgguard.policy.binding import NotValid
from pgguard.session import glass, judging, reparse, talks
from pgguard.session.asks import Ask, Away, Claim, RolesChanged
from pgguard.session.outcome import Outcome, Says, ServerError, cannot_judge
from pgguard.session.readings import ask_reading, take_reading
from pgguard.session.settle import settle, weigh

if TYPE_CHECKING:
    from pgguard.session.connection import Session

ROUNDS = 8


def before_commit(s: Session, *, claims: bool, sync: bool = True) -> Says:
    """None: it may be committed now, and the very next thing must be the COMMIT."""
    tx = s.tx
    s.spending.committing = True
    if not tx.measured or s.world.observe:
        return None  # observing inserts nothing that could make the client's COMMIT fail
    if tx.deferrable or tx.opaque or tx.ledger.awaits_reading:
        outcome = yield from _settle_deferred(s, sync)
        if outcome is not None:
            return outcome
    if tx.reading is not None:
        outcome = yield from _held_cursors(s, tx.reading)
        if outcome is not None:
            return outcome
    shifts = tx.shifts_names or tx.opaque or not tx.objects
    if tx.reading is not None and shifts and not NAMING.isdisjoint(tx.reading.catalogs):
        busy: Outcome = yield from talks.others_done(s, names=True)
        if busy is not None:
            return busy
    tx.kept_catalogs = tx.opaque and tx.reading is not None and not tx.reading.catalogs
    return (yield from claim(s)) if claims else None


def _settle_deferred(s: Session, sync: bool) -> Says:
    reading = yield from deferred_done(s, sync)
    if not isinstance(reading, Reading):
        return reading
    found = yield from weigh(s, reading, sync=sync)
    if not isinstance(found, Measurement):
        return found
    return (yield from settle(s, found, at_commit=True))


def deferred_done(s: Session, sync: bool) -> Generator[Ask | None, Any, Reading | Outcome]:
    """The reading behind all that was put off until COMMIT."""
    if s.tx.opaque:
        reparse.put_away(s)
    for _ in range(ROUNDS):
        made = s.server.deferred(s.server.hidden(b"SET CONSTRAINTS ALL IMMEDIATE", sync=sync))
        asked = ask_reading(s, None, sync=sync)
        if not sync:
            s.server.flush()
        yield None
        if made.failed:
            return ServerError(made.error)
        before = s.tx.reading
        reading = take_reading(s, asked)
        if not isinstance(reading, Reading):
            return reading
        if before is not None and reading.rows == before.rows and reading.catalogs == before.catalogs:
            return reading
    return cannot_judge(f"deferred triggers still change rows after {ROUNDS} rounds")


def _held_cursors(s: Session, reading: Reading) -> Says:
    if reading.holdable and s.tx.untrusted:
        return cannot_judge("a cursor WITH HOLD behind DDL or unread code would run its query inside COMMIT")
    for text in reading.holdable:
        yield from talks.read_first(s, text.encode())
        judged = judging.judged(s, text.encode())
        if not judged.statements or not all(isinstance(p, Harmless) for p in judged.proofs):
            return cannot_judge("a cursor WITH HOLD would run its query inside COMMIT, where nobody can measure it")
        if judged.calls:
            if s.world.changed_elsewhere(s.ident):
                return cannot_judge("a cursor WITH HOLD would run functions whose names are being changed: try again")
            s.world.calling.add(s.ident)
    return None


def claim(s: Session) -> Says:
    """Spend the approvals of this transaction, before the COMMIT goes out, and tell what must be known of it."""
    if s.tx.roles:
        known = yield RolesChanged(tuple(sorted(s.tx.roles)))
        if isinstance(known, Away):
            return explain.away(known.what, known.why)
    told = yield from glass.tell(s)
    if told is not None:
        return told
    numbers = tuple(a.number for a in s.tx.approvals)
    if not numbers:
        return None
    answer = yield Claim(numbers)
    if isinstance(answer, Away):
        return explain.away(answer.what, answer.why)
    if answer:
        return explain.not_valid(NotValid(str(answer), numbers[0]))
    s.spending.claimed = numbers
    return None
