"""The reading in a session: which one is asked for, and what the session learns from it."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from pgguard.errors import ProtocolViolation
from pgguard.evidence.counts import MOST, counts_sql, parse_counts
from pgguard.evidence.measurement import Reading
from pgguard.evidence.reading import parse_reading, reading_sql
from pgguard.policy.verdict import Refuse
from pgguard.session import following
from pgguard.session.judge import Judged
from pgguard.session.outcome import ServerError, cannot_judge
from pgguard.session.outstanding import Step

if TYPE_CHECKING:
    from pgguard.session.connection import Session


class Asked:
    """A reading on its way. ``covers``: the relations that it looks at, None for whatever is locked. ``names``: of
    exactly these, when only their counters were asked for."""

    __slots__ = ("covers", "names", "step")

    def __init__(self, step: Step, covers: frozenset[int] | None, names: dict[int, str] | None) -> None:
        self.step = step
        self.covers = covers
        self.names = names


def ask_reading(session: Session, judged: Judged | None, *, sync: bool) -> Asked:
    """Send the reading; ``sync``: with a Sync of its own."""
    tx = session.tx
    objects = tx.objects or (judged is not None and judged.changes_objects)
    covers = _covers(session, judged)
    names = None if objects or covers is None else _known(session, covers)
    if names is not None:
        sql = counts_sql(tuple(names))
    else:
        sql = reading_sql(covers, objects=objects, everywhere=tx.ledger.awaits_reading)
    return Asked(session.server.hidden(sql.encode(), sync=sync), covers, names)


def _covers(session: Session, judged: Judged | None) -> frozenset[int] | None:
    """The relations that the next reading must look at; None: whatever is locked."""
    tx = session.tx
    several = judged is not None and len(judged.statements) > 1  # the later ones begin later than they were judged
    if several or session.untrusted or tx.ledger.awaits_reading or (judged is not None and judged.relations is None):
        return None
    known = frozenset(tx.relations)
    return known if judged is None or not judged.relations else known | judged.relations


def _known(session: Session, covers: frozenset[int]) -> dict[int, str] | None:
    """Their names, when counters are all that a reading can tell: no setting was changed on the way, no cursor will run
    inside COMMIT, and the picture knows the relations as ones whose rows are counted."""
    picture = session.world.picture
    if picture is None or session.settings.stale or session.tx.holds or not 0 < len(covers) <= MOST:
        return None
    names: dict[int, str] = {}
    for oid in covers:
        relation = picture.relations.get(oid)
        if relation is None or relation.kind not in "rp" or relation.persistence == "t" or not relation.heap:
            return None
        names[oid] = f"{relation.schema}.{relation.name}"
    return names


def take_reading(session: Session, asked: Asked) -> Reading | ServerError | Refuse:
    """The reading that came back, entered into the ledger."""
    step = asked.step
    if step.failed:
        # the client's statement_timeout, a cancel: it is the statement's own error (never retried, never allowed)
        return ServerError(step.error)
    try:
        names = asked.names
        reading = parse_reading(step.rows) if names is None else parse_counts(step.rows, tuple(names), names)
    except ProtocolViolation as broken:
        return cannot_judge(f"the reading could not be read: {broken.what}")
    if not reading.track_counts:
        return cannot_judge("track_counts is off: PostgreSQL does not count row changes")
    if reading.uncountable:
        return cannot_judge(f"{reading.uncountable[0]} was written to, and PostgreSQL does not count its rows")
    session.tx.ledger.record(reading, asked.covers)
    session.tx.reading = reading
    if asked.names is not None:
        return reading
    if reading.catalogs and not session.tx.objects:
        session.tx.opaque = session.tx.untrusted = True  # a name in what was proved has come to mean something else
    if reading.catalogs or reading.strong:
        session.world.reshapes(session.ident)
    elif not session.tx.locks:
        session.world.settled(session.ident)  # unread code ran, and changed no catalog
    session.settings.follow(reading)
    following.follow(session)
    return reading


def read_now(
    session: Session, judged: Judged | None, *, sync: bool
) -> Generator[None, None, Reading | ServerError | Refuse]:
    """Ask for a reading and wait for it."""
    asked = ask_reading(session, judged, sync=sync)
    if not sync:
        session.server.flush()
    yield None
    return take_reading(session, asked)
