"""Messages of the backend: decoders for those that pgguard reads, encoders for those that it sends itself."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from pgguard.errors import ProtocolViolation


def error_fields(message: bytes) -> dict[str, str]:
    """Fields of an ErrorResponse or NoticeResponse by their one-letter code (C is the SQLSTATE, M the message)."""
    fields: dict[str, str] = {}
    pos = 5
    while pos < len(message) and message[pos]:
        end = message.find(b"\0", pos + 1)
        if end < 0:
            raise ProtocolViolation("server", "ErrorResponse: field without its end")
        fields[chr(message[pos])] = message[pos + 1 : end].decode("utf-8", "replace")
        pos = end + 1
    return fields


def shift_position(message: bytes, characters: int) -> bytes:
    """The same ErrorResponse or NoticeResponse with its POSITION moved to the right."""
    pos = 5
    while pos < len(message) and message[pos]:
        end = message.find(b"\0", pos + 1)
        if end < 0:
            return message
        if message[pos] == 0x50 and message[pos + 1 : end].isdigit():  # P
            moved = str(int(message[pos + 1 : end]) + characters).encode()
            body = message[5 : pos + 1] + moved + message[end:]
            return message[:1] + struct.pack("!i", len(body) + 4) + body
        pos = end + 1
    return message


def without_block(message: bytes) -> bytes:
    """An ErrorResponse as it would be without a transaction block around the statement: of a command in a function the
    server first asks whether there is a block (PreventInTransactionBlock in xact.c), and only the words differ."""
    in_block = b" cannot run inside a transaction block\0"
    if b"\0C25001\0" not in message or b"\0W" not in message:
        return message
    body = message[5:].replace(in_block, b" cannot be executed from a function\0", 1)
    return _message(message[:1], body)


def data_row(message: bytes) -> list[bytes | None]:
    """The columns of a DataRow; None is NULL."""
    try:
        (count,) = struct.unpack_from("!H", message, 5)
        pos = 7
        columns: list[bytes | None] = []
        for _ in range(count):
            (length,) = struct.unpack_from("!i", message, pos)
            pos += 4
            if length < 0:
                columns.append(None)
                continue
            if pos + length > len(message):
                raise ProtocolViolation("server", "DataRow: column is cut short")
            columns.append(message[pos : pos + length])
            pos += length
    except struct.error:
        raise ProtocolViolation("server", "DataRow: too short") from None
    return columns


def parameter_status(message: bytes) -> tuple[str, str]:
    """Name and value of a ParameterStatus."""
    words = message[5:].split(b"\0")
    if len(words) != 3:
        raise ProtocolViolation("server", "ParameterStatus: wrong layout")
    return words[0].decode("utf-8", "replace"), words[1].decode("utf-8", "replace")


def command_tag(message: bytes) -> str:
    """The tag of a CommandComplete."""
    return message[5:-1].decode("utf-8", "replace")


def _message(code: bytes, body: bytes) -> bytes:
    return code + struct.pack("!i", len(body) + 4) + body


def encode_error(fields: Mapping[str, str], *, severity: str = "ERROR") -> bytes:
    """An ErrorResponse; ``fields`` by code (C, M, D, H ...), empty ones left out."""
    return _message(b"E", _fields(fields, severity))


def encode_notice(fields: Mapping[str, str], *, severity: str = "NOTICE") -> bytes:
    """A NoticeResponse."""
    return _message(b"N", _fields(fields, severity))


def _fields(fields: Mapping[str, str], severity: str) -> bytes:
    body = b"S" + severity.encode() + b"\0V" + severity.encode() + b"\0"
    for code, text in fields.items():
        if text:
            body += code.encode() + text.replace("\0", "?").encode("utf-8", "replace") + b"\0"
    return body + b"\0"


def ready_for_query(status: int) -> bytes:
    """ReadyForQuery; ``status`` is the byte I, T or E."""
    return b"Z\0\0\0\x05" + bytes((status,))
