"""One client connection after sign-in: takes the client's bytes, and nothing reaches the server but through here.

What was proved and allowed goes out at once, as it came (``_query``, ``_segment``). Everything else is a conversation
(``measure``, ``batch``, ``cut``): a generator that reads top to bottom, during which the client's further bytes wait.
Extended messages are gathered up to Sync or Flush: the server answers nothing before, so nobody waits for it.

INVARIANT: no Query, Bind, Execute, FunctionCall or copy data is put into ``to_server`` before it was judged in the
state that the server is then in; no commit point while the transaction holds work that is not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Final

from pgguard.errors import ProtocolViolation
from pgguard.policy.verdict import Allow, Caller
from pgguard.session.asks import Ask, NeedPicture
from pgguard.session.gate import Pass, gate
from pgguard.session.judge import Judged, judge, opaque, with_names
from pgguard.session.names import Names, Portal, Prepared, key
from pgguard.session.outstanding import NameChange, Unit
from pgguard.session.replies import IDLE, Replies
from pgguard.session.server import Server
from pgguard.session.settings import Settings
from pgguard.session.transaction import Transaction
from pgguard.session.world import Desk, World
from pgguard.wire import frontend
from pgguard.wire.backend import encode_error
from pgguard.wire.framing import frame_end

Talk = Generator[Ask | None, Any, Any]

# A batch that grows beyond this without a Sync is sent on in parts.
SEGMENT: Final = 65_536
# A message that must be judged is held whole up to this size; what only passes streams.
LONGEST: Final = 64 * 1024 * 1024
STREAMED: Final = 262_144

_EXTENDED: Final = frozenset(b"PBEDCHS")


class Session:
    """``client_data`` and ``server_data`` take bytes; ``to_client``, ``to_server``, ``asks`` and ``records`` collect what
    the skin must carry out, in order, before the next call; ``closing`` says that both sides are to be closed then."""

    def __init__(
        self, world: World, caller: Caller, *, ident: str, fresh: Callable[[], bytes], clock: Callable[[], float],
        database_oid: int = 0,
    ) -> None:  # fmt: skip
        self.world = world
        self.ident = ident
        self.clock = clock
        self.database_oid = database_oid
        self.began = 0.0  # when the conversation that is under way began
        self.names = Names()
        self.to_client: list[bytes] = []
        self.to_server: list[bytes] = []
        self.asks: list[Ask] = []
        self.records: list[tuple[Caller, Judged, str]] = []
        self.replies = Replies(self.names, self.to_client)
        self.server = Server(self.replies, self.to_server, fresh)
        self.settings = Settings(caller)
        self.desk: Desk = world.desk(caller)
        self.tx = Transaction()
        self.closing = False
        self.wrapped = False  # a BEGIN of ours stands around the batch that is not synced yet
        self.unit: Unit | None = None  # the client's batch that was sent in part and not synced
        self._inbox = b""
        self._more: list[bytes] = []
        self._have = 0  # bytes in _more
        self._need = 0  # bytes that must be there before looking again makes sense
        self._start = 0  # of the segment that is being gathered
        self._scan = 0  # up to here it was looked at
        self._rest = 0  # bytes of a client message that is passing in pieces
        self._slow = False
        self._ops: list[NameChange | None] = []
        self._expected = 0
        self._runs: list[Judged] = []
        self.batch_executed = False  # an Execute went out since the last Sync
        self._barrier = False
        self._talk: Talk | None = None
        self._asked = False

    # -- events ------------------------------------------------------------------------------------------------

    def client_data(self, data: bytes) -> None:
        """Bytes from the client, cut anywhere."""
        self._more.append(data)
        self._have += len(data)
        if self._talk is None or self.replies.copying:
            self._go_on()

    def server_data(self, data: bytes) -> None:
        """Bytes from the server, cut anywhere."""
        replies = self.replies
        replies.receive(data)
        if replies.finished:
            self._finish_units()
        if replies.fatal:
            self.closing = True
        if self._talk is not None:
            if not self._asked and replies.settled():
                self._resume(None)
        if self._have or self._scan < len(self._inbox):
            if self._talk is None or replies.copying:
                self._go_on()

    def answered(self, value: object) -> None:
        """The answer to the ask that was last put out."""
        self._asked = False
        self._resume(value)
        if self._talk is None:
            self._go_on()

    @property
    def backlog(self) -> int:
        """Bytes of the client's that wait; the skin stops reading beyond its limit."""
        return self._have + len(self._inbox) - self._start

    @property
    def at_rest(self) -> bool:
        """Nothing is under way: no transaction, nothing asked, nothing owed."""
        return (
            self._talk is None and not self.replies.queue and self.replies.status == IDLE
            and self.unit is None and self.backlog == 0
        )  # fmt: skip

    # -- the driver --------------------------------------------------------------------------------------------

    def begin_talk(self, talk: Talk) -> None:
        """From now on ``talk`` decides, until it is over; the client's bytes wait."""
        self._talk = talk
        self._resume(None)

    def _resume(self, value: object) -> None:
        while self._talk is not None:
            try:
                wanted = self._talk.send(value)
            except StopIteration:
                self._talk = None
                return
            if wanted is not None:
                self._asked = True
                self.asks.append(wanted)
                return
            if not self.replies.settled():
                return
            value = None

    def _go_on(self) -> None:
        """Take what the client sent, message by message, as far as may be."""
        try:
            self._take()
        except ProtocolViolation as broken:
            self.refuse_connection("08P01", broken.what)

    def refuse_connection(self, sqlstate: str, message: str) -> None:
        """FATAL, and the end of both sides."""
        self.to_client.append(encode_error({"C": sqlstate, "M": message}, severity="FATAL"))
        self.closing = True

    def _take(self) -> None:
        while not self.closing:
            if self._rest:
                if not self._pass_rest():
                    return
                continue
            if self.replies.copying:
                if not self._copy_data():
                    return
                continue
            if self._talk is not None:
                return
            data = self._gathered()
            pos = self._scan
            end = frame_end(data, pos, "client")
            if end < 0 or end > len(data):
                if self._start == len(data):
                    self._inbox, self._start, self._scan = b"", 0, 0
                if end < 0 or not self._long(data, pos, end):
                    return
                continue
            if not self._message(data, data[pos], pos, end):
                return

    def _gathered(self) -> bytes:
        """The inbox with what came since. INVARIANT: ``_start`` <= ``_scan`` <= its length."""
        if self._have and self._have + len(self._inbox) - self._scan >= self._need:
            rest = self._inbox[self._start :] if self._start < len(self._inbox) else b""
            if rest:
                self._more.insert(0, rest)
            self._inbox = self._more[0] if len(self._more) == 1 else b"".join(self._more)
            self._scan -= self._start
            self._start = self._have = self._need = 0
            self._more = []
        return self._inbox

    def _message(self, data: bytes, code: int, pos: int, end: int) -> bool:
        """One whole message. False: not now."""
        if code in _EXTENDED:
            return self._extended(data, code, pos, end)
        if self._start < pos and not self._send_segment(data, pos, synced=False):
            return False
        if self.replies.skipping and code in (0x51, 0x46):
            # the server passes over everything up to the Sync (postgres.c, ignore_till_sync)
            self._consumed(end)
            return True
        if code == 0x51:
            return self._query(data, pos, end)
        if code == 0x46:
            return self._function_call(data, pos, end)
        if code == 0x58:  # Terminate
            self.to_server.append(data[pos:end])
            self.closing = True
            return False
        if code in (0x64, 0x63, 0x66):  # the server ignores copy messages outside COPY
            self._consumed(end)
            return True
        raise ProtocolViolation("client", f"invalid frontend message type {code}")

    def _consumed(self, end: int) -> None:
        self._start = self._scan = end

    # -- what may be sent now ----------------------------------------------------------------------------------

    def _must_wait(self) -> bool:
        """Whether the next unit has to wait: something under way changes what it would be judged by, or a hidden
        question must be asked first."""
        if self._barrier:
            if self.replies.queue and not self.replies.settled():
                return True
            self._barrier = False
        if self.desk.version != self.world.version:
            self.desk = self.world.desk(self.desk.caller)
        if self.world.picture is None and not self.desk.silent:
            self.begin_talk(self._ask_picture())
            return self._talk is not None
        if self.settings.stale and self.replies.status == IDLE and self.unit is None:
            if self.replies.queue:
                self._barrier = True
                return True
            from pgguard.session.measure import ask_settings

            self.begin_talk(ask_settings(self))
            return self._talk is not None
        return False

    def _ask_picture(self) -> Talk:
        answer = yield NeedPicture()
        self.world_answered(answer)

    def world_answered(self, answer: object) -> None:
        """FAIL CLOSED: without a picture nothing can be proved and DDL cannot be judged."""
        if self.world.picture is None:
            why = getattr(answer, "why", "no answer")
            self.refuse_connection("PGG06", f"pgguard's own connection to the server is away: {why}")

    def judged(self, text: bytes, param_types: tuple[int, ...] = ()) -> Judged:
        """What is to be said of a text now."""
        if self.desk.silent:
            return self.settings.free(self.desk, text)
        trouble = self.settings.lexing_trouble(self.replies.parameters, text)
        if trouble:
            return opaque(self.desk, text, trouble)
        assert self.world.picture is not None
        self.world.used = True
        return judge(self.desk, self.world.picture, text, param_types)

    def meant(self, judged: Judged) -> Judged:
        """The same with the names in it filled in."""
        return with_names(self.desk, judged, self.names) if judged.needs_names else judged

    def rejudged(self, prepared: Prepared) -> Judged:
        """What is said today of a statement parsed earlier."""
        if prepared.version != self.desk.version and prepared.version >= 0:
            prepared.judged = self.judged(prepared.text, prepared.param_types)
            prepared.version = self.desk.version
        return self.meant(prepared.judged)

    # -- simple protocol ---------------------------------------------------------------------------------------

    def _query(self, data: bytes, pos: int, end: int) -> bool:
        from pgguard.session import measure

        if self._must_wait():
            return False
        if self.unit is not None:
            from pgguard.session import batch

            self.begin_talk(batch.sync_first(self))
            return self._talk is None
        message = data if pos == 0 and end == len(data) else data[pos:end]
        text = frontend.query_text(message)
        judged = self.meant(self.judged(text))
        passes = gate(self, judged)
        if passes is Pass.SLOW:
            if self._wait_for_all():
                return False
            self._consumed(end)
            self.begin_talk(measure.query(self, message, judged))
            return True
        self._consumed(end)
        self.send_query(message, judged)
        return True

    def send_query(self, message: bytes, judged: Judged) -> None:
        """Forward a Query untouched."""
        unit = Unit()
        unit.synced = True
        if not judged.fast:
            self._entering(judged)
            self.tx.note(judged)
        self._done(unit, judged)
        self.replies.queue.append(unit)
        self.to_server.append(message)

    def _wait_for_all(self) -> bool:
        """A conversation begins when nothing of the client's is under way."""
        if self.replies.queue and not self.replies.settled():
            self._barrier = True
            return True
        return False

    def _function_call(self, data: bytes, pos: int, end: int) -> bool:
        from pgguard.session import batch, measure

        if self._must_wait() or self._wait_for_all():
            return False
        if self.unit is not None:
            self.begin_talk(batch.sync_first(self))
            return self._talk is None
        message = data[pos:end]
        self._consumed(end)
        judged = self.settings.free(self.desk, b"") if self.desk.silent else opaque(self.desk, b"", "a FunctionCall")
        self.begin_talk(measure.function_call(self, message, judged))
        return True

    # -- extended protocol -------------------------------------------------------------------------------------

    def _extended(self, data: bytes, code: int, pos: int, end: int) -> bool:
        if self.replies.skipping and code != 0x53:
            self._consumed(end)
            return True
        if pos == self._start and self._must_wait():
            return False
        if code == 0x42:
            if not self._bind(frontend.bind(data[pos:end])):
                return False
        elif code == 0x45:
            self._execute(frontend.execute(data[pos:end]).portal)
        elif code == 0x50:
            self._parse(frontend.parse(data[pos:end]))
        elif code == 0x44:
            self._expected += 1
        elif code == 0x43:
            self._close(frontend.target(data[pos:end]))
        self._scan = end
        if code == 0x53 or code == 0x48 or end - self._start > SEGMENT:
            return self._send_segment(data, end, synced=code == 0x53)
        return True

    def _parse(self, message: frontend.Parse) -> None:
        name = key(message.name)
        prepared = Prepared(message.text, message.param_types, self.judged(message.text, message.param_types), self.desk.version)
        self.names.batch[name] = prepared
        self._ops.append(NameChange(name, prepared))
        self._expected += 1

    def _close(self, message: frontend.Target) -> None:
        name = key(message.name)
        if message.kind == b"S":
            self.names.batch[name] = None
            self._ops.append(NameChange(name, None))
        else:
            self.names.portals.pop(name, None)
            self._ops.append(None)
        self._expected += 1

    def _bind(self, message: frontend.Bind) -> bool:
        name = key(message.statement)
        if name not in self.names.batch and self._parse_pending(name):
            self._barrier = True
            return False
        self._expected += 1
        prepared = self.names.statement(name)
        judged = self.rejudged(prepared) if prepared is not None else self.unknown("prepared statement")
        self.names.portals[key(message.portal)] = Portal(judged, message.params)
        if not judged.fast and gate(self, judged, binding=True) is Pass.SLOW or self.tx.untrusted and not self.desk.silent:
            self._slow = True
        return True

    def unknown(self, what: str) -> Judged:
        """A name of which nothing is known."""
        if self.desk.silent:
            return self.settings.free(self.desk, b"")
        return opaque(self.desk, b"", f"this {what} was not seen being made")

    def _parse_pending(self, name: bytes) -> bool:
        """A Parse of an earlier batch is not confirmed yet: were it to fail, the name would mean something older."""
        for entry in self.replies.queue:
            if isinstance(entry, Unit) and entry.names:
                if any(change is not None and change.name == name for change in entry.names):
                    return True
        return False

    def _execute(self, name: bytes) -> None:
        self._expected += 1
        portal = self.names.portals.get(key(name))
        self.batch_executed = True
        if portal is None:
            self._slow = True
            return
        if gate(self, portal.judged) is Pass.SLOW:
            self._slow = True
        elif not self._slow:
            self._runs.append(portal.judged)
            if not portal.judged.fast:
                self.settings.sending(portal.judged)
                self._entering(portal.judged)
                self.tx.note(portal.judged, portal.params)

    def _send_segment(self, data: bytes, end: int, *, synced: bool) -> bool:
        """Forward what was gathered, or begin a conversation over it."""
        if synced and (self.wrapped or self.tx.measured and not self.tx.explicit and self.replies.status == IDLE):
            self._slow = True  # this Sync would commit measured work
        if self._slow:
            if self._wait_for_all():
                self._barrier = True
                return False
            from pgguard.session import batch

            segment = data[self._start : end]
            self._forget_segment()
            self._consumed(end)
            self.begin_talk(batch.segment(self, segment))
            return True
        unit = self.unit
        if unit is None:
            unit = self._open_unit() or Unit()
        if not self.replies.queue or self.replies.queue[-1] is not unit:
            self.replies.queue.append(unit)
        unit.names.extend(self._ops)
        unit.expected += self._expected
        for judged in self._runs:
            self._done(unit, judged)
        if self._start or end < len(data):
            self.to_server.append(data[self._start : end])
        else:
            self.to_server.append(data)
        self._forget_segment()
        self._consumed(end)
        if synced:
            unit.synced = True
            self.synced()
        else:
            self.unit = unit
        return True

    def _open_unit(self) -> Unit | None:
        """A COPY swallowed an early Sync: its unit is still open."""
        queue = self.replies.queue
        last = queue[-1] if queue else None
        return last if isinstance(last, Unit) and not last.synced else None

    def synced(self) -> None:
        """The client's Sync is on its way: the next batch begins."""
        self.unit = None
        self.batch_executed = False
        if self.names.batch:
            self.names.batch.clear()
        self.replies.skipping = False

    def _forget_segment(self) -> None:
        self._slow = False
        self._ops = []
        self._expected = 0
        self._runs = []

    # -- what a forwarded text does to the session -------------------------------------------------------------

    def _entering(self, judged: Judged) -> None:
        """Just before a text goes out: counters must stand at zero when a block begins that may be measured later."""
        if judged.control and self.server.dirty and self.replies.status == IDLE and not self.tx.executed:
            if self.unit is None and not self.replies.queue:
                self.server.zero_counters()

    def _done(self, unit: Unit, judged: Judged) -> None:
        if judged.barrier:
            self._barrier = True
            unit.done.append(judged)
            self.settings.sending(judged)
        if judged.bounds or judged.inserts:
            self.server.dirty = True
            unit.wants_tags = unit.wants_tags or bool(judged.bounds)
        unit.runs.append(judged)
        if isinstance(judged.verdict, Allow) and not judged.proved:
            self.tx.note_unmeasured(judged)
            self.server.dirty = True

    def _finish_units(self) -> None:
        finished = self.replies.finished
        for unit in finished:
            if unit.wants_tags:
                self._record(unit)
            if not unit.failed:
                for judged in unit.done:
                    self.took_effect(judged)
            elif unit.done:
                self.settings.stale = True
        finished.clear()
        if not self.replies.queue:
            self.settings.lexing_unknown = False
        if self.replies.status == IDLE and not self.replies.queue:
            self.transaction_over()
        if self.replies.changed_parameters:
            self.replies.changed_parameters = False
            self.follow()

    def _record(self, unit: Unit) -> None:
        """Proved writes, from their CommandCompletes; the skin writes them down off the path."""
        if len(unit.runs) == 1:
            self.records.append((self.desk.caller, unit.runs[0], ", ".join(unit.tags)))
            return
        for judged, tag in zip(unit.runs, unit.tags, strict=False):
            if judged.bounds:
                self.records.append((self.desk.caller, judged, tag))

    def took_effect(self, judged: Judged) -> None:
        """``judged`` ran without an error: what the session must know from now on."""
        self.settings.apply(self, judged)
        self.follow()

    def follow(self) -> None:
        """Sit down at the desk for what the caller is now."""
        caller = self.settings.caller(self.replies.parameters)
        if caller != self.desk.caller:
            self.desk = self.world.desk(caller)

    def transaction_over(self) -> None:
        """The server is idle: whatever was open has ended."""
        if self.tx.executed or self.tx.explicit:
            if self.tx.untrusted:
                self.settings.stale = True
                self.world.invalidate()
            self.tx.clear(None)
        portals = self.names.portals
        if portals:
            self.names.portals = {n: p for n, p in portals.items() if p.holds}

    # -- copy data and long messages -----------------------------------------------------------------------------

    def _pass_rest(self) -> bool:
        """What is still to come of a message whose beginning was passed on. False: nothing here."""
        data = self._gathered()
        part = min(self._rest, len(data) - self._start)
        if not part:
            return False
        self.to_server.append(data[self._start : self._start + part])
        self._rest -= part
        self._consumed(self._start + part)
        return True

    def _copy_data(self) -> bool:
        """The server waits for copy data: pass it on. False: no more of it here."""
        data = self._gathered()
        pos = self._start
        while True:
            end = frame_end(data, pos, "client")
            if end < 0 or data[pos] != 0x64:
                break
            if end > len(data):
                self._rest = end - len(data)
                end = len(data)
            pos = end
            if self._rest:
                break
        if pos > self._start:
            self.to_server.append(data[self._start : pos])
            self._consumed(pos)
        if self._rest or end < 0 or end > len(data):
            return False
        code = data[pos]
        self._consumed(end)
        if code in (0x63, 0x66):  # CopyDone, CopyFail
            self.to_server.append(data[pos:end])
            self.replies.copying = False
            return True
        if code in (0x48, 0x53):  # ignored by the server in COPY
            return True
        if code == 0x58:
            self.to_server.append(data[pos:end])
            self.closing = True
            return False
        raise ProtocolViolation("client", f"unexpected message type 0x{code:02X} during COPY from stdin")

    def _long(self, data: bytes, pos: int, end: int) -> bool:
        """A message that is not whole yet. True: some of it was passed on."""
        size = end - pos
        if data[pos] == 0x42 and size > STREAMED and not self._slow and self._stream_bind(data, pos, end):
            return True
        self._need = size
        if size > LONGEST:
            self.refuse_connection("PGG05", f"a message of {size} bytes is too long to be judged (limit {LONGEST})")
        return False

    def _stream_bind(self, data: bytes, pos: int, end: int) -> bool:
        """A long Bind of a statement that passes whatever its parameters are."""
        if data.count(b"\0", pos + 5, pos + 5 + 256) < 2 or self.replies.skipping:
            return False
        if pos == self._start and self._must_wait():
            return False
        message = frontend.bind(data[pos:])
        prepared = self.names.statement(key(message.statement))
        if prepared is None or not self.rejudged(prepared).fast or self.tx.untrusted:
            return False
        if not self._bind(frontend.Bind(message.portal, message.statement, b"")) or self._slow:
            return False
        if not self._send_segment(data, len(data), synced=False):
            return False
        self._rest = end - len(data)
        return True
