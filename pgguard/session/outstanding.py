"""What the server still owes: forward, keep back or swallow each of its messages (the one place that decides it).

Two sorts of entries wait in one queue, in the order in which their messages were sent. A ``Unit`` is a run of the
client's messages that was forwarded untouched: its replies pass as slices of the stream, and only ReadyForQuery,
ErrorResponse, ParseComplete, CloseComplete, CopyInResponse and ParameterStatus are looked at. A ``Step`` is one message
of a measured run: its reply is relayed, held or swallowed by itself.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from pgguard.policy.account import Account, Place
from pgguard.session.judge import Judged
from pgguard.session.names import Prepared
from pgguard.wire.backend import command_tag, data_row, error_fields
from pgguard.wire.framing import EVERY, table

RELAY: Final = 0  # pass on at once
HOLD: Final = 1  # rows pass, what completes the message waits for the verdict
SWALLOW: Final = 2  # ours: the client must not see it

# What a Unit looks at. Tags are wanted only when a proved write waits for its record.
UNIT_STOPS: Final = table(b"ZE13GWSAN")
UNIT_STOPS_TAGS: Final = table(b"ZE13GWSANCIs")
# A Unit that was not synced yet counts what it was answered.
UNSYNCED_STOPS: Final = table(b"ZE123nTCIsVGWSAN")
# Within a Step of the client's, rows and copy data pass as slices.
STEP_STOPS: Final = table(bytes(c for c in range(256) if c not in b"Dd"))

# Which replies complete a Step, by the type of the message that asked (Sync is S, Query Q, FunctionCall F).
_COMPLETES: Final = {
    ord("P"): b"1", ord("B"): b"2", ord("C"): b"3", ord("D"): b"Tn", ord("E"): b"CIs", ord("S"): b"Z", ord("Q"): b"Z",
    ord("F"): b"Z",
}  # fmt: skip

Reserved = tuple[int, Place, Account, int]  # which of ``Unit.runs``, of which account, at most so many rows


class NameChange:
    """What a ParseComplete or CloseComplete will make true. ``prepared`` None: closed."""

    __slots__ = ("name", "prepared")

    def __init__(self, name: bytes, prepared: Prepared | None) -> None:
        self.name = name
        self.prepared = prepared


class Unit:
    """Client messages on their way. ``names`` has an entry for each '1' and '3' to come (None: a portal's Close)."""

    __slots__ = (
        "absorbed", "copied", "done", "early", "expected", "failed", "flushed", "names", "reserved", "runs", "seen",
        "status", "synced", "tags", "wants_tags", "writes",
    )  # fmt: skip

    def __init__(self) -> None:
        self.names: deque[NameChange | None] = deque()
        self.done: list[Judged] = []  # takes effect on the session when it succeeded
        self.runs: list[Judged] = []  # each Execute (or the Query), in order
        self.wants_tags = False  # a proved write is among them: it is recorded from its CommandComplete
        self.tags: list[str] = []
        self.synced = False
        self.failed = False
        self.writes = 0  # it counts so often among the world's proved writes on their way
        self.absorbed: list[Unit] = []  # what turned out to be part of it
        self.flushed = False  # the client, or we, asked the server to answer what was sent so far
        self.copied = False  # the client sent its CopyDone or CopyFail without waiting to be asked
        self.early = False  # and had sent a Sync before that: the server passes over it
        self.reserved: list[Reserved] = []  # what its proved writes hold of their caller's budgets
        self.status = 0  # the transaction's, as its ReadyForQuery said
        self.expected = 0  # replies that complete an extended message, as far as sent
        self.seen = 0

    def absorb(self, behind: Unit) -> None:
        """The Sync between the two was swallowed: one ReadyForQuery will come for both."""
        self.names.extend(behind.names)
        self.done += behind.done
        self.runs += behind.runs
        self.reserved += behind.reserved
        self.wants_tags = self.wants_tags or behind.wants_tags
        self.expected += behind.expected
        self.writes += behind.writes
        self.synced, self.flushed, self.copied = behind.synced, behind.flushed, behind.copied
        self.absorbed += [behind, *behind.absorbed]

    def stops(self) -> bytes:
        if not self.synced:
            return UNSYNCED_STOPS
        return UNIT_STOPS_TAGS if self.wants_tags else UNIT_STOPS


class Step:
    """The reply to one message, or to several of ours. What happened stays on it for the conversation to read.

    ``code`` is the type of the (last) message, ``left`` how many replies that complete such a message are to come."""

    __slots__ = (
        "change", "code", "copied", "done", "error", "held", "left", "rows", "shift", "sink", "skipped", "tag", "tells",
        "wrapped",
    )  # fmt: skip

    def __init__(self, code: int, sink: int, change: NameChange | None = None, left: int = 1) -> None:
        self.code = code
        self.sink = sink
        self.change = change
        self.left = left
        self.done = False
        self.copied = False  # the server asked for copy data
        self.skipped = False  # the server passed over it after an error
        self.error = b""  # the ErrorResponse, whole
        self.rows: list[list[bytes | None]] = []
        self.held = b""  # what waits for the verdict
        self.tag = ""
        self.shift = 0  # characters to add to the POSITION of its errors
        self.tells = sink != SWALLOW  # its notices are the client's
        self.wrapped = False  # alone in a block of ours

    def stops(self) -> bytes:
        return EVERY if self.sink == SWALLOW else STEP_STOPS

    def completed_by(self, code: int) -> bool:
        return code in _COMPLETES[self.code]

    def take(self, message: bytes) -> None:
        """A message of ours came: keep what the conversation wants to know."""
        code = message[0]
        if code == 0x44:  # DataRow
            self.rows.append(data_row(message))
        elif code == 0x43:  # CommandComplete
            self.tag = command_tag(message)

    @property
    def failed(self) -> bool:
        """It gave an error, or the server passed over it."""
        return self.skipped or self.error != b""

    @property
    def sqlstate(self) -> str:
        return error_fields(self.error).get("C", "") if self.error else ""


Entry = Unit | Step
