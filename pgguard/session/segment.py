"""Extended messages gathered up to Sync or Flush, and whether they may go out together as they stand.

The server answers nothing before a Sync or Flush, so nobody waits for it. One message that is not proved and allowed
makes the whole segment ``slow``: a conversation (``batch``) then goes through it again, message by message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.errors import MalformedMessage
from pgguard.session import following, judging, planning, spending
from pgguard.session.gate import Pass, gate, waits
from pgguard.session.judge import Judged
from pgguard.session.names import Portal, Prepared, key
from pgguard.session.outstanding import NameChange, Unit
from pgguard.wire import frontend

if TYPE_CHECKING:
    from pgguard.session.connection import Session


class Segment:
    """What was gathered since the last one was sent."""

    def __init__(self, session: Session) -> None:
        self._s = session
        self.slow = False
        self.expected = 0  # replies that complete one of its messages
        self.names: list[NameChange | None] = []  # what each ParseComplete and CloseComplete will make true
        self.runs: list[Judged] = []
        self._known: tuple[dict[bytes, Prepared | None], dict[bytes, Portal]] | None = None  # names before it
        self.calls = False  # bodies of functions run in it, at a Bind already when they say that they are immutable
        self.begins = False  # there is a Bind or an Execute in it
        self.urgent = False  # the server answers without a Sync or Flush: it asks for copy data, or says what is wrong

    def clear(self) -> None:
        self.slow = False
        self.expected = 0
        self.names = []
        self.runs = []
        self.begins = self.urgent = self.calls = False
        self._known = None

    def overspends(self) -> bool:
        """Whether a write in it, proved some time ago, does not fit into its caller's budgets any more."""
        s = self._s
        return bool(s.desk.budgets) and not all(spending.fits(s, judged) for judged in self.runs if judged.bounds)

    def undo(self) -> None:
        """It is gone through again from its beginning: names mean what they meant in front of it."""
        if self._known is not None:
            self._s.names.batch, self._s.names.portals = self._known
        self.clear()

    def sent(self, unit: Unit) -> None:
        """It is about to go out as part of ``unit``."""
        unit.names.extend(self.names)
        unit.expected += self.expected
        if self.calls:
            self._s.world.calling.add(unit)
        for judged in self.runs:
            following.sent(self._s, unit, judged)

    def take(self, code: int, message: bytes) -> bool:
        """One message other than Sync and Flush. False: not now."""
        if self._known is None:
            self._known = (self._s.names.batch.copy(), self._s.names.portals.copy())
        try:
            if code == 0x42:
                return self.bind(frontend.bind(message))
            if code == 0x45:
                self._execute(frontend.execute(message).portal)
            elif code == 0x50:
                self._parse(frontend.parse(message))
            elif code == 0x43:
                self._close(frontend.target(message))
        except MalformedMessage:
            self.slow = self.urgent = True  # the server's error is its answer, and what is behind it is passed over
        self.expected += 1
        return True

    def _parse(self, message: frontend.Parse) -> None:
        s = self._s
        name = key(message.name)
        judged = judging.judged(s, message.text, message.param_types)
        prepared = Prepared(message.text, message.param_types, judged, s.desk.version)
        s.names.batch[name] = prepared
        self.names.append(NameChange(name, prepared))
        if message.text.find(b"pgguard", 0, 8192) >= 0:
            self.slow = True  # there may be a token in it, which is not the server's business
        if (judged.opaque or s.tx.untrusted) and planning.at_parse(s, judged):
            self.slow = True

    def _close(self, message: frontend.Target) -> None:
        name = key(message.name)
        if message.kind == b"S":
            self._s.names.batch[name] = None
            self.names.append(NameChange(name, None))
        else:
            self._s.names.portals.pop(name, None)
            self.names.append(None)

    def bind(self, message: frontend.Bind) -> bool:
        """False: a Parse of this name is under way in an earlier batch, and were it to fail, the name means something
        older; or what is under way must be answered before a block begins."""
        s = self._s
        name = key(message.statement)
        if name not in s.names.batch and self._parse_pending(name):
            return False
        prepared = s.names.statement(name)
        judged = judging.bound(s, prepared, message.params)
        if s.replies.queue and judged.control and waits(s, judged):
            return False
        self.expected += 1
        self.begins = True
        self.calls = self.calls or judged.calls
        s.names.portals[key(message.portal)] = Portal(judged, frontend.parameters(message.params), prepared=prepared)
        if not (judged.fast and not s.tx.untrusted) and gate(s, judged, binding=True) is Pass.SLOW:
            self.slow = True
        return True

    def _parse_pending(self, name: bytes) -> bool:
        for entry in self._s.replies.queue:
            if isinstance(entry, Unit) and entry.names:
                for change in entry.names:
                    if change is not None and change.name == name:
                        return True
        return False

    def _execute(self, name: bytes) -> None:
        s = self._s
        self.begins = True
        portal = s.names.portals.get(key(name))
        self.urgent = s.desk.silent or portal is None or portal.judged.copy_in
        judged = judging.running(s, portal) if portal is not None else None
        if portal is None or judged is None or gate(s, judged) is Pass.SLOW:
            self.slow = True
        elif not self.slow:
            if judged.renames:
                self.slow = True  # what comes behind it in this batch has to be judged by what it did
                return
            if self.runs and (judged.bounds or judged.inserts or s.world.changing):
                self.slow = True  # it is judged when it begins: DDL elsewhere could come between
                return
            self.runs.append(judged)
            if not judged.fast:
                s.settings.sending(judged)
                following.entering(s, judged)
                following.running(s, judged, portal.params)

