"""A batch of extended messages in which something must be measured (form 4): message by message, up to Sync or Flush.

Our reading stands directly behind each measured Execute, nothing of the client's between; the Sync, which commits, goes
out last. After an error the server skips to the Sync, and so do we.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.policy.verdict import Hold, Refusal, Refuse
from pgguard.session import cut, dry_run, emptying, following, judging, measure, planning, reparse, spending, talks
from pgguard.session.commit import before_commit, claim
from pgguard.session.connection import Talk
from pgguard.session.gate import Pass, gate, tried
from pgguard.session.judge import Judged
from pgguard.session.names import Portal, Prepared, key
from pgguard.session.outcome import Outcome, ServerError, cannot_judge
from pgguard.session.outstanding import NameChange, Step, Unit
from pgguard.session.readings import ask_reading, read_now, take_reading
from pgguard.session.replies import IDLE
from pgguard.session.settle import record, settle
from pgguard.sql.statement import Control, StatementKind
from pgguard.sql.tokens import without_token
from pgguard.wire import frontend

if TYPE_CHECKING:
    from pgguard.session.connection import Session

# ANALYZE of several tables has a transaction for each (vacuum.c, use_own_xacts).
_MAY_COMMIT = frozenset(map(StatementKind, ("do", "call", "opaque", "execute", "maintenance", "truncate")))


class Batch:
    """The state of one batch while it is measured. ``over``: an error or a refusal came, skip to the Sync."""

    def __init__(self, s: Session) -> None:
        self.s = s
        self.over = False
        self.copied = False  # a COPY asked for data
        self.wrapped = s.wrapped  # a BEGIN of ours stands in front
        self._begin: Step | None = None
        self._proved: list[tuple[Judged, Step]] = []  # writes to be recorded from their CommandComplete
        self._tried = False  # something in it is only tried: none of it is committed
        self.unread = False  # a Parse or Bind ran unread code, and no reading stands behind it yet
        self._unanswered = False  # an Execute was relayed without waiting for its answer

    def take_over(self) -> Talk:
        """Wait for the answers to what was sent of this batch before."""
        s = self.s
        queue = s.replies.queue
        if queue:
            s.server.flush()
            yield None
            if queue and isinstance(unit := queue[0], Unit) and not unit.synced:
                queue.popleft()
                following.unit_answered(s, unit)
        self.over = s.replies.skipping
        s.unit = None

    def own_block(self, judged: Judged, *, trying: bool = False) -> None:
        """Outside a block, in front of what could COMMIT by itself (in one it fails with 2D000) or is only tried."""
        s = self.s
        may_commit = not (s.world.observe or judged.alone) and any(x.kind in _MAY_COMMIT for x in judged.statements)
        if self.wrapped or s.in_block or not (may_commit or trying):
            return
        self._begin = s.server.hidden(b"BEGIN", sync=False)
        self.wrapped = s.wrapped = True

    def one(self, code: int, message: bytes) -> Talk:
        """One extended message other than Sync and Flush."""
        s = self.s
        if code == 0x50:
            yield from self._parse(message)
        elif code == 0x42:
            yield from self._bind(message)
        elif code == 0x45:
            yield from self._execute(message)
        elif code == 0x43:
            target = frontend.target(message)
            name = key(target.name)
            if target.kind == b"S":
                s.names.batch[name] = None
                s.server.relay(message, NameChange(name, None))
            else:
                s.names.portals.pop(name, None)
                s.server.relay(message)
        else:
            s.server.relay(message)

    def _parse(self, message: bytes) -> Talk:
        s = self.s
        parsed = frontend.parse(message)
        name, text, types = key(parsed.name), parsed.text, parsed.param_types
        judged = judging.judged(s, text, types)
        if not s.failed and planning.at_parse(s, judged):
            s.batch_begun = True
            yield from planning.ready(self, judged, runs=True)
            if self.over:
                return
            following.unread_code_next(s)
        prepared = Prepared(text, types, judged, s.desk.version)
        s.names.batch[name] = prepared
        # a text that cannot be read runs nothing here: the server's own error is the answer, or Bind is refused
        message = message.replace(text, without_token(text), 1)
        s.server.relay(message, NameChange(name, prepared))

    def _bind(self, message: bytes) -> Talk:
        s = self.s
        bound = frontend.bind(message)
        s.batch_begun = True
        prepared = yield from reparse.believed(s, key(bound.statement))
        if self.failed():
            return
        judged, params = judging.bound(s, prepared, bound.params), frontend.parameters(bound.params)
        if planned := planning.at_bind(s, judged, values=bool(params)):
            following.unread_code_next(s)
        s.names.portals[key(bound.portal)] = Portal(judged, params, prepared=prepared)
        if s.failed and not judged.control:
            s.server.relay(message)
            return
        refusal = planning.refused(s, judged)
        if refusal is not None:
            s.server.flush()  # an earlier message of the batch may fail first, as it would have
            yield None
            if self.failed():
                return
            s.tx.note_measured(judged, params)
            yield from self._refuse(refusal)
            return
        yield from planning.ready(self, judged, runs=planned)
        if self.over:
            return
        following.bodies(s, judged)
        s.server.relay(message)

    def settle_accounts(self, commit: Step | None = None) -> None:
        """Everything was answered: errors of our BEGIN and COMMIT are the client's, proved writes are recorded."""
        for ours in (self._begin, commit):
            if ours is not None and ours.error:
                self.s.to_client.append(ours.error)
        self._begin = None
        following.recorded(self.s, [(judged, step.tag) for judged, step in self._proved if step.tag])
        self._proved = []

    def failed(self) -> bool:
        """Whether the server reported an error in this batch."""
        if self.s.server.batch_failed():
            self.over = True
        return self.over

    def _execute(self, message: bytes) -> Talk:
        s = self.s
        s.batch_begun = True
        if self._unanswered:
            s.server.flush()  # each is judged when it begins: DDL elsewhere could come between
            yield None
            self._unanswered = False
            if self.failed():
                return
        portal = s.names.portals.get(key(frontend.execute(message).portal))
        if portal is None and self.unread:
            yield from self.read_first()
            if self.over:
                return
        judged = judging.running(s, portal) if portal is not None else judging.unknown(s, "portal")
        params = portal.params if portal is not None else b""
        if judged.barrier:
            s.settings.sending(judged)
        if s.failed and not judged.control:
            s.server.relay(message)
            return
        busy = yield from talks.before_ddl(s, judged)
        if busy is not None:
            yield from self._refuse(busy)
        elif judged.alone and s.tx.measured and not (s.in_block or s.world.observe):
            s.tx.note_measured(judged, params)
            yield from self._refuse(cannot_judge(f"{judged.kind} would commit what runs in front of it in this batch"))
        elif judged.control:
            yield from self._control(message, judged)
        elif talks.passes_alone(s, judged) or gate(s, judged) is Pass.NOW:
            self._unanswered = True
            following.running(s, judged, params)
            following.bodies(s, judged)
            step = s.server.relay(message)
            if judged.bounds:
                self._proved.append((judged, step))
                spending.hold(s, judged, None)
            s.server.dirty = s.server.dirty or judged.inserts or bool(judged.bounds)
            if judged.barrier:
                s.server.flush()
                yield None
                if not self.failed():
                    following.took_effect(s, judged)
        elif not judged.measurable:
            yield from self._unmeasurable(message, judged, params)
        else:
            yield from self._measured(message, judged, params)

    def _measured(self, message: bytes, judged: Judged, params: bytes) -> Talk:
        s = self.s
        trying = tried(s, judged)
        self.own_block(judged, trying=trying)
        if trying:
            self._tried = self.wrapped
            dry_run.stand(s, sync=False)
        following.measuring(s, judged, params)
        self.unread = False
        if (trouble := (yield from emptying.count_first(s, judged, sync=False))) is not None:
            return (yield from self._refuse(trouble))
        step = s.server.held(message)
        asked = None if judged.copy_in or not judged.text else ask_reading(s, judged, sync=False)
        s.server.flush()
        yield None
        self.copied = self.copied or step.copied
        self.over = step.failed
        if self.over:
            return
        reading = take_reading(s, asked) if asked is not None else (yield from read_now(s, judged, sync=False))
        outcome = yield from measure.judge_reading(s, reading, sync=False, trying=trying)
        if outcome is None:
            outcome = yield from record(s, "dry run" if trying else "measured", None, s.tx.found)
        if outcome is not None:
            yield from self._refuse(outcome)
            return
        s.to_client.append(step.held)
        if trying:
            yield from dry_run.take_back(s, sync=False)
        else:
            following.took_effect(s, judged)

    def read_first(self) -> Talk:
        """What a Bind of unread code did is read before anything else of the client's runs behind it."""
        s, self.unread = self.s, False
        reading = yield from read_now(s, None, sync=False)
        outcome = yield from measure.judge_reading(s, reading, sync=False)
        if outcome is not None:
            yield from self._refuse(outcome)

    def _unmeasurable(self, message: bytes, judged: Judged, params: bytes) -> Talk:
        """It cannot run in a transaction: what its text says decides; approved, it runs unmeasured."""
        s = self.s
        s.tx.note_measured(judged, params + s.settings.search_path.encode())  # which decides what its names mean
        if s.settings.stale:
            yield from self._refuse(cannot_judge("settings were changed in front of it in this batch"))
            return
        outcome: Outcome = (yield from settle(s, None)) or (yield from claim(s))
        outcome = outcome or (yield from record(s, "unmeasured", None, None))
        if outcome is not None:
            yield from self._refuse(outcome)
            return
        step = s.server.held(message)
        s.server.flush()
        yield None
        measure.ran_outside(s, failed=step.failed)
        self.over = step.failed
        s.to_client.append(step.held)

    def _control(self, message: bytes, judged: Judged) -> Talk:
        """Execute of a transaction statement: COMMIT is a commit point, in a block or not."""
        s = self.s
        statement = judged.statements[0]
        s.server.flush()
        yield None
        if self.failed():
            return
        if isinstance(judged.verdict, Refuse) and not s.world.observe:
            yield from self._refuse(judged.verdict)
            return
        if (trouble := (yield from cut.not_prepared_here(s, statement))) is not None:
            s.tx.note_measured(judged)
            yield from self._refuse(trouble)
            return
        if statement.control in cut.COMMITS and not s.failed:
            outcome = yield from before_commit(s, claims=True, sync=False)
            if outcome is not None:
                yield from self._refuse(outcome, end_block=True)
                return
        step = s.server.held(message)
        s.server.flush()
        yield None
        if step.failed:
            self.over = True
            return
        if statement.control is Control.PREPARE:
            s.world.prepare(statement.name, untrusted=s.tx.untrusted)
        if statement.control is Control.BEGIN or statement.control in cut.ENDS:
            self.wrapped = s.wrapped = False  # our block, if there was one, has become the client's, or has ended
        cut.controlled(s, judged, step.tag)
        if statement.control is Control.ROLLBACK_TO:
            yield from cut.returned(s, sync=False)
        s.to_client.append(step.held)
        following.took_effect(s, judged)

    def _refuse(self, outcome: ServerError | Hold | Refuse | Refusal, *, end_block: bool = False) -> Talk:
        """Make the server fail where the client's message stands, and give the client our ErrorResponse instead."""
        s = self.s
        self.over = True
        if not (isinstance(outcome, ServerError) and s.server.batch_failed()):
            s.server.must_fail(measure.reason(outcome))
            s.server.flush()
            yield None
        if end_block:
            # a COMMIT that fails leaves no block behind
            s.server.sync()
            yield None
            yield from measure.roll_back(s)
        yield from measure.say(s, outcome)

    def sync(self, *, ours: bool = False) -> Talk:
        """The commit point of an implicit transaction. ``ours``: the client sent none, ReadyForQuery is swallowed."""
        s = self.s
        if not self.over:
            s.server.flush()
            yield None
            self.failed()
        in_block = s.in_block
        tried_only = self._tried and self.wrapped
        if not self.over and not in_block and s.tx.measured and not tried_only:
            outcome = yield from before_commit(s, claims=True, sync=False)
            if outcome is not None:
                yield from self._refuse(outcome)
        commits = self.wrapped and not self.over and not tried_only
        commit = s.server.deferred(s.server.hidden(b"COMMIT", sync=False)) if commits else None
        step = s.server.relay(frontend.SYNC)
        yield None
        self.settle_accounts(commit)
        if not in_block:
            spending.ended(s, committed=not (self.over or step.error or tried_only or (commit and commit.error)))
        if self.wrapped:
            s.settings.stale = s.settings.stale or tried_only  # a SET in it was taken back as well
            yield from measure.roll_back(s)
            self.wrapped = s.wrapped = False
        if not in_block and s.tx.measured:
            s.server.dirty = True
            if not (self.over or step.error):
                measure.invalidate(s)
        s.synced()
        if not ours:
            measure.ready(s)
        elif s.replies.status == IDLE:
            following.transaction_over(s)

