"""What a server sent, as messages and as text that can be compared between two connections."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

NAMES = {
    "1": "ParseComplete", "2": "BindComplete", "3": "CloseComplete", "A": "NotificationResponse",
    "C": "CommandComplete", "D": "DataRow",
    "E": "ErrorResponse", "G": "CopyInResponse", "H": "CopyOutResponse", "I": "EmptyQueryResponse",
    "K": "BackendKeyData", "N": "NoticeResponse", "R": "Authentication", "S": "ParameterStatus", "T": "RowDescription",
    "V": "FunctionCallResponse", "W": "CopyBothResponse", "Z": "ReadyForQuery", "c": "CopyDone", "d": "CopyData",
    "n": "NoData", "s": "PortalSuspended", "t": "ParameterDescription", "v": "NegotiateProtocolVersion",
}  # fmt: skip
FIRST_USER_OID = 16384  # PostgreSQL's FirstNormalObjectId


@dataclass(frozen=True)
class Message:
    """One message of the server, undecoded."""

    kind: str
    body: bytes

    @property
    def name(self) -> str:
        return NAMES.get(self.kind, f"unknown {self.kind!r}")

    @property
    def fields(self) -> dict[str, str]:
        """The fields of an ErrorResponse or NoticeResponse by letter: C SQLSTATE, M message, D detail, H hint."""
        parts = [part.decode(errors="backslashreplace") for part in self.body.split(b"\0") if part]
        return {part[0]: part[1:] for part in parts}

    @property
    def row(self) -> list[bytes | None]:
        """The values of a DataRow."""
        values: list[bytes | None] = []
        at = 2
        for _ in range(struct.unpack_from("!h", self.body)[0]):
            (length,) = struct.unpack_from("!i", self.body, at)
            at += 4
            if length < 0:
                values.append(None)
            else:
                values.append(self.body[at : at + length])
                at += length
        return values

    @property
    def tag(self) -> str:
        """The tag of a CommandComplete, the status of a ReadyForQuery, any other single text."""
        return self.body.rstrip(b"\0").decode(errors="backslashreplace")


@dataclass
class Transcript:
    """Messages as lines. What must differ between two connections (pids, keys, OIDs of objects that the test itself
    made) is numbered by its first appearance instead; everything else stands as it came."""

    own_pid: int = 0
    oids: dict[int, str] = field(default_factory=dict)

    def lines(self, messages: Iterable[Message]) -> list[str]:
        return [self.line(message) for message in messages]

    def line(self, message: Message) -> str:
        words = self._words(message)
        return f"{message.name} {words}" if words else message.name

    def _oid(self, oid: int) -> str:
        if oid < FIRST_USER_OID:
            return str(oid)
        return self.oids.setdefault(oid, f"@{len(self.oids) + 1}")

    def _words(self, message: Message) -> str:
        body = message.body
        match message.kind:
            case "E" | "N":
                return " ".join(f"{letter}={text!r}" for letter, text in message.fields.items())
            case "D":
                return repr(message.row)
            case "C" | "Z":
                return message.tag
            case "S":
                name, value = body.split(b"\0")[:2]
                return f"{name.decode()}={value.decode()}"
            case "T":
                return "; ".join(self._columns(body))
            case "t":
                count = struct.unpack_from("!h", body)[0]
                return " ".join(self._oid(oid) for oid in struct.unpack_from(f"!{count}I", body, 2))
            case "A":
                pid = struct.unpack_from("!i", body)[0]
                channel, payload = body[4:].split(b"\0")[:2]
                return f"from {'self' if pid == self.own_pid else 'other'} {channel.decode()} {payload.decode()!r}"
            case "K":
                return f"key of {len(body) - 4} bytes"
            case "R":
                return str(struct.unpack_from("!i", body)[0])
            case _:
                return repr(body) if body else ""

    def _columns(self, body: bytes) -> Iterable[str]:
        at = 2
        for _ in range(struct.unpack_from("!h", body)[0]):
            end = body.index(b"\0", at)
            table, attnum, type_, size, modifier, format_ = struct.unpack_from("!IhIhih", body, end + 1)
            name = body[at:end].decode(errors="backslashreplace")
            yield f"{name} {self._oid(table)}.{attnum} type {self._oid(type_)} {size} {modifier} format {format_}"
            at = end + 19
