"""What a text that was forwarded does to the session: before it goes out, and when the server has answered."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from pgguard.policy.verdict import Allow
from pgguard.session import reparse, spending
from pgguard.session.outstanding import Entry, Unit
from pgguard.session.replies import IDLE

if TYPE_CHECKING:
    from pgguard.session.connection import Session
    from pgguard.session.judge import Judged


def open_unit(queue: deque[Entry]) -> Unit:
    """A new one at the end of ``queue``; or that of a COPY, which swallowed its early Sync."""
    last = queue[-1] if queue else None
    if isinstance(last, Unit) and not last.synced:
        return last
    unit = Unit()
    queue.append(unit)
    return unit


def entering(s: Session, judged: Judged) -> None:
    """Just before a text goes out: counters must stand at zero when a block begins that may be measured later."""
    if not judged.control or not s.server.dirty or s.replies.status != IDLE or s.tx.executed:
        return
    if s.unit is None and not s.replies.queue:
        s.server.beside_query = True
        s.server.zero_counters()
        s.server.beside_query = False


def sent(s: Session, unit: Unit, judged: Judged) -> None:
    """It is part of ``unit`` now."""
    unit.runs.append(judged)
    s.world.counts.statements += 1
    if len(unit.runs) > 1 or len(judged.statements) > 1 or (s.replies.queue and s.replies.queue[0] is not unit):
        s.world.waiting.add(unit)
    if judged.calls:
        s.world.calling.add(unit)
    if judged.barrier:
        if judged.control and s.spending.open:
            unit.wants_tags = s.spending.committing = True
        s.barrier = True
        unit.done.append(judged)
        s.settings.sending(judged)
    if judged.bounds or judged.inserts:
        s.server.dirty = True
        unit.wants_tags = unit.wants_tags or bool(judged.bounds)
        if judged.bounds and s.desk.budgets:
            spending.hold(s, judged, unit)
            spending.tell(s, quiet=not s.replies.queue or s.replies.queue[0] is unit)
        if not unit.writes:
            unit.writes = 1
            s.world.writing += 1
    if not judged.proved and isinstance(judged.verdict, Allow):
        s.tx.note_unmeasured(judged)
        s.server.dirty = True
        unread_code(s)


def bodies(s: Session, judged: Judged) -> None:
    """It is about to go out in a batch of which each message goes out by itself (``recorded``: and was answered)."""
    if judged.calls:
        s.world.calling.add(s.ident)


def running(s: Session, judged: Judged, params: bytes = b"") -> None:
    """It is about to run as it stands."""
    s.tx.note(judged, params)
    _mark(s)


def _mark(s: Session) -> None:
    """Other sessions must know of DDL, and of code that may do DDL, before it goes out."""
    if s.tx.untrusted:
        s.world.changes(s.ident)
    if s.tx.objects or s.tx.locks:
        s.world.changes(s.ident)
        s.world.reshapes(s.ident)


def measuring(s: Session, judged: Judged, params: bytes = b"") -> None:
    """It is about to run held back. Code that nobody read can PREPARE, DECLARE and SET, and of that a ROLLBACK takes
    back less than one would think: prepared statements stay."""
    s.world.counts.statements += 1
    s.world.counts.measured += 1
    s.tx.note_measured(judged, params)
    _mark(s)
    s.server.dirty = True
    if judged.opaque:
        unread_code_next(s)


def unread_code_next(s: Session) -> None:
    """It is in the message that goes out next."""
    reparse.put_away(s)
    unread_code(s)


def unread_code(s: Session) -> None:
    """What the client's names stand for and how its settings are is not known any more."""
    s.names.taint()
    s.settings.unread_code()


def units_finished(s: Session) -> None:
    """The server has answered some units to their ReadyForQuery."""
    for unit in s.replies.finished:
        unit_answered(s, unit)
    s.replies.finished.clear()
    if not s.replies.queue:
        spending.tell(s, quiet=True)
        s.settings.lexing_unknown = False
        if s.unit is None:
            s.tx.told()
        if s.replies.status == IDLE:
            transaction_over(s)
    if s.replies.changed_parameters:
        s.replies.changed_parameters = False
        follow(s)


def unit_answered(s: Session, unit: Unit) -> None:
    """All that was sent of it was answered, synced or not."""
    s.world.writing -= unit.writes
    s.world.answered(unit)
    if unit.reserved or s.spending.open:
        spending.answered(s, unit)
    if unit.wants_tags:
        _record(s, unit)
    if not unit.failed:
        for judged in unit.done:
            took_effect(s, judged)
    elif unit.done:
        s.settings.stale = True


def gone(s: Session) -> None:
    """The connection is lost: nothing of it is under way any more."""
    s.world.settled(s.ident)
    for entry in s.replies.queue:
        if isinstance(entry, Unit):
            s.world.writing -= entry.writes
            s.world.answered(entry)
    s.world.calling.discard(s.ident)
    spending.gone(s)  # last: where the accounts are not to be had it raises, and what is held stays held


def _record(s: Session, unit: Unit) -> None:
    """Proved writes, from their CommandCompletes; the skin writes them down off the path."""
    if len(unit.runs) == 1 and unit.runs[0].bounds:
        s.world.counts.proved += 1
        s.records.append((s.desk.caller, unit.runs[0], ", ".join(unit.tags)))
        return
    for judged, tag in zip(unit.runs, unit.tags, strict=False):
        if judged.bounds:
            s.world.counts.proved += 1
            s.records.append((s.desk.caller, judged, tag))


def recorded(s: Session, proved: list[tuple[Judged, str]]) -> None:
    """The same of a batch that went out message by message, all of which was answered."""
    s.world.calling.discard(s.ident)
    for judged, tag in proved:
        s.world.counts.proved += 1
        s.records.append((s.desk.caller, judged, tag))
        spending.corrected(s, judged, tag)


def took_effect(s: Session, judged: Judged) -> None:
    """``judged`` ran without an error: what the session must know from now on."""
    s.settings.apply(s, judged)
    follow(s)


def follow(s: Session) -> None:
    """Sit down at the desk for what the caller is now."""
    caller = s.settings.caller(s.replies.parameters)
    if caller != s.desk.caller:
        s.desk = s.world.desk(caller)


def transaction_over(s: Session) -> None:
    """The server is idle: whatever was open has ended."""
    tx = s.tx
    if s.spending.open or s.spending.claimed:
        spending.ended(s, committed=True)  # whatever ended it otherwise has said so
    if tx.executed or tx.explicit or tx.measured:
        if tx.untrusted:
            s.settings.stale = True
        if tx.outdates:
            s.world.invalidate()
        tx.clear()
    s.world.calling.discard(s.ident)
    s.world.settled(s.ident)  # also of what was only announced: a text that failed to parse has run nothing
    if s.names.portals:
        s.names.portals = {n: p for n, p in s.names.portals.items() if p.holds}
