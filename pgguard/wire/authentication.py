"""AuthenticationSASL and its kin, and what a client answers to them: SASLInitialResponse and SASLResponse."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from pgguard.errors import ProtocolViolation

OK: Final = 0
CLEARTEXT_PASSWORD: Final = 3
MD5_PASSWORD: Final = 5
SASL: Final = 10
SASL_CONTINUE: Final = 11
SASL_FINAL: Final = 12


def kind(message: bytes) -> int:
    """Which of the Authentication messages it is."""
    if len(message) < 9:
        raise ProtocolViolation("server", "authentication request: too short")
    return int.from_bytes(message[5:9], "big")


def content(message: bytes) -> bytes:
    """What stands behind the kind."""
    return message[9:]


def encode(kind: int, content: bytes = b"") -> bytes:
    return b"R" + struct.pack("!ii", len(content) + 8, kind) + content


def mechanisms(message: bytes) -> tuple[bytes, ...]:
    """The names in an AuthenticationSASL, in the server's order."""
    return tuple(name for name in content(message).split(b"\0") if name)


def encode_mechanisms(names: Sequence[bytes]) -> bytes:
    """An AuthenticationSASL."""
    return encode(SASL, b"".join(name + b"\0" for name in names) + b"\0")


def sasl_initial_response(message: bytes) -> tuple[bytes, bytes]:
    """The mechanism and the first message of the exchange (b"" when there is none)."""
    end = message.find(b"\0", 5)
    if end < 0 or len(message) < end + 5:
        raise ProtocolViolation("client", "SASLInitialResponse: too short")
    (length,) = struct.unpack_from("!i", message, end + 1)
    data = message[end + 5 :]
    if length != len(data) and not (length == -1 and not data):
        raise ProtocolViolation("client", "SASLInitialResponse: wrong length")
    return message[5:end], data


def encode_sasl_initial_response(mechanism: bytes, data: bytes) -> bytes:
    return encode_sasl_response(mechanism + b"\0" + struct.pack("!i", len(data)) + data)


def sasl_response(message: bytes) -> bytes:
    """The data of a SASLResponse."""
    return message[5:]


def encode_sasl_response(data: bytes) -> bytes:
    return b"p" + struct.pack("!i", len(data) + 4) + data
