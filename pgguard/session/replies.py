"""The server's side of a connection: every byte of it passes here, once, on its way to the client or into a Step."""

from __future__ import annotations

from collections import deque
from typing import Final

from pgguard.session.names import Names
from pgguard.session.outstanding import HOLD, SWALLOW, Entry, NameChange, Step, Unit
from pgguard.wire.backend import command_tag, error_fields, parameter_status, shift_position, without_block
from pgguard.wire.framing import EVERY, frame_end, walk

IDLE: Final = 0x49  # I: outside a transaction block
IN_BLOCK: Final = 0x54  # T
FAILED: Final = 0x45  # E: in a failed transaction block


class Replies:
    """What is owed (``queue``), what came of it, and the server's state as it last said it."""

    def __init__(self, names: Names, to_client: list[bytes]) -> None:
        self.names = names
        self.to_client = to_client
        self.queue: deque[Entry] = deque()
        self.finished: list[Unit] = []  # for the session to take effect, in order
        self.status = IDLE
        self.parameters: dict[str, str] = {}
        self.changed_parameters = False
        self.unsaid: dict[str, tuple[str | None, bytes]] = {}  # of a measured run: what the client knows, and the news
        self.copying = False  # the server waits for the client's CopyData
        self.skipping = False  # an error came in a batch whose Sync was not sent yet
        self.step_error = False  # a Step of an extended message failed since the last Sync
        self.fatal = False
        self._tail = b""
        self._rest = 0  # bytes of a message that is passing in pieces

    def settled(self) -> bool:
        """Whether every message sent so far was answered."""
        if not self.queue:
            return True
        head = self.queue[0]
        return (
            len(self.queue) == 1
            and isinstance(head, Unit)
            and not head.synced
            and (head.failed or head.seen >= head.expected)
        )

    def receive(self, data: bytes) -> None:
        """Bytes from the server, cut anywhere."""
        if self._rest:
            part = min(self._rest, len(data))
            self._rest -= part
            self.to_client.append(data[:part])
            if part == len(data):
                return
            data = data[part:]
        if self._tail:
            data = self._tail + data
            self._tail = b""
        size = len(data)
        pos = kept = 0
        while pos < size:
            head = self.queue[0] if self.queue else None
            stops = EVERY if head is None else head.stops()
            pos = walk(data, pos, stops, "server")
            if pos >= size:
                break
            end = frame_end(data, pos, "server")
            if end < 0 or end > size:
                if end > size and not stops[data[pos]]:
                    self._rest = end - size
                    pos = size
                break
            if isinstance(head, Unit):
                if self.unsaid:
                    self.to_client.append(data[kept:pos])
                    kept = pos
                    self.say_parameters()
                self._of_unit(head, data, pos, end)
            else:
                if pos > kept:
                    self.to_client.append(data[kept:pos])
                kept = end
                self._of_step(head, data[pos:end])
            pos = end
        if pos > kept:
            self.to_client.append(data[kept:pos] if kept or pos < size else data)
        if pos < size:
            self._tail = data[pos:]

    def _of_unit(self, unit: Unit, data: bytes, pos: int, end: int) -> None:
        """A message that passes with the stream: only look."""
        code = data[pos]
        if code == 0x5A:  # ReadyForQuery
            self.status = unit.status = data[pos + 5]
            self.copying = False
            self.queue.popleft()
            self.finished.append(unit)
        elif code == 0x45:  # ErrorResponse
            self._failed(unit, data[pos:end])
        elif code == 0x53:  # ParameterStatus
            self._parameter(data[pos:end])
        elif code == 0x47:  # CopyInResponse
            self.copying = not unit.copied
            if unit.expected and (unit.early if unit.copied else unit.synced):
                # an early Sync is read and ignored by the server's copy loop (copyfromparse.c, CopyGetData)
                unit.synced = False
                unit.seen = unit.expected - 1  # while it was synced nobody counted; what is owed is the end of COPY
                if len(self.queue) > 1 and isinstance(behind := self.queue[1], Unit):
                    unit.absorb(behind)
                    del self.queue[1]
        elif code in (0x43, 0x49, 0x73) and (unit.wants_tags or not unit.synced):
            unit.tags.append(command_tag(data[pos:end]) if code == 0x43 else "")
            unit.seen += 1
        elif code not in (0x4E, 0x41):  # not NoticeResponse, NotificationResponse
            unit.seen += 1
            if code in (0x31, 0x33) and unit.names:
                self._renamed(unit.names.popleft())

    def _failed(self, unit: Unit, message: bytes) -> None:
        unit.failed = True
        unit.names.clear()
        unit.seen = unit.expected
        self._after_error(message)
        if not unit.synced:
            self.skipping = True

    def _after_error(self, message: bytes) -> None:
        self.names.forget_portals()
        self.copying = False
        severity = error_fields(message).get("V", "")
        if severity in ("FATAL", "PANIC"):
            self.fatal = True

    def _renamed(self, change: NameChange | None) -> None:
        if change is not None:
            self.names.confirmed(change.name, change.prepared)

    def _parameter(self, message: bytes) -> None:
        name, value = parameter_status(message)
        self.parameters[name] = value
        self.changed_parameters = True

    def _parameter_in_a_run(self, message: bytes) -> None:
        """The server tells it in front of each ReadyForQuery, which are more than the client's, and also what a COMMIT
        or ROLLBACK of ours then takes back."""
        name, _ = parameter_status(message)
        known = self.unsaid[name][0] if name in self.unsaid else self.parameters.get(name)
        self._parameter(message)
        self.unsaid[name] = (known, message)

    def say_parameters(self) -> None:
        """In front of the client's ReadyForQuery: what it does not know yet."""
        for name, (known, message) in self.unsaid.items():
            if self.parameters[name] != known:
                self.to_client.append(message)
        self.unsaid.clear()

    def _of_step(self, step: Step | None, message: bytes) -> None:
        """A message that is relayed, held or swallowed by itself."""
        code = message[0]
        if code == 0x53 and step is not None:
            self._parameter_in_a_run(message)
        elif code == 0x53:
            self._parameter(message)
            self.to_client.append(message)
        elif code == 0x41 or step is None:
            if code == 0x45:
                self._after_error(message)
            self.to_client.append(message)
        elif code == 0x4E:
            if step.tells and not _speaks_of_us(step, message):
                self._release(step)  # a CommandComplete in front of a notice is not the last one of its Query
                self.to_client.append(shift_position(message, step.shift) if step.shift else message)
        elif code == 0x45:
            self._step_failed(step, message)
        elif step.sink == SWALLOW:
            step.take(message)
            self._complete(step, code, message)
        else:
            self._pass_or_hold(step, code, message)
            self._complete(step, code, message)

    def _pass_or_hold(self, step: Step, code: int, message: bytes) -> None:
        if code == 0x47:
            self.copying = step.copied = True
        if code == 0x5A:
            return  # the conversation says ReadyForQuery itself, when it is over
        if code == 0x43:
            step.tag = command_tag(message)
        if step.sink == HOLD:
            if code in (0x43, 0x49, 0x73) and step.held[:1] == b"c" and len(step.held) == 5:
                step.held += message
                return
            self._release(step)
            if code in (0x43, 0x49, 0x73, 0x63):  # CommandComplete, EmptyQuery, PortalSuspended, CopyDone
                step.held = message
                return
        self.to_client.append(message)

    def _release(self, step: Step) -> None:
        if step.held:
            self.to_client.append(step.held)
            step.held = b""

    def _complete(self, step: Step, code: int, message: bytes) -> None:
        if code == 0x5A:
            self.status = message[5]
            self.copying = self.step_error = False  # whatever was passed over, it is over
        if code in (0x31, 0x33) and step.change is not None:
            self._renamed(step.change)
        if step.completed_by(code):
            step.left -= 1
            if not step.left:
                step.done = True
                self.queue.popleft()

    def _step_failed(self, step: Step, message: bytes) -> None:
        self._after_error(message)
        if step.shift:
            message = shift_position(message, step.shift)
        if step.wrapped:
            message = without_block(message)
        step.error = message
        if step.sink != SWALLOW or self.fatal:
            if step.sink == HOLD:
                self._release(step)
            self.to_client.append(message)
        if step.completed_by(0x5A):
            return  # Query, FunctionCall and Sync are over with their ReadyForQuery
        step.done = self.step_error = True
        self.queue.popleft()
        while self.queue:
            behind = self.queue[0]
            if isinstance(behind, Unit):
                return
            if behind.code == 0x53:
                self.step_error = False
                return
            behind.skipped = behind.done = True
            self.queue.popleft()


def _speaks_of_us(step: Step, notice: bytes) -> bool:
    """PostgreSQL 15 warns at a SET CONSTRAINTS of ours outside a block. What triggers say in it is the client's."""
    return step.sink == SWALLOW and error_fields(notice).get("R") == "CheckTransactionBlock"
