"""Messages of the frontend: decoders for those that pgguard looks at, encoders for those that it sends itself.

A decoder takes the whole message, type byte and length included. Names and texts stay bytes: their encoding is
the session's business.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from pgguard.errors import MalformedMessage


class Parse(NamedTuple):
    name: bytes
    text: bytes
    param_types: tuple[int, ...]


class Bind(NamedTuple):
    """``params`` is everything behind the names: formats, values and result formats, as sent."""

    portal: bytes
    statement: bytes
    params: bytes


class Execute(NamedTuple):
    portal: bytes
    max_rows: int


class Target(NamedTuple):
    """What Describe and Close speak of: ``kind`` is b"S" (prepared statement) or b"P" (portal)."""

    kind: bytes
    name: bytes


def _string(message: bytes, pos: int, what: str) -> tuple[bytes, int]:
    end = message.find(b"\0", pos)
    if end < 0:
        raise MalformedMessage(f"{what}: string without its end")
    return message[pos:end], end + 1


def query_text(message: bytes) -> bytes:
    """The text of a Query."""
    text, end = _string(message, 5, "Query")
    if end != len(message):
        raise MalformedMessage("Query: bytes behind the text")
    return text


def parse(message: bytes) -> Parse:
    name, pos = _string(message, 5, "Parse")
    text, pos = _string(message, pos, "Parse")
    try:
        (count,) = struct.unpack_from("!H", message, pos)
        types = struct.unpack_from(f"!{count}I", message, pos + 2)
    except struct.error:
        raise MalformedMessage("Parse: parameter types are cut short") from None
    if pos + 2 + 4 * count != len(message):
        raise MalformedMessage("Parse: bytes behind the parameter types")
    return Parse(name, text, types)


def bind(message: bytes) -> Bind:
    portal, pos = _string(message, 5, "Bind")
    statement, pos = _string(message, pos, "Bind")
    return Bind(portal, statement, message[pos:])


def parameters(tail: bytes) -> bytes:
    """Of a Bind's tail only what the parameters are: their formats and values, without the formats of the results;
    b"" when there are none. A tail that is cut short stays whole: the server refuses it."""
    size = len(tail)
    if size < 2:
        return tail
    pos = 2 + 2 * (tail[0] << 8 | tail[1])
    if pos + 2 > size:
        return tail
    count = tail[pos] << 8 | tail[pos + 1]
    pos += 2
    for _ in range(count):
        if pos + 4 > size:
            return tail
        length = tail[pos] << 24 | tail[pos + 1] << 16 | tail[pos + 2] << 8 | tail[pos + 3]
        pos += 4 + (length if length < 0x80000000 else 0)  # -1 is NULL
    return tail[:pos] if count else b""


def values(tail: bytes) -> dict[int, str | None]:
    """Of a Bind's tail the parameters by number, None for NULL. The server alone may know their types: in binary format
    truth values, text and whole numbers are told apart by how they look, and everything else is left out."""
    found: dict[int, str | None] = {}
    try:
        (formats,) = struct.unpack_from("!H", tail)
        codes = struct.unpack_from(f"!{formats}H", tail, 2)
        (count,) = struct.unpack_from("!H", tail, 2 + 2 * formats)
        pos = 4 + 2 * formats
        for number in range(1, count + 1):
            (length,) = struct.unpack_from("!i", tail, pos)
            raw = tail[pos + 4 : pos + 4 + max(length, 0)]
            pos += 4 + max(length, 0)
            code = 0 if not codes else codes[0] if len(codes) == 1 else codes[number - 1]
            said = raw.decode("utf-8", "replace") if code == 0 else _shown(raw)
            if length < 0 or said is not None:
                found[number] = None if length < 0 else said
    except (struct.error, IndexError):
        return {}
    return found


def _shown(raw: bytes) -> str | None:
    if raw in (b"\0", b"\1"):
        return "t" if raw == b"\1" else "f"
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = "\0"
    if text.isprintable():
        return text
    return str(int.from_bytes(raw, "big", signed=True)) if len(raw) in (2, 4, 8) else None


def execute(message: bytes) -> Execute:
    portal, pos = _string(message, 5, "Execute")
    if pos + 4 != len(message):
        raise MalformedMessage("Execute: wrong length")
    return Execute(portal, int.from_bytes(message[pos:], "big", signed=True))


def target(message: bytes) -> Target:
    """Of a Describe or a Close."""
    if len(message) < 7:
        raise MalformedMessage("Describe or Close: too short")
    kind = message[5:6]
    name, pos = _string(message, 6, "Describe or Close")
    if kind not in (b"S", b"P") or pos != len(message):
        raise MalformedMessage("Describe or Close: invalid target")
    return Target(kind, name)


def emptied(message: bytes, nobody: bytes) -> bytes:
    """A malformed message as malformed as it was, with nothing left in it that could run should a server read it after
    all: no text, and no portal (``nobody``: the name of none)."""
    code, body = message[:1], message[5:]
    if code not in (b"Q", b"P", b"E"):
        return message
    start = body.find(b"\0") + 1 if code == b"P" else 0
    end = body.find(b"\0", start)
    if end < 0:
        return _message(code, body[:start])
    return _message(code, body[:start] + (nobody if code == b"E" else b"") + body[end:])


def _message(code: bytes, body: bytes) -> bytes:
    return code + struct.pack("!i", len(body) + 4) + body


def encode_query(text: bytes) -> bytes:
    return _message(b"Q", text + b"\0")


def encode_parse(name: bytes, text: bytes, types: tuple[int, ...] = ()) -> bytes:
    return _message(b"P", name + b"\0" + text + b"\0" + struct.pack(f"!h{len(types)}I", len(types), *types))


def encode_bind(portal: bytes, statement: bytes) -> bytes:
    """No parameters, all results as text."""
    return _message(b"B", portal + b"\0" + statement + b"\0\0\0\0\0\0\0")


def encode_execute(portal: bytes) -> bytes:
    return _message(b"E", portal + b"\0\0\0\0\0")


def encode_close(kind: bytes, name: bytes) -> bytes:
    return _message(b"C", kind + name + b"\0")


def encode_copy_fail(why: bytes) -> bytes:
    return _message(b"f", why + b"\0")


SYNC = b"S\0\0\0\x04"
FLUSH = b"H\0\0\0\x04"
TERMINATE = b"X\0\0\0\x04"
