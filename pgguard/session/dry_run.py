"""Dry runs (pgguard.dry_run = on): every write is run, measured, told in a NOTICE, and taken back.

Outside a block our own BEGIN is rolled back; inside one a savepoint of ours stands in front of the statement. What the
policy would have said is told as well, and no request is filed.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from pgguard.evidence.measurement import Measurement, Reading
from pgguard.evidence.paths import with_paths
from pgguard.policy import explain
from pgguard.policy.decide import decide
from pgguard.policy.verdict import Evidence
from pgguard.session.asks import Ask
from pgguard.session.commit import deferred_done
from pgguard.session.outcome import Outcome, cannot_judge
from pgguard.session.settle import asked_for, weigh
from pgguard.wire.backend import encode_notice

if TYPE_CHECKING:
    from pgguard.session.connection import Session, Talk

NAME = "pgguard_dry_run"
NOT_POSSIBLE = cannot_judge("it cannot run inside a transaction, so it cannot be tried (pgguard.dry_run is on)")


def stand(s: Session, *, sync: bool) -> None:
    """In a block, in front of a write: where it will be taken back to."""
    s.server.hidden(f"SAVEPOINT {NAME}".encode(), sync=sync)
    s.tx.ledger.savepoint(NAME)
    s.tx.remember()


def take_back(s: Session, *, sync: bool) -> Talk:
    """The state in front of the write again."""
    s.server.hidden(f"ROLLBACK TO {NAME}".encode(), sync=sync)
    s.server.hidden(f"RELEASE {NAME}".encode(), sync=sync)
    if not sync:
        s.server.flush()
    yield None
    s.tx.ledger.rollback_to(NAME)
    s.tx.ledger.release(NAME)
    s.tx.return_to_remembered()


def tell(s: Session, reading: Reading, *, sync: bool) -> Generator[Ask | None, Any, Outcome]:
    """What it did and what would be said to it, as a NOTICE. Anything but None: it could not be told."""
    if s.tx.deferrable or s.tx.opaque:
        later = yield from deferred_done(s, sync)
        if not isinstance(later, Reading):
            return later
        reading = later
    found = yield from weigh(s, reading, sync=sync)
    if not isinstance(found, Measurement):
        return found
    s.tx.found = found = with_paths(found, s.world.picture)
    verdict = decide(s.world.policy, asked_for(s), Evidence(measurement=found))
    message, detail = explain.dry_run(found, verdict)
    s.to_client.append(encode_notice({"C": "00000", "M": message, "D": detail}))
    return None
