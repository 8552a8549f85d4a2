"""The conversations that a session can begin, by name: the one door from the fast path to the slow ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.evidence.session_facts import SESSION_SQL, parse_session
from pgguard.session import following
from pgguard.session.asks import NeedPicture

if TYPE_CHECKING:
    from pgguard.session.connection import Session, Talk
    from pgguard.session.judge import Judged


def query(s: Session, message: bytes, judged: Judged) -> Talk:
    """A Query that may not simply pass."""
    from pgguard.session import measure

    return measure.query(s, message, judged)


def function_call(s: Session, message: bytes, judged: Judged) -> Talk:
    """A FunctionCall."""
    from pgguard.session import measure

    return measure.function_call(s, message, judged)


def segment(s: Session, messages: bytes) -> Talk:
    """Extended messages that may not simply pass."""
    from pgguard.session import batch

    return batch.segment(s, messages)


def sync_first(s: Session) -> Talk:
    """A Query or FunctionCall behind extended messages without a Sync."""
    from pgguard.session import batch

    return batch.sync_first(s)


def ask_picture(s: Session) -> Talk:
    """FAIL CLOSED: without a picture of the catalog nothing can be proved, and DDL cannot be judged."""
    answer = yield NeedPicture()
    if s.world.picture is None:
        why = getattr(answer, "why", "no answer")
        s.refuse_connection("PGG06", f"pgguard's own connection to the server is away: {why}")


def ask_settings(s: Session) -> Talk:
    """At idle: what the settings and the role are now."""
    asked = s.server.hidden(SESSION_SQL.encode(), sync=True)
    yield None
    if asked.failed:
        s.refuse_connection("PGG06", "the session's settings could not be read")
        return
    s.settings.confirmed(parse_session(asked.rows))
    following.follow(s)
