"""The conversations that a session can begin, by name: the one door from the fast path to the slow ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.errors import MalformedMessage
from pgguard.evidence.session_facts import SESSION_SQL, parse_session
from pgguard.policy.verdict import Allow
from pgguard.session import following, judging
from pgguard.session.asks import Cancelled, NeedPicture, Read, WaitForOthers
from pgguard.session.gate import tried
from pgguard.session.outcome import ServerError, cannot_judge
from pgguard.session.replies import IDLE
from pgguard.sql.statement import ReadText, Statement
from pgguard.wire import frontend
from pgguard.wire.backend import encode_error, error_fields
from pgguard.wire.framing import frames

TRIES = 20
PICTURE_TRIES = 3  # each has a deadline of its own
BLIND_SECONDS = 10.0
LENT = "a pooler behind pgguard gives one server session to several clients: it must pool sessions, not transactions"

if TYPE_CHECKING:
    from pgguard.session.connection import Session, Talk
    from pgguard.session.judge import Judged


def query(s: Session, message: bytes, judged: Judged) -> Talk:
    """A Query that may not simply pass."""
    from pgguard.session import measure

    s.server.beside_query = True
    yield from measure.query(s, message, judged)
    s.server.beside_query = False


def function_call(s: Session, message: bytes, judged: Judged) -> Talk:
    """A FunctionCall."""
    from pgguard.session import measure

    return measure.function_call(s, message, judged)


def segment(s: Session, data: bytes) -> Talk:
    """Whole messages, the last of them a Sync or a Flush (or neither, in a very long batch)."""
    from pgguard.session.batch import Batch

    s.began = s.clock()
    batch = Batch(s)
    yield from batch.take_over()
    if s.replies.status == IDLE and not s.batch_begun and not batch.over:
        s.server.zero_counters()
    for message in frames(data):
        code = message[0]
        if batch.copied and code in b"SH":
            continue  # sent too early: the server ignores it in COPY, another one comes behind CopyDone
        if code == 0x53:  # Sync
            yield from batch.sync()
            s.read.clear()
            return
        if batch.over:
            continue
        if code == 0x48:  # Flush
            s.server.flush()
        else:
            try:
                yield from batch.one(code, message)
            except MalformedMessage:
                s.server.relay(frontend.emptied(message, s.server.fresh_name()))
    s.server.flush()
    yield None
    batch.settle_accounts()
    s.read.clear()
    s.replies.skipping = batch.failed()  # the rest up to the Sync comes later


def sync_first(s: Session) -> Talk:
    """A Query or FunctionCall comes behind messages without a Sync: on some servers it would commit them (FACTS F1)."""
    from pgguard.session.batch import Batch

    s.began = s.clock()
    batch = Batch(s)
    yield from batch.take_over()
    if not batch.over:
        yield from batch.sync(ours=True)


def broken_off(s: Session, what: str) -> Talk:
    """The client broke the protocol: it hears so behind the answers to what it sent before."""
    if s.replies.queue:
        s.to_server.append(frontend.encode_copy_fail(what.encode()))  # ends a COPY, and is ignored elsewhere
        s.server.flush()
    yield None
    s.refuse_connection("08P01", what)


def before_ddl(s: Session, judged: Judged) -> Talk:
    """In front of any text that is not proved to leave the catalog as it is, or that has to go out as it stands: a
    refusal, or None."""
    from pgguard.session import dry_run

    busy = None
    if judged.opaque or judged.changes_objects:
        busy = yield from others_done(s, names=judged.shifts_names)
    if busy is not None or not passes_alone(s, judged) or s.world.observe:
        return busy
    if tried(s, judged):
        return dry_run.NOT_POSSIBLE
    changing = s.world.reshaped_elsewhere(s.ident) or s.desk.version != s.world.version
    if not changing or _runs_no_code(judged.statements[0]):
        return None
    why = f"{judged.kind} cannot run in a transaction to be measured, and another session is changing objects"
    return cannot_judge(f"{why}: try again")


def _runs_no_code(statement: Statement) -> bool:
    """DISCARD ALL is of the session alone; CREATE INDEX CONCURRENTLY on columns runs none, whatever its names come to
    mean. Migration tools send it while another session of theirs holds a lock on their own table."""
    plain = not (statement.calls or statement.operators or statement.types)
    return statement.node == "DiscardStmt" or (statement.node == "IndexStmt" and plain)


def passes_alone(s: Session, judged: Judged) -> bool:
    """Proved, and PostgreSQL runs it only outside a transaction block: it must never get a BEGIN of ours."""
    lone = judged.alone and judged.proved and not judged.control and not s.in_block and not s.failed
    return lone and isinstance(judged.verdict, Allow)


def others_done(s: Session, *, names: bool) -> Talk:
    """Before DDL or unread code goes out: the writes that other sessions sent, proved by the picture of now, have begun
    and hold their locks, and nothing that they sent waits for its turn on the server. What they send from here on is
    not proved by it, and not sent before its turn. What it comes to: a refusal, when they take too long.

    ``names``: what names mean is about to change, and bodies of functions under way may not have looked theirs up."""
    s.world.changes(s.ident)
    waiting = frozenset(s.world.waiting | (s.world.calling - {s.ident} if names else set()))
    if not (s.world.writing or waiting or s.world.shared):
        return None
    answer = yield WaitForOthers(waiting, names)
    if isinstance(answer, Cancelled):  # the server has nothing to cancel yet: these are its words
        return ServerError(encode_error({"C": "57014", "M": "canceling statement due to user request"}))
    if answer is True or s.world.observe:
        return None
    return cannot_judge("statements of another session, judged before, still wait for their turn: try again")


def read_first(s: Session, text: bytes) -> Talk:
    """A text that is too long to be read at once is read elsewhere, before it is judged."""
    wanted = judging.to_be_read(s, text)
    if wanted is not None:
        found = yield Read(wanted)
        judging.was_read(s, wanted, found if isinstance(found, ReadText) else None, getattr(found, "why", "no answer"))


def ask_picture(s: Session) -> Talk:
    """FAIL CLOSED: without a picture of the catalog nothing can be proved, and DDL cannot be judged. Who only observes
    stops nobody: for a while, all is measured."""
    answer = None
    for _ in range(PICTURE_TRIES):
        answer = yield NeedPicture()
        if s.world.picture is not None:
            return
    if s.world.observe:
        s.world.blind_until = s.clock() + BLIND_SECONDS
        return
    why = getattr(answer, "why", "no answer")
    s.refuse_connection("PGG06", f"pgguard's own connection to the server is away: {why}")


def ask_settings(s: Session) -> Talk:
    """At idle: what the settings and the role are now. A cancel that comes late, or the client's statement_timeout, can
    hit the question: it is asked again."""
    for _ in range(TRIES):
        asked = s.server.hidden(SESSION_SQL.encode(), sync=True)
        yield None
        if not asked.failed:
            facts = parse_session(asked.rows)
            if s.settings.backend_pid not in (0, facts.backend_pid) and not s.world.observe:
                s.refuse_connection("PGG05", LENT)
                return
            s.settings.confirmed(facts)
            following.follow(s)
            return
        if error_fields(asked.error).get("C") != "57014":  # query_canceled
            break
    s.refuse_connection("PGG06", "the session's settings could not be read")
