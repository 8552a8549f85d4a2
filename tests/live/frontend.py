"""Builders for the messages that a client sends, by the manual's names, as plain bytes."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

Text = str | bytes


def _cstring(text: Text) -> bytes:
    return (text.encode() if isinstance(text, str) else text) + b"\0"


def message(kind: str, body: bytes = b"") -> bytes:
    """Any message, also one that does not exist."""
    return kind.encode() + struct.pack("!i", len(body) + 4) + body


def startup_message(parameters: Mapping[str, str], protocol: int = 196608) -> bytes:
    body = struct.pack("!i", protocol) + b"".join(_cstring(k) + _cstring(v) for k, v in parameters.items()) + b"\0"
    return struct.pack("!i", len(body) + 4) + body


def ssl_request() -> bytes:
    return struct.pack("!ii", 8, 80877103)


def gssenc_request() -> bytes:
    return struct.pack("!ii", 8, 80877104)


def cancel_request(pid: int, key: bytes) -> bytes:
    return struct.pack("!iii", 12 + len(key), 80877102, pid) + key


def query(text: Text) -> bytes:
    return message("Q", _cstring(text))


def parse(text: Text, name: Text = "", types: Sequence[int] = ()) -> bytes:
    return message("P", _cstring(name) + _cstring(text) + struct.pack(f"!h{len(types)}I", len(types), *types))


def bind(
    values: Sequence[Text | None] = (), statement: Text = "", portal: Text = "", formats: Sequence[int] = (),
    results: Sequence[int] = (),
) -> bytes:  # fmt: skip
    body = _cstring(portal) + _cstring(statement) + struct.pack(f"!h{len(formats)}h", len(formats), *formats)
    body += struct.pack("!h", len(values))
    for value in values:
        if value is None:
            body += struct.pack("!i", -1)
        else:
            data = value.encode() if isinstance(value, str) else value
            body += struct.pack("!i", len(data)) + data
    return message("B", body + struct.pack(f"!h{len(results)}h", len(results), *results))


def describe(kind: str, name: Text = "") -> bytes:
    """``kind``: S for a statement, P for a portal."""
    return message("D", kind.encode() + _cstring(name))


def execute(portal: Text = "", rows: int = 0) -> bytes:
    return message("E", _cstring(portal) + struct.pack("!i", rows))


def close(kind: str, name: Text = "") -> bytes:
    return message("C", kind.encode() + _cstring(name))


def sync() -> bytes:
    return message("S")


def flush() -> bytes:
    return message("H")


def terminate() -> bytes:
    return message("X")


def function_call(oid: int, arguments: Sequence[Text | None] = ()) -> bytes:
    body = struct.pack("!Ihh", oid, 0, len(arguments))
    for value in arguments:
        if value is None:
            body += struct.pack("!i", -1)
        else:
            data = value.encode() if isinstance(value, str) else value
            body += struct.pack("!i", len(data)) + data
    return message("F", body + struct.pack("!h", 0))


def copy_data(data: Text) -> bytes:
    return message("d", data.encode() if isinstance(data, str) else data)


def copy_done() -> bytes:
    return message("c")


def copy_fail(why: Text) -> bytes:
    return message("f", _cstring(why))


def run(
    text: Text, values: Sequence[Text | None] = (), *, name: Text = "", types: Sequence[int] = (), rows: int = 0
) -> bytes:
    """Parse, Bind, Describe of the portal and Execute, without Sync: what most drivers send for one statement."""
    return parse(text, name, types) + bind(values, name) + describe("P") + execute(rows=rows)
