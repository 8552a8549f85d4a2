"""May this text go out as it stands, in the state that the session is in? The one question of the fast path."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from pgguard.policy.decide import decide
from pgguard.policy.verdict import Allow, Asked, Evidence
from pgguard.session import spending
from pgguard.session.replies import IDLE
from pgguard.sql.statement import Control

if TYPE_CHECKING:
    from pgguard.session.connection import Session
    from pgguard.session.judge import Judged


_ONE_BY_ONE = {
    Control.SAVEPOINT, Control.RELEASE, Control.ROLLBACK_TO, Control.PREPARE, Control.COMMIT_PREPARED,
    Control.ROLLBACK_PREPARED,
}  # fmt: skip


# They mean the same whatever is being changed elsewhere.
_WHATEVER_THE_CATALOG = {"VariableSetStmt", "VariableShowStmt", "ListenStmt", "UnlistenStmt", "NotifyStmt"}


class Pass(Enum):
    NOW = 1
    SLOW = 2  # a conversation must decide


def gate(session: Session, judged: Judged, *, binding: bool = False) -> Pass:
    """``binding``: only a Bind, which plans but does not run it; COMMIT and ROLLBACK do nothing then."""
    tx = session.tx
    if (session.settings.dry_run or judged.tries) and tried(session, judged):
        return Pass.SLOW
    world = session.world
    later = judged.inserts or judged.calls or (world.changing and (session.replies.queue or len(judged.statements) > 1))
    elsewhere = session.untrusted if later else world.reshaped_elsewhere(session.ident)
    if elsewhere and all(s.node in _WHATEVER_THE_CATALOG for s in judged.statements):
        elsewhere = False  # a reading behind SET TRANSACTION would be the query that may not stand in front of the next
    if judged.fast and not (tx.untrusted or elsewhere):
        return Pass.NOW
    if session.desk.silent:
        return Pass.NOW
    if session.failed and not judged.control and not judged.error:
        return Pass.NOW if not session.replies.queue else Pass.SLOW  # the server itself rejects it
    if not isinstance(judged.verdict, Allow) or (judged.alone and tx.measured):
        return Pass.SLOW
    if judged.verdict.unmeasured:
        return Pass.NOW if judged.measurable else Pass.SLOW
    if not judged.proved:
        # nobody limits this caller in what the text does
        return Pass.SLOW if tx.measured else Pass.NOW
    if judged.control and not (elsewhere and (judged.inserts or judged.calls) and not binding):
        return _control(session, judged, binding)
    if tx.untrusted or elsewhere or (judged.bounds and session.untrusted):
        return Pass.SLOW
    if judged.changes_objects and (world.writing or world.waiting or world.shared):
        return Pass.SLOW
    if judged.shifts_names and (world.shared or world.calls_elsewhere(session.ident)):
        return Pass.SLOW
    if judged.bounds and world.unrecorded and world.policy.audit == "required":
        return Pass.SLOW  # measured, its record is written before the COMMIT, or there is none
    if len(judged.statements) > 1 and judged.bounds:
        return Pass.SLOW  # what the picture shows can change before its turn comes
    if judged.bounds and session.desk.budgets and not binding and not spending.fits(session, judged):
        return Pass.SLOW
    if judged.bounds and tx.executed:
        lost, deleted = tx.bound_of(judged)
        evidence = Evidence(bound=lost, bound_deleted=deleted)
        asked = Asked(session.desk.caller, judged.statements, judged.findings)
        return Pass.NOW if isinstance(decide(session.world.policy, asked, evidence), Allow) else Pass.SLOW
    return Pass.NOW


def waits(session: Session, judged: Judged) -> bool:
    """Whether everything under way must be answered first: a write is judged when it begins, as DDL elsewhere could
    come between; and only at idle can the counters be brought to zero for a block that begins behind writes."""
    begins = judged.control and session.server.dirty and session.replies.status == IDLE and session.unit is None
    return bool(judged.bounds) or judged.inserts or begins


def tried(session: Session, judged: Judged) -> bool:
    """Whether it is to be taken back after it ran (``dry_run``): a write, while that is switched on."""
    if judged.control or not (session.settings.dry_run or judged.tries):
        return False
    return judged.inserts or judged.changes_objects or not judged.proved or len(judged.bounds) > 0


def _control(session: Session, judged: Judged, binding: bool) -> Pass:
    tx = session.tx
    if binding:
        return Pass.NOW
    controls = {s.control for s in judged.statements}
    chained = (tx.measured or bool(tx.writes)) and any(s.chain for s in judged.statements)
    if controls & _ONE_BY_ONE or chained:
        return Pass.SLOW  # the ledger has to know whether it succeeded, or needs a reading
    if tx.measured or tx.untrusted:
        return Pass.NOW if controls in ({Control.BEGIN}, {Control.ROLLBACK}) else Pass.SLOW
    return Pass.SLOW if len(judged.statements) > 1 and judged.bounds else Pass.NOW
