"""A measured Query or FunctionCall, as one conversation from its first message to ReadyForQuery.

Outside a block: zero the counters, our BEGIN, the client's own message byte for byte, the reading, then COMMIT or
ROLLBACK. Inside one: the client's message, then the reading. (FACTS F2: splitting a Query differs in 23 of 39 strings.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.catalog.reach import analysis_runs_code
from pgguard.evidence.measurement import Measurement, Reading
from pgguard.policy import explain
from pgguard.policy.verdict import Hold, Refusal, Refuse
from pgguard.session import cut, dry_run, emptying, following, spending, talks
from pgguard.session.commit import before_commit, claim
from pgguard.session.connection import Talk
from pgguard.session.gate import tried
from pgguard.session.judge import Judged
from pgguard.session.outcome import Outcome, Says, ServerError, cannot_judge
from pgguard.session.outstanding import SWALLOW
from pgguard.session.readings import ask_reading, take_reading
from pgguard.session.replies import FAILED, IDLE
from pgguard.session.settle import lone_effect, record, refused, remember, settle, weigh
from pgguard.sql.statement import Control, StatementKind
from pgguard.wire import frontend
from pgguard.wire.backend import encode_error, encode_notice, error_fields, ready_for_query

if TYPE_CHECKING:
    from pgguard.session.connection import Session


def query(s: Session, message: bytes, judged: Judged) -> Talk:
    """A Query that may not simply pass."""
    s.began = s.clock()
    if s.world.observe and (judged.error or cut.not_exact(s, judged) is not None):
        s.tx.note_measured(judged)
        yield from record(s, "observe", None, None, "not measured")
        following.unread_code(s)
        s.send_query(message, judged)
        return
    if cut.must_fail(s, judged):
        following.unread_code(s)
        s.send_query(message, judged)
        return
    busy: Outcome = yield from talks.before_ddl(s, judged)
    if busy is not None:
        yield from refuse_unrun(s, judged, busy)
    elif judged.error:
        yield from _unreadable(s, frontend.query_text(message), judged)
    elif s.replies.status == FAILED and (not judged.control or judged.only_control is Control.COMMIT):
        s.send_query(message, judged)  # the server itself rejects it, and COMMIT can only roll back
        return
    elif isinstance(judged.verdict, Refuse) and not s.world.observe:
        yield from refuse_unrun(s, judged, judged.verdict)
    elif talks.passes_alone(s, judged):
        s.send_query(message, judged)
        return
    elif judged.control:
        yield from cut.query(s, message, judged)
    elif not judged.measurable:
        yield from _unmeasurable(s, message, judged)
    else:
        yield from _measured(s, message, judged)
    ready(s)


def function_call(s: Session, message: bytes, judged: Judged) -> Talk:
    """A FunctionCall: it is measured like a Query (its name says nothing that could be proved)."""
    if s.desk.silent or s.replies.status == FAILED:
        s.send_query(message, judged)
        return
    s.began = s.clock()
    busy: Outcome = yield from talks.before_ddl(s, judged)
    if busy is not None:
        yield from refuse_unrun(s, judged, busy)
    elif judged.measurable or s.world.observe:
        yield from _measured(s, message, judged, message[5:])
    else:
        yield from refuse_unrun(s, judged, cannot_judge(judged.why))
    ready(s)


def ready(s: Session) -> None:
    """The end of a conversation: the status is what the server last said."""
    s.replies.say_parameters()
    s.to_client.append(ready_for_query(s.replies.status))
    s.settings.lexing_unknown = False
    s.tx.told()
    if s.replies.status == IDLE:
        following.transaction_over(s)


def _measured(s: Session, message: bytes, judged: Judged, params: bytes = b"", shift: int = 0) -> Talk:
    if s.replies.status != IDLE:
        outcome = yield from run(s, message, judged, params=params)
        if outcome is not None:
            yield from fail_block(s, outcome)
        return
    trying = tried(s, judged)
    bare = s.world.observe and any(x.kind in (StatementKind.DO, StatementKind.CALL) for x in judged.statements)
    wrapped = trying or not bare
    s.server.zero_counters()
    if not wrapped:
        yield from record(s, "observe", None, None, "not measured")
        following.measuring(s, judged)
        s.server.relay(message).shift = shift
        yield None
        following.took_effect(s, judged)
        return
    # Without a Sync behind it: were it to fail (a cancel can hit it), the server skips the client's Query as well.
    begin = s.server.hidden(b"BEGIN", sync=judged.copy_in)
    if judged.copy_in:  # a Sync behind it would be ignored in COPY, and nothing would end the skipping
        yield None
        if begin.failed:
            s.to_client.append(begin.error)
            return
    held = Holder()
    outcome = yield from run(s, message, judged, held=held, params=params, shift=shift)
    if begin.failed:
        s.to_client.append(begin.error)
        yield from roll_back(s)
        return
    if outcome is None and (trying or s.settings.dry_run):
        yield from record(s, "dry run", None, s.tx.found)
        yield from roll_back(s)
        s.settings.stale = True  # a SET in it was taken back as well
        s.to_client.append(held.bytes)
        return
    if outcome is None:
        outcome = yield from before_commit(s, claims=True)
    if outcome is None and s.world.policy.audit == "required":
        outcome = yield from record(s, "measured", None, s.tx.found)
    if outcome is None:
        commit = s.server.deferred(s.server.own_query(b"COMMIT"))
        if s.world.policy.audit != "required":
            yield from record(s, "measured", None, s.tx.found)  # while the server commits
        yield None
        invalidate(s)
        if commit.error:
            yield from roll_back(s)
            s.to_client.append(commit.error)  # instead of the CommandComplete, as PostgreSQL does it
        else:
            s.to_client.append(held.bytes)
            following.took_effect(s, judged)
        return
    yield from roll_back(s)
    yield from say(s, outcome)


def roll_back(s: Session) -> Talk:
    """Out of our own block, also when a cancel hits the ROLLBACK itself."""
    s.server.dirty = True
    for _ in range(5):
        if s.replies.status == IDLE:
            spending.ended(s, committed=False)
            return
        s.server.own_query(b"ROLLBACK")
        yield None
    s.refuse_connection("PGG06", "the server does not roll back")


class Holder:
    """What waits for the verdict of a run outside a block, until its COMMIT."""

    def __init__(self) -> None:
        self.bytes = b""


def run(
    s: Session, message: bytes, judged: Judged, *, held: Holder | None = None, shift: int = 0, params: bytes = b""
) -> Says:
    """Send it, read behind it, judge what it did. ``held`` None: in a block, what was kept back is released here."""
    trying = held is None and tried(s, judged)
    if trying:
        dry_run.stand(s, sync=True)
    following.measuring(s, judged, params)
    if (trouble := (yield from emptying.count_first(s, judged, sync=True))) is not None:
        return trouble
    step = s.server.held(message)
    step.shift = shift
    step.wrapped = held is not None and len(judged.statements) == 1
    eager = not judged.copy_in and not judged.error
    asked = ask_reading(s, judged, sync=True) if eager else None
    yield None
    if step.skipped:
        s.server.sync()  # our BEGIN failed: until a Sync the server passes over everything
        yield None
    if step.error or step.skipped:
        return ServerError()
    if asked is None:
        asked = ask_reading(s, judged, sync=True)
        yield None
    outcome = yield from judge_reading(s, take_reading(s, asked), sync=True, trying=tried(s, judged))
    if outcome is not None:
        return outcome
    if held is not None:
        held.bytes = step.held
        return None
    away = yield from record(s, "dry run" if trying else "measured", None, s.tx.found)
    if away is not None:
        return away
    s.to_client.append(step.held)
    if trying:
        yield from dry_run.take_back(s, sync=True)
    else:
        following.took_effect(s, judged)
    return None


def judge_reading(
    s: Session, reading: Reading | ServerError | Refuse, *, sync: bool, trying: bool = False
) -> Says:
    """What a reading comes to: weighed, settled, told and written down."""
    if trying and isinstance(reading, Reading):
        return (yield from dry_run.tell(s, reading, sync=sync))
    if isinstance(reading, Refuse) and s.world.observe:
        yield from record(s, "observe", reading, None)
        return None
    if not isinstance(reading, Reading):
        return reading
    effect = lone_effect(s)
    found = s.tx.judged[0].allowed.get(effect) if effect is not None else None
    outcome: Outcome = None
    fresh = found is None
    if found is None:
        weighed = yield from weigh(s, reading, sync=sync)
        if not isinstance(weighed, Measurement):
            return None if s.world.observe and not isinstance(weighed, ServerError) else weighed
        found = weighed
    if fresh or s.desk.budgets:
        outcome = yield from settle(s, found)
    if fresh and outcome is None and effect is not None:
        remember(s, effect, found)
    s.tx.found = found
    if outcome is None and s.settings.report:
        s.to_client.append(encode_notice({"C": "00000", "M": explain.report(found)}))
    return outcome


def fail_block(s: Session, outcome: ServerError | Hold | Refuse | Refusal) -> Talk:
    """In a block the server itself must fail, so that the status is its own truth; its error is replaced by ours."""
    if not isinstance(outcome, ServerError) or s.replies.status != FAILED:
        s.server.must_fail(reason(outcome))
        s.server.sync()
        yield None
    yield from say(s, outcome)


def reason(outcome: ServerError | Hold | Refuse | Refusal) -> str:
    if isinstance(outcome, Hold | Refuse):
        return f"rule {', '.join(b.rule for b in outcome.blames)}"
    return outcome.message if isinstance(outcome, Refusal) else "the reading failed"


def say(s: Session, outcome: ServerError | Hold | Refuse | Refusal) -> Talk:
    """Give the client its ErrorResponse."""
    if isinstance(outcome, ServerError):
        if outcome.message:
            s.to_client.append(outcome.message)
        return
    refusal = yield from refused(s, outcome)
    s.to_client.append(as_error(refusal))


def as_error(refusal: Refusal) -> bytes:
    return encode_error({"C": refusal.sqlstate, "M": refusal.message, "D": refusal.detail, "H": refusal.hint})


def invalidate(s: Session) -> None:
    """Before CommandComplete is passed on: after DDL, and code that may do DDL, our picture of the database is old."""
    if s.tx.outdates:
        s.world.invalidate()


def refuse_unrun(s: Session, judged: Judged, verdict: ServerError | Hold | Refuse | Refusal) -> Talk:
    """No, without running it."""
    s.world.counts.statements += 1
    s.tx.note_measured(judged)
    if s.replies.status == IDLE:
        yield from say(s, verdict)
    else:
        yield from fail_block(s, verdict)


def _unmeasurable(s: Session, message: bytes, judged: Judged) -> Talk:
    """It cannot run in a transaction: what its text says decides, and an approval lets it run unmeasured."""
    if tried(s, judged):
        yield from refuse_unrun(s, judged, dry_run.NOT_POSSIBLE)
        return
    s.tx.note_measured(judged, s.settings.search_path.encode())  # which decides what its names mean
    outcome = yield from settle(s, None)
    if outcome is None:
        outcome = yield from claim(s)
    if outcome is None:
        outcome = yield from record(s, "unmeasured", None, None)
    if outcome is not None:
        yield from say(s, outcome) if s.replies.status == IDLE else fail_block(s, outcome)
        return
    step = s.server.held(message)
    yield None
    ran_outside(s, failed=step.failed)
    if not step.error:
        s.to_client.append(step.held)
        following.took_effect(s, judged)


def ran_outside(s: Session, *, failed: bool) -> None:
    """A statement that cannot run in a transaction ran: what it did is there, also of one that failed."""
    s.server.dirty = True
    invalidate(s)
    if failed:
        spending.broke_off(s)


def _unreadable(s: Session, text: bytes, judged: Judged) -> Talk:
    """What libpg_query cannot read goes to the server as a Parse and nothing else: its error is the answer."""
    error = b"" if s.settings.lexing_trouble(s.replies.parameters, text) else (yield from _probe(s, text))
    if error:
        s.to_client.append(error)
    else:
        yield from refuse_unrun(s, judged, cannot_judge(judged.error))


def _probe(s: Session, text: bytes) -> Talk:
    """The server's error for this text; b"" when it can read it and we cannot."""
    name = s.server.fresh_name()
    picture = s.world.picture
    if own := s.replies.status == IDLE and (picture is None or analysis_runs_code(picture)):
        s.server.hidden(b"BEGIN", sync=False)  # what that code does, no Sync may commit
    step = s.server.step(frontend.encode_parse(name, text), SWALLOW)
    s.server.sync()
    yield None
    if own:
        yield from roll_back(s)
    if not step.error:
        s.server.step(frontend.encode_close(b"S", name), SWALLOW)
        s.server.sync()
        yield None
        return b""
    fields = error_fields(step.error)
    several = fields.get("C") == "42601" and fields.get("R") == "exec_parse_message"
    return b"" if several else step.error
