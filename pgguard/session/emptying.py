"""In front of a TRUNCATE: the rows that it will take are counted behind its own lock, as one conversation.

Counted, they are deleted rows like any others, which limits speak of. What could not be counted is lost data."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from pgguard.errors import ProtocolViolation
from pgguard.evidence import emptied
from pgguard.evidence.envelope import Row
from pgguard.evidence.measurement import Destroyed
from pgguard.session.asks import Ask
from pgguard.session.judge import Judged
from pgguard.session.outcome import Says, ServerError, cannot_judge

if TYPE_CHECKING:
    from pgguard.session.connection import Session
    from pgguard.session.transaction import Transaction

_TRUNCATED = ("data", "truncated")
Answer = Generator[Ask | None, Any, "list[Row] | ServerError"]


def wants(judged: Judged) -> bool:
    """A lone TRUNCATE: in a string of several, what stands in front of it would run behind its lock."""
    return len(judged.statements) == 1 and not judged.opaque and bool(emptied.named(judged.statements[0]))


def count_first(s: Session, judged: Judged, *, sync: bool) -> Says:
    """To be called directly in front of the client's message; outside a block, where LOCK would fail, it does nothing.
    An error is one that the TRUNCATE itself would have met: it asks for the same locks of the same tables."""
    s.tx.emptying = {}
    in_block = sync or s.in_block or s.wrapped  # with a Sync of our own there always is one, ours or the client's
    if s.world.observe or not in_block or not wants(judged):
        return None
    names, alone = emptied.named(judged.statements[0]), emptied.only(judged.statements[0])
    try:
        answer = yield from _ask(s, emptied.meaning_sql(names), sync)
        if isinstance(answer, ServerError):
            return answer
        tables = emptied.parse_meaning(answer, names)
        if not tables:
            return None
        answer = yield from _ask(s, emptied.lock_sql(tables, alone), sync)
        if isinstance(answer, ServerError):
            return answer
        answer = yield from _ask(s, emptied.sizes_sql(tables, alone), sync)
        if isinstance(answer, ServerError):
            return answer
        behind = emptied.parse_sizes(answer)
        sql = emptied.rows_sql(behind)
        answer = (yield from _ask(s, sql, sync)) if sql else []
        if isinstance(answer, ServerError):
            return answer
        s.tx.emptying = emptied.parse_rows(behind, answer)
    except ProtocolViolation as broken:
        return cannot_judge(f"the rows of a TRUNCATE could not be counted: {broken.what}")
    return None


def _ask(s: Session, sql: str, sync: bool) -> Answer:
    step = s.server.hidden(sql.encode(), sync=sync)
    if not sync:
        s.server.flush()
    yield None
    if step.skipped and sync:
        s.server.sync()  # our BEGIN failed: until a Sync the server passes over everything
        yield None
    return ServerError(step.error) if step.failed else list(step.rows)


def counted(tx: Transaction, destroyed: tuple[Destroyed, ...]) -> tuple[Destroyed, ...]:
    """``destroyed`` without the tables whose rows were counted; the ledger has these rows now."""
    lost = {d.oid for d in destroyed if (d.kind, d.how) == _TRUNCATED}
    tx.ledger.truncated({oid: number for oid, number in tx.emptying.items() if oid in lost})
    tx.emptying = {}
    return tuple(d for d in destroyed if (d.kind, d.how) != _TRUNCATED or d.oid not in tx.ledger.emptied)
