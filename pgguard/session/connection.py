"""One client connection after sign-in: takes the client's bytes, and nothing reaches the server but through here.

What was proved and allowed goes out at once, as it came. Everything else is a conversation (``measure``, ``batch``,
``cut``): a generator that reads top to bottom, during which the client's further bytes wait.

INVARIANT: no Query, Bind, Execute, FunctionCall or copy data is put into ``to_server`` before it was judged in the
state that the server is then in; no commit point while the transaction holds work that is not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Final

from pgguard.errors import MalformedMessage, ProtocolViolation
from pgguard.policy.verdict import Caller
from pgguard.session import following, judging, spending, streaming, talks
from pgguard.session.asks import Ask
from pgguard.session.gate import Pass, gate, waits
from pgguard.session.inbox import Inbox
from pgguard.session.judge import Judged
from pgguard.session.names import Names
from pgguard.session.outstanding import Unit
from pgguard.session.replies import FAILED, IDLE, Replies
from pgguard.session.segment import Segment
from pgguard.session.server import Server
from pgguard.session.settings import Settings
from pgguard.session.transaction import Transaction
from pgguard.session.world import Desk, World
from pgguard.sql.statement import ReadText
from pgguard.sql.tokens import without_token
from pgguard.wire import frontend
from pgguard.wire.backend import encode_error
from pgguard.wire.framing import frame_end

Talk = Generator[Ask | None, Any, Any]

PIPELINED: Final = 1024  # so many units wait for answers at most: then the client has to wait as well
SEGMENT: Final = 65_536  # a batch that grows beyond this without a Sync is sent on in parts
_EXTENDED: Final = frozenset(b"PBEDCHS")


class Session:
    """``client_data`` and ``server_data`` take bytes; ``to_client``, ``to_server``, ``asks`` and ``records`` collect
    what the skin must carry out, in order, before the next call; ``closing``: both sides are to be closed then."""

    def __init__(
        self, world: World, caller: Caller, *, ident: str, fresh: Callable[[], bytes], clock: Callable[[], float],
        database_oid: int = 0,
    ) -> None:  # fmt: skip
        self.world = world
        self.ident = ident
        self.clock = clock
        self.database_oid = database_oid
        self.began = 0.0  # when the conversation that is under way began
        self.to_client: list[bytes] = []
        self.to_server: list[bytes] = []
        self.asks: list[Ask] = []
        self.records: list[tuple[Caller, Judged, str]] = []  # proved writes with their tags
        self.names = Names()
        self.replies = Replies(self.names, self.to_client)
        self.server = Server(self.replies, self.to_server, fresh)
        self.settings = Settings(caller)
        self.desk: Desk = world.desk(caller)
        self.tx = Transaction()
        self.spending = spending.Spending()
        self.inbox = Inbox()
        self.segment = Segment(self)
        self.read: list[tuple[bytes, ReadText]] = []  # long texts that were read for what comes next
        self.closing = False
        self.ended = False  # the client has said its last message: what is owed still comes, then the server closes
        self.wrapped = False  # a BEGIN of ours stands around the batch that is not synced yet
        self.unit: Unit | None = None  # the client's batch that was sent in part and not synced
        self.batch_begun = False  # a Bind or Execute went out since the last Sync: a Sync of ours would end something
        self.rest = 0  # bytes still to come of a client message that is passing in pieces
        self.barrier = False  # something under way changes what comes next is judged by
        self._talk: Talk | None = None
        self._asked = False

    def client_data(self, data: bytes) -> None:
        """Bytes from the client, cut anywhere."""
        if not self.ended:
            self.inbox.add(data)
        if self._talk is None or self.replies.copying or self.rest:
            self._go_on()

    def server_data(self, data: bytes) -> None:
        """Bytes from the server, cut anywhere."""
        replies = self.replies
        replies.receive(data)
        if replies.finished:
            following.units_finished(self)
        if replies.fatal:
            self.closing = True
        if self._talk is not None and not self._asked and self._quiet():
            self._resume(None)
        if self.inbox.untouched and (self._talk is None or replies.copying):
            self._go_on()

    def answered(self, value: object) -> None:
        """The answer to the ask that was last put out."""
        self._asked = False
        self._resume(value)
        if self._talk is None:
            self._go_on()

    @property
    def backlog(self) -> int:
        """Bytes of the client's that wait for us; the skin stops reading beyond its limit. None of those of a message
        that is not whole yet: they wait for the client."""
        return 0 if self._talk is None and self.inbox.short else self.inbox.waiting

    @property
    def at_rest(self) -> bool:
        """Nothing is under way: no transaction, nothing asked, nothing owed."""
        quiet = not self.talking and not self.replies.queue and self.unit is None
        return quiet and self.replies.status == IDLE and self.inbox.waiting == 0

    @property
    def talking(self) -> bool:
        return self._talk is not None

    def begin_talk(self, talk: Talk) -> bool:
        """From now on ``talk`` decides, until it is over; the client's bytes wait. True: it is over already."""
        self._talk = talk
        self._resume(None)
        return self._talk is None

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
            if not self._quiet():
                return
            value = None

    def _quiet(self) -> bool:
        """Everything sent was answered, and no message of the client's is half on its way: ours may follow."""
        return self.rest == 0 and self.replies.settled()

    def _go_on(self) -> None:
        """Take what the client sent, message by message, as far as may be."""
        try:
            while not self.closing and self._take():
                pass
        except ProtocolViolation as broken:
            streaming.broken_off(self, broken.what)
        if self._talk is not None and not self._asked and self._quiet():
            self._resume(None)

    def refuse_connection(self, sqlstate: str, message: str) -> None:
        """FATAL, and the end of both sides."""
        self.to_client.append(encode_error({"C": sqlstate, "M": message}, severity="FATAL"))
        self.closing = True

    def _take(self) -> bool:
        """The next message, or part of one. False: nothing more can be taken now."""
        if self.rest:
            return streaming.pass_rest(self)
        if self.replies.copying:
            return streaming.pass_copy_data(self)
        if self._talk is not None or len(self.replies.queue) > PIPELINED:
            return False
        inbox = self.inbox
        data = inbox.gathered()
        pos = inbox.scan
        end = frame_end(data, pos, "client")
        if end < 0:
            return False
        if end > len(data):
            return streaming.long_message(self, data, pos, end)
        code = data[pos]
        if code in _EXTENDED:
            return self._extended(data, code, pos, end)
        if inbox.start < pos:
            return self.send_segment(pos, synced=False)
        if self.replies.skipping and code in (0x51, 0x46):
            inbox.taken(end)  # the server passes over everything up to the Sync (postgres.c, ignore_till_sync)
            return True
        if code == 0x51:
            return self._query(end)
        if code == 0x46:
            return self._function_call(end)
        if code == 0x58:  # Terminate
            self.to_server.append(data[pos:end])
            return streaming.last_message(self)
        if code in (0x64, 0x63, 0x66):
            return streaming.early_copy_data(self, code, end)
        raise ProtocolViolation("client", f"invalid frontend message type {code}")

    def must_wait(self) -> bool:
        """Whether the next unit has to wait: something under way changes what it would be judged by, or a question of
        ours must be asked first."""
        if self.barrier and self.wait_for_all():
            return True
        if self.desk.version != self.world.version:
            self.desk = self.world.desk(self.desk.caller)
        if self.world.picture is None and not self.desk.silent and self.clock() >= self.world.blind_until:
            return not self.begin_talk(talks.ask_picture(self)) or self.closing
        if self.settings.stale and self.replies.status == IDLE and not self.in_batch:
            return self.wait_for_all() or not self.begin_talk(talks.ask_settings(self)) or self.closing
        return False

    @property
    def in_batch(self) -> bool:
        """Whether something of the client's is open that a Sync would end."""
        return self.unit is not None or self.batch_begun or self.wrapped or self.replies.skipping

    @property
    def in_block(self) -> bool:
        """Whether the client's own transaction block is open, as far as was sent."""
        return self.tx.explicit or (not self.tx.closed and self.replies.status != IDLE)

    @property
    def untrusted(self) -> bool:
        """Whether the picture of the catalog proves nothing about a write of this session now."""
        return self.tx.untrusted or self.settings.guards_off or self.world.changed_elsewhere(self.ident)

    def closed(self) -> None:
        """The connection is gone."""
        following.gone(self)

    @property
    def failed(self) -> bool:
        """Whether the server rejects everything but the end of the block, as far as was sent."""
        return self.replies.status == FAILED and not (self.tx.explicit or self.tx.closed or self.tx.revived)

    def wait_for_all(self) -> bool:
        """Whether something is under way that was not answered; the next unit then waits for it."""
        self.barrier = bool(self.replies.queue) and not self.replies.settled()
        if self.barrier and isinstance(last := self.replies.queue[-1], Unit) and not (last.synced or last.flushed):
            self.server.flush()  # the server keeps its answers back until somebody asks for them
            last.flushed = True
        return self.barrier

    def _query(self, end: int) -> bool:
        if self.must_wait():
            return False
        if self.in_batch:
            return self.begin_talk(talks.sync_first(self))
        message = self.inbox.piece(end)
        try:
            text = frontend.query_text(message)
        except MalformedMessage:
            return streaming.malformed_query(self, end)
        if judging.to_be_read(self, text) is not None:
            return self.begin_talk(talks.read_first(self, text))
        judged = judging.meant(self, judging.judged(self, text))
        if text.find(b"pgguard:", 0, 8192) >= 0:
            message = frontend.encode_query(without_token(text))
        passes = gate(self, judged)
        if (passes is Pass.SLOW or waits(self, judged)) and self.wait_for_all():
            return False
        self.inbox.taken(end)
        self.read.clear()
        if passes is Pass.SLOW:
            return self.begin_talk(talks.query(self, message, judged))
        self.send_query(message, judged)
        return True

    def send_query(self, message: bytes, judged: Judged) -> None:
        """Forward a Query untouched."""
        unit = Unit()
        unit.synced = True
        if not judged.fast:
            following.entering(self, judged)
            following.running(self, judged)
        following.sent(self, unit, judged)
        self.replies.queue.append(unit)
        self.to_server.append(message)

    def _function_call(self, end: int) -> bool:
        if self.must_wait():
            return False
        if self.in_batch:
            return self.begin_talk(talks.sync_first(self))
        if self.wait_for_all():
            return False
        message = self.inbox.piece(end)
        self.inbox.taken(end)
        judged = judging.called(self, int.from_bytes(message[5:9], "big"))
        return self.begin_talk(talks.function_call(self, message, judged))

    def _extended(self, data: bytes, code: int, pos: int, end: int) -> bool:
        inbox = self.inbox
        if self.replies.skipping and code != 0x53:
            inbox.taken(end)
            return True
        if pos == inbox.start and self.must_wait():
            return False
        if code == 0x53 or code == 0x48:
            inbox.scan = end
            return self.send_segment(end, synced=code == 0x53)
        if code == 0x50 and end - pos > 1024 and (text := judging.long_parse(self, data[pos:end])) is not None:
            return self.begin_talk(talks.read_first(self, text))
        if not self.segment.take(code, data[pos:end]):
            self.barrier = True
            return False
        inbox.scan = end
        return not (self.segment.urgent or end - inbox.start > SEGMENT) or self.send_segment(end, synced=False)

    def send_segment(self, end: int, *, synced: bool) -> bool:
        """Forward what was gathered, or begin a conversation over it."""
        segment = self.segment
        if synced and (self.wrapped or (self.tx.measured and not self.tx.explicit and self.replies.status == IDLE)):
            segment.slow = True  # this Sync would commit measured work
        segment.slow = segment.slow or segment.overspends()
        if segment.slow:
            if self.wait_for_all():
                self.inbox.scan = self.inbox.start  # gather it again: what is under way may change what is said of it
                segment.undo()
                return False
            messages = self.inbox.piece(end)
            segment.undo()
            self.inbox.taken(end)
            return self.begin_talk(talks.segment(self, messages))
        unit = self.unit
        if unit is None:
            unit = following.open_unit(self.replies.queue)
        self.batch_begun = self.batch_begun or segment.begins
        unit.flushed = False
        segment.sent(unit)
        self.to_server.append(self.inbox.piece(end))
        segment.clear()
        self.read.clear()
        self.inbox.taken(end)
        if synced:
            unit.synced = True
            self.synced()
        else:
            self.unit = unit
        return True

    def synced(self) -> None:
        """The client's Sync is on its way: the next batch begins."""
        self.unit = None
        self.batch_begun = False
        if self.names.batch:
            self.names.batch.clear()
        self.replies.skipping = False
        self.server.forget_failure()
