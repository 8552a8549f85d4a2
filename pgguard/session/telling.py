"""What a request tells a second person besides the measurement: gathered when it is held, before and after ROLLBACK.

None of it decides anything. It is asked for only when the request is new: a loop that is refused a thousand times must
not cost a thousand scans.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pgguard.evidence.dependents import dependents
from pgguard.evidence.measurement import Measurement
from pgguard.evidence.particulars import Particulars
from pgguard.policy.binding import Binding
from pgguard.session.asks import Ask, Gather, Sizes

if TYPE_CHECKING:
    from pgguard.session.connection import Session

NOTHING = Particulars()


def gather(s: Session, binding: Binding, found: Measurement | None) -> Generator[Ask | None, Any, None]:
    """While the transaction is open."""
    tx = s.tx
    tx.particulars = None
    if found is None:
        return
    # What it holds strong locks on cannot be read from outside: that look would wait for us, and we for it.
    lost = sorted(found.tables, key=lambda t: (not t.named, -t.rows.lost))
    tables = tuple(t.oid for t in lost if t.rows.lost and t.oid not in tx.strong)
    answer = yield Gather(binding, s.settings.backend_pid, tables, s.world.policy.mask)
    if isinstance(answer, Particulars):
        took = (s.clock() - s.began) * 1000
        stands = dependents(found.destroyed, s.world.picture)
        tx.particulars = replace(answer, milliseconds=round(took, 1), dependents=stands)


def told(s: Session, found: Measurement | None) -> Generator[Ask | None, Any, Particulars]:
    """When it is rolled back, and its locks are gone."""
    known = s.tx.particulars
    if known is None or found is None:
        return known or NOTHING
    tables = [table.oid for table in found.tables if table.rows.lost]
    tables += [lost.oid for lost in found.destroyed if lost.oid and lost.oid not in tables]
    answer = yield Sizes(tuple(tables[:20]))
    return replace(known, sizes=answer) if isinstance(answer, dict) else known
