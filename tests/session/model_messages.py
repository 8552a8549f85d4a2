"""What the model server says, as bytes, and what it remembers under a name."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tests.session.model_database import PgError


def message(code: bytes, body: bytes = b"") -> bytes:
    return code + struct.pack("!i", len(body) + 4) + body


def row_description() -> bytes:
    return message(b"T", struct.pack("!h", 1) + b"v\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0))


def data_row(value: bytes) -> bytes:
    return message(b"D", struct.pack("!hi", 1, len(value)) + value)


def error(trouble: PgError, routine: str = "") -> bytes:
    severity = b"FATAL" if trouble.fatal else b"ERROR"
    fields = b"S" + severity + b"\0V" + severity + b"\0C" + trouble.sqlstate.encode() + b"\0M"
    fields += trouble.message.encode() + b"\0" + (b"R" + routine.encode() + b"\0" if routine else b"")
    return message(b"E", fields + b"\0")


def warning(sqlstate: str, text: str) -> bytes:
    body = f"SWARNING\0VWARNING\0C{sqlstate}\0M{text}\0\0".encode()
    return message(b"N", body)


@dataclass
class Prepared:
    text: str


@dataclass
class Portal:
    text: str
    params: list[bytes]
    done: bool = False


def parameters(data: bytes) -> list[bytes]:
    (formats,) = struct.unpack_from("!h", data)
    pos = 2 + 2 * formats
    (count,) = struct.unpack_from("!h", data, pos)
    pos += 2
    found = []
    for _ in range(count):
        (size,) = struct.unpack_from("!i", data, pos)
        found.append(data[pos + 4 : pos + 4 + max(size, 0)])
        pos += 4 + max(size, 0)
    return found
