"""Client script, session and model server joined by pipes of which every cut and every delay can be chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from random import Random

from pgguard.evidence.prepared import PREPARED_SQL
from pgguard.policy.binding import Filed
from pgguard.policy.verdict import Caller
from pgguard.session import asks
from pgguard.session.connection import Session
from pgguard.session.world import World
from pgguard.sql.examine import examine
from pgguard.wire.framing import frame_end
from tests.session import model_answers, shop
from tests.session.model_server import ModelServer

WAIT = None  # in a script: the client waits until nothing more comes
Script = Iterable[bytes | None]


def split(data: bytes, side: str = "server") -> list[bytes]:
    """Whole messages."""
    found = []
    pos = 0
    while pos < len(data):
        end = frame_end(data, pos, side)
        assert 0 < end <= len(data), f"half a message at the end: {data[pos:]!r}"
        found.append(data[pos:end])
        pos = end
    return found


class Stage:
    """``answers`` overrides what an ask is answered with: it returns NotImplemented for those it leaves alone."""

    def __init__(
        self, *, world: World | None = None, caller: Caller = shop.CALLER, model: ModelServer | None = None,
        answers: Callable[[asks.Ask], object] | None = None, dice: Random | None = None, ident: str = "s1",
    ) -> None:  # fmt: skip
        self.world = world or shop.world()
        self.model = model or ModelServer()
        numbers, ticks = count(1), count(1)
        self.session = Session(
            self.world, caller, ident=ident, fresh=lambda: b"%016x" % next(numbers), clock=lambda: float(next(ticks)),
            database_oid=5,
        )  # fmt: skip
        self.received = bytearray()  # what the client got
        self.sent = bytearray()  # what the client sent
        self.asked: list[asks.Ask] = []
        self.records: list[str] = []
        self._answers = answers
        self._dice = dice
        self._from_client = bytearray()
        self._to_server = bytearray()
        self.disagreements: list[str] = []  # moments at which the client believed in a status that was not true
        self.steps = 0
        self.stop_at = -1  # the world ends before this step

    # -- playing -----------------------------------------------------------------------------------------------

    def play(self, script: Script) -> Stage:
        """Send the script, and go on until nothing moves any more."""
        waiting = list(script)
        while True:
            while waiting and waiting[0] is not None and self._may_send():
                piece = waiting.pop(0)
                assert piece is not None
                self._from_client += piece
                self.sent += piece
            if self._move():
                continue
            self._compare()
            if not waiting or self.session.closing:
                return self
            if waiting[0] is None:
                waiting.pop(0)

    def _compare(self) -> None:
        """All is quiet: the status that the client was told is the server's."""
        last = bytes(self.received[-6:])
        told = last[5:] if last[:5] == b"Z\0\0\0\x05" else b""
        if not told or self.steps == self.stop_at or self.unsent or self.model.dead:
            return
        if told != self.model.status:
            self.disagreements.append(f"the client was told {told!r}, the server is in {self.model.status!r}")

    def _may_send(self) -> bool:
        return not self.session.closing and (self._dice is None or not self._from_client or self._dice.random() < 0.7)

    def _move(self) -> bool:
        """One step of anything that can be done. False: nothing moves, or the end of the world."""
        if self.steps == self.stop_at:
            return False
        moves: list[Callable[[], None]] = []
        if self._from_client and not self.session.closing:
            moves.append(self._client)
        if self._to_server and not self.model.dead:
            moves.append(self._server)
        if self.model.sent and not self.session.closing:
            moves.append(self._reply)
        if self.session.asks:
            moves.append(self._answer)
        if not moves:
            return False
        self.steps += 1
        (moves[0] if self._dice is None else self._dice.choice(moves))()
        self._collect()
        return True

    def _cut(self, pipe: bytearray) -> bytes:
        size = len(pipe)
        if self._dice is not None and self._dice.random() < 0.6:
            size = self._dice.randint(1, size)
        part = bytes(pipe[:size])
        del pipe[:size]
        return part

    def _client(self) -> None:
        self.session.client_data(self._cut(self._from_client))

    def _server(self) -> None:
        self.model.receive(self._cut(self._to_server))

    def _reply(self) -> None:
        self.session.server_data(self._cut(self.model.sent))

    def _answer(self) -> None:
        ask = self.session.asks.pop(0)
        self.asked.append(ask)
        self.session.answered(self._answer_to(ask))

    def _collect(self) -> None:
        session = self.session
        self._to_server += b"".join(session.to_server)
        session.to_server.clear()
        self.received += b"".join(session.to_client)
        session.to_client.clear()
        self.records += [f"{judged.kind}: {tag}" for _, judged, tag in session.records]
        session.records.clear()

    def _answer_to(self, ask: asks.Ask) -> object:
        if self._answers is not None:
            answer = self._answers(ask)
            if answer is not NotImplemented:
                return answer
        committed = self.model.db.committed
        match ask:
            case asks.NeedPicture():
                gone = tuple(name for name in shop.OIDS if name not in committed.tables)
                self.world.set_picture(shop.picture(without=gone))
                return None
            case asks.LookOutside(sql) if sql == PREPARED_SQL:
                return []
            case asks.LookOutside(sql):
                return [[row] for row in model_answers.victims(sql, committed)]
            case asks.Read(text):
                return examine(text)
            case asks.FileRequest():
                return Filed(17)
            case asks.Claim():
                return ""
            case _:
                return None

    # -- looking -----------------------------------------------------------------------------------------------

    @property
    def messages(self) -> list[bytes]:
        return split(bytes(self.received))

    @property
    def unsent(self) -> int:
        """Bytes that got stuck on their way."""
        return len(self._from_client) + len(self._to_server) + self.session.inbox.waiting

    def said(self) -> str:
        """What the client got, in short: tags, SQLSTATEs, statuses."""
        return " ".join(filter(None, (short(m) for m in self.messages)))


def short(message: bytes) -> str:
    """One word for a message of the server's."""
    code = message[:1]
    if code == b"C":
        return message[5:-1].decode().replace(" ", "_")
    if code == b"Z":
        return f"Z{chr(message[5])}"
    if code in b"EN":
        fields = {f[:1]: f[1:] for f in message[5:].split(b"\0") if f}
        return f"{code.decode()}:{fields[b'C'].decode()}"
    return code.decode()
