"""A Query with transaction control in it and something to measure: cut at the control statements only (form 3).

The runs between them are measured like any Query in a block. A string is cut only where that is exact: statements in
front of a BEGIN would be part of its transaction, so such a string is PGG05.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pgguard.errors import ProtocolViolation
from pgguard.evidence.prepared import PREPARED_SQL, parse_prepared
from pgguard.policy import explain
from pgguard.policy.verdict import Refusal, Refuse
from pgguard.session import following, spending
from pgguard.session.asks import Ask, Away, LookOutside
from pgguard.session.commit import before_commit
from pgguard.session.connection import Talk
from pgguard.session.judge import Judged, summary
from pgguard.session.outcome import Outcome, cannot_judge
from pgguard.session.readings import read_now
from pgguard.session.replies import FAILED, IDLE
from pgguard.sql.statement import Control, Statement
from pgguard.sql.tokens import without_token
from pgguard.wire import frontend

if TYPE_CHECKING:
    from pgguard.session.connection import Session

COMMITS = (Control.COMMIT, Control.PREPARE)
ENDS = (Control.COMMIT, Control.PREPARE, Control.ROLLBACK)
_APART = "belong to one transaction, which cannot be cut: send them apart"
_SAVEPOINTS = (Control.SAVEPOINT, Control.RELEASE, Control.ROLLBACK_TO)
_TWO_PHASE = (Control.COMMIT_PREPARED, Control.ROLLBACK_PREPARED)


def query(s: Session, message: bytes, judged: Judged) -> Talk:
    """Piece by piece; the first that fails or is refused ends it, as an error ends a Query."""
    from pgguard.session import measure

    if judged.only_control in _TWO_PHASE:
        yield from _two_phase(s, message, judged)
        return
    trouble = not_exact(s, judged)
    if trouble is not None:
        s.tx.note_measured(judged)
        yield from measure.fail_block(s, trouble) if s.replies.status != IDLE else measure.say(s, trouble)
        return
    text = message[5:-1]
    if text != without_token(judged.text):
        yield from measure.refuse_unrun(s, judged, cannot_judge("it has to be cut, and client_encoding is not UTF8"))
        return
    for start, end, piece in pieces(judged):
        shift = len(text[:start].decode("utf-8", "replace"))
        whole = start == 0 and end == len(text)
        part = message if whole else frontend.encode_query(text[start:end])
        done = yield from _piece(s, part, replace(piece, text=text[start:end]), shift)
        if not done:
            return


def pieces(judged: Judged) -> list[tuple[int, int, Judged]]:
    """(start, end, what was said of it) of each piece: a control statement by itself, or a run between two."""
    found: list[tuple[int, int, list[int]]] = []
    for at, statement in enumerate(judged.statements):
        start, end = statement.start, statement.start + statement.length
        last = found[-1] if found else None
        together = last is not None and statement.control is None and judged.statements[last[2][-1]].control is None
        if together and last is not None:
            found[-1] = (last[0], end, [*last[2], at])
        else:
            found.append((start, end, [at]))
    return [(start, end, _part(judged, numbers)) for start, end, numbers in found]


def _part(judged: Judged, numbers: list[int]) -> Judged:
    statements = tuple(judged.statements[n] for n in numbers)
    proofs = tuple(judged.proofs[n] for n in numbers)
    oids = {p.oid for p in proofs if hasattr(p, "oid")}
    return replace(
        judged, statements=statements, proofs=proofs, control=statements[0].control is not None,
        bounds=tuple(b for b in judged.bounds if b[0] in oids), copy_in=any(x.copy_in for x in statements),
        allowed={}, **summary(statements, proofs),
    )  # fmt: skip


def must_fail(s: Session, judged: Judged) -> bool:
    """A savepoint statement among others outside a block: the server refuses it, and with it all of the string that a
    ROLLBACK can take back."""
    first = next((at for at, x in enumerate(judged.statements) if x.control is not None), 0)
    alone = s.replies.status != IDLE or len(judged.statements) == 1
    return not alone and judged.measurable and judged.statements[first].control in _SAVEPOINTS


def not_exact(s: Session, judged: Judged) -> Refuse | None:
    """Why a string cannot be cut at its transaction control; None when it can, or has none."""
    in_block = s.replies.status != IDLE
    behind_run = False
    for statement in judged.statements:
        control = statement.control
        if control in _TWO_PHASE:
            return cannot_judge(f"{control.value} has to stand alone")
        if control is Control.BEGIN:
            if behind_run and not in_block:
                return cannot_judge(f"statements in front of BEGIN in one string {_APART}")
            in_block = True
        elif control in (Control.COMMIT, Control.ROLLBACK, Control.PREPARE):
            if not in_block and behind_run:
                return cannot_judge(f"{control.value} outside a block behind other statements in one string {_APART}")
            in_block = statement.chain
            behind_run = False
        elif control is not None and behind_run and not in_block:
            return cannot_judge(f"{control.value} outside a block behind other statements in one string {_APART}")
        elif control is None:
            behind_run = True
    return None


def _piece(s: Session, message: bytes, piece: Judged, shift: int) -> Talk:
    """True: go on."""
    from pgguard.session import measure

    if piece.control:
        return (yield from control(s, message, piece, shift))
    if s.replies.status == FAILED:
        step = s.server.relay(message)
        step.shift = shift
        yield None
        return not step.error
    if s.replies.status == IDLE:
        yield from measure._measured(s, message, piece, shift=shift)
        return False  # a run outside a block is the last piece (not_exact)
    outcome: Outcome = yield from measure.run(s, message, piece, shift=shift)
    if outcome is not None:
        yield from measure.fail_block(s, outcome)
    return outcome is None


def control(s: Session, message: bytes, piece: Judged, shift: int) -> Talk:
    """One transaction statement. True: it succeeded."""
    from pgguard.session import measure

    statement = piece.statements[0]
    commits = statement.control in COMMITS
    if commits and s.replies.status != FAILED:
        outcome = yield from before_commit(s, claims=True)
        if outcome is not None:
            yield from measure.roll_back(s)
            yield from measure.say(s, outcome)
            return False
    if statement.control is Control.BEGIN and s.replies.status == IDLE:
        s.server.zero_counters()
    step = s.server.held(message)
    step.shift = shift
    yield None
    if step.error:
        if commits and s.replies.status == IDLE:
            spending.ended(s, committed=False)
        return False
    if statement.control is Control.PREPARE:
        s.world.prepare(statement.name, untrusted=s.tx.untrusted)
    controlled(s, piece, step.tag)
    if statement.control is Control.ROLLBACK_TO:
        yield from returned(s, sync=True)
    s.to_client.append(step.held)
    following.took_effect(s, piece)
    return True


def controlled(s: Session, judged: Judged, tag: str) -> None:
    """A transaction statement has succeeded: what the session knows of the transaction now."""
    statement = judged.statements[0]
    if statement.control in _TWO_PHASE:
        s.world.end_prepared(statement.name)
    if statement.control not in ENDS:
        s.tx.note(judged)
        return
    spending.ended(s, committed=tag != "ROLLBACK")
    if s.tx.untrusted:
        s.settings.stale = True
    if s.tx.outdates and statement.control in COMMITS:
        s.world.invalidate()
    s.server.dirty = True
    s.tx.clear(chained=statement.chain)
    s.tx.closed = not statement.chain


def returned(s: Session, *, sync: bool) -> Talk:
    """ROLLBACK TO has succeeded: counters keep what it undid, so they are read at once."""
    yield from read_now(s, None, sync=sync)
    spending.follow(s)


def not_prepared_here(s: Session, statement: Statement) -> Generator[Ask | None, Any, Refuse | Refusal | None]:
    """COMMIT PREPARED of what was measured at its PREPARE here passes; of what nobody prepared the server says so. Of
    anything else nobody knows what it does."""
    if statement.control is not Control.COMMIT_PREPARED or statement.name in s.world.prepared or s.world.observe:
        return None
    rows = yield LookOutside(PREPARED_SQL)
    if isinstance(rows, Away):
        return explain.away(rows.what, rows.why)
    try:
        if statement.name not in parse_prepared(rows):
            return None
    except ProtocolViolation as broken:
        return cannot_judge(broken.what)
    return cannot_judge(f"{statement.name} was not prepared through this pgguard: it was not measured")


def _two_phase(s: Session, message: bytes, judged: Judged) -> Talk:
    from pgguard.session import measure

    statement = judged.statements[0]
    if (trouble := (yield from not_prepared_here(s, statement))) is not None:
        yield from measure.refuse_unrun(s, judged, trouble)
        return
    step = s.server.held(message)
    yield None
    if not step.error:
        s.world.end_prepared(statement.name)
        s.to_client.append(step.held)
