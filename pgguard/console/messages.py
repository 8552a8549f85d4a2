"""The messages of the backend that only the console writes, and the values of a Bind."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from pgguard.errors import ProtocolViolation

TEXT = 25  # the OID of text: its text and binary formats are the same bytes
_INTEGERS = {20, 21, 23}  # int8, int2, int4

PARSE_COMPLETE = b"1\0\0\0\x04"
BIND_COMPLETE = b"2\0\0\0\x04"
CLOSE_COMPLETE = b"3\0\0\0\x04"
NO_DATA = b"n\0\0\0\x04"
EMPTY_QUERY_RESPONSE = b"I\0\0\0\x04"
PORTAL_SUSPENDED = b"s\0\0\0\x04"


def _message(code: bytes, body: bytes) -> bytes:
    return code + struct.pack("!i", len(body) + 4) + body


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def parameter_status(name: str, value: str) -> bytes:
    return _message(b"S", _bytes(name) + b"\0" + _bytes(value) + b"\0")


def backend_key_data(pid: int, key: int) -> bytes:
    return _message(b"K", struct.pack("!iI", pid, key))


def row_description(columns: Sequence[str], formats: Sequence[int] = ()) -> bytes:
    """Columns of type text; ``formats`` as in a Bind: none, one for all, or one each."""
    each = list(formats) if len(formats) == len(columns) else [formats[0] if formats else 0] * len(columns)
    body = b"".join(
        _bytes(name) + b"\0" + struct.pack("!ihihih", 0, 0, TEXT, -1, -1, code)
        for name, code in zip(columns, each, strict=True)
    )
    return _message(b"T", struct.pack("!h", len(columns)) + body)


def data_row(values: Sequence[str | None]) -> bytes:
    body = struct.pack("!h", len(values))
    for value in values:
        if value is None:
            body += struct.pack("!i", -1)
        else:
            raw = _bytes(value)
            body += struct.pack("!i", len(raw)) + raw
    return _message(b"D", body)


def command_complete(tag: str) -> bytes:
    return _message(b"C", _bytes(tag) + b"\0")


def parameter_description(types: Sequence[int]) -> bytes:
    return _message(b"t", struct.pack(f"!h{len(types)}I", len(types), *types))


def bind_values(rest: bytes, types: Sequence[int]) -> tuple[tuple[str | None, ...], tuple[int, ...]]:
    """The values of a Bind as text, and the result formats; ``rest`` is what follows its two names."""
    try:
        formats, pos = _shorts(rest, 0)
        (count,) = struct.unpack_from("!H", rest, pos)
        pos += 2
        values: list[str | None] = []
        for number in range(count):
            (length,) = struct.unpack_from("!i", rest, pos)
            pos += 4
            raw = None if length < 0 else rest[pos : pos + length]
            if raw is not None and len(raw) < length:
                raise ProtocolViolation("client", "Bind: value is cut short")
            pos += max(length, 0)
            code = formats[number] if len(formats) == count else (formats[0] if formats else 0)
            oid = types[number] if number < len(types) else TEXT
            values.append(None if raw is None else _value(raw, code, oid))
        results, pos = _shorts(rest, pos)
    except (struct.error, IndexError):
        raise ProtocolViolation("client", "Bind: too short") from None
    if pos != len(rest):
        raise ProtocolViolation("client", "Bind: bytes behind the result formats")
    return tuple(values), results


def _shorts(data: bytes, pos: int) -> tuple[tuple[int, ...], int]:
    (count,) = struct.unpack_from("!H", data, pos)
    return struct.unpack_from(f"!{count}H", data, pos + 2), pos + 2 + 2 * count


def _value(raw: bytes, code: int, oid: int) -> str:
    if code == 1 and oid in _INTEGERS:
        return str(int.from_bytes(raw, "big", signed=True))
    return raw.decode("utf-8", "replace")
