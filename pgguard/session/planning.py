"""Code that runs before any Execute: when a Parse is analysed, and when a Bind is planned.

Planning evaluates functions that say they are immutable (FACTS F6), and analysing does so with the input functions of
arrays, rows and ranges that stand in the text as literals. What such code did is read before anything else of the
client's runs, and at the latest in front of the Sync.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.catalog.reach import analysis_runs_code
from pgguard.policy.verdict import Refusal, Refuse
from pgguard.session import dry_run
from pgguard.session.gate import Pass, gate, tried
from pgguard.session.outcome import cannot_judge
from pgguard.sql.statement import StatementKind

if TYPE_CHECKING:
    from pgguard.session.batch import Batch
    from pgguard.session.connection import Session, Talk
    from pgguard.session.judge import Judged

# Other statements are neither analysed before they run nor planned.
_ANALYSED = frozenset(map(StatementKind, ("select", "insert", "update", "delete", "merge", "explain", "cursor")))


def at_parse(s: Session, judged: Judged) -> bool:
    """Whether a Parse of it can run code that nobody has read."""
    if s.desk.silent or not _doubtful(s, judged):
        return False
    picture = s.world.picture
    may = s.tx.untrusted or s.world.reshaped_elsewhere(s.ident) or picture is None or analysis_runs_code(picture)
    return may and gate(s, judged, binding=True) is Pass.SLOW


def at_bind(s: Session, judged: Judged, *, values: bool) -> bool:
    """Whether a Bind of it can; VACUUM and its kin are not planned."""
    return _doubtful(s, judged) and (values or not judged.alone)


def _doubtful(s: Session, judged: Judged) -> bool:
    """The picture says nothing of what a name means behind DDL of the same transaction."""
    return judged.opaque or (s.tx.untrusted and any(x.kind in _ANALYSED for x in judged.statements))


def refused(s: Session, judged: Judged) -> Refuse | Refusal | None:
    """What can be refused without running it."""
    if not judged.measurable and tried(s, judged):
        return dry_run.NOT_POSSIBLE
    if s.world.observe:
        return None
    if isinstance(judged.verdict, Refuse):
        return judged.verdict
    return cannot_judge(judged.error) if judged.error and judged.text else None


def ready(batch: Batch, judged: Judged, *, runs: bool) -> Talk:
    """In front of a Parse or Bind; ``runs``: of one that can run such code. Afterwards the batch may be over."""
    batch.own_block(judged)
    if batch.unread:
        yield from batch.read_first()
        if batch.over:
            return
    batch.s.tx.note_bound(judged, planned=runs)
    batch.unread = runs
