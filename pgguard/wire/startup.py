"""What a client sends before the first typed message: StartupMessage, SSLRequest, GSSENCRequest, CancelRequest."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from pgguard.errors import ProtocolViolation

SSL_REQUEST = 80877103
GSSENC_REQUEST = 80877104
CANCEL_REQUEST = 80877102
# PostgreSQL refuses longer ones (MAX_STARTUP_PACKET_LENGTH in libpq/pqcomm.h).
MAX_STARTUP_LENGTH = 10_000
SSL_REQUEST_PACKET = struct.pack("!ii", 8, SSL_REQUEST)


@dataclass(frozen=True, slots=True)
class StartupMessage:
    """``parameters`` in the client's order; ``version`` as sent (196608 is 3.0)."""

    version: int
    parameters: tuple[tuple[str, str], ...]

    def get(self, name: str, default: str = "") -> str:
        """The last value of a parameter, as PostgreSQL takes it."""
        found = default
        for key, value in self.parameters:
            if key == name:
                found = value
        return found

    @property
    def user(self) -> str:
        return self.get("user")

    @property
    def database(self) -> str:
        """Defaults to the user's name, as in PostgreSQL."""
        return self.get("database") or self.user

    @property
    def replication(self) -> bool:
        """True for physical and logical replication connections."""
        return self.get("replication").lower() not in ("", "false", "off", "no", "0")

    def with_database(self, database: str) -> StartupMessage:
        """The same, for another database."""
        kept = tuple((k, v) for k, v in self.parameters if k != "database")
        return replace(self, parameters=(*kept, ("database", database)))

    def encode(self) -> bytes:
        body = struct.pack("!i", self.version)
        for key, value in self.parameters:
            body += key.encode("utf-8", "surrogateescape") + b"\0" + value.encode("utf-8", "surrogateescape") + b"\0"
        body += b"\0"
        return struct.pack("!i", len(body) + 4) + body


@dataclass(frozen=True, slots=True)
class SSLRequest:
    """The client asks for TLS."""


@dataclass(frozen=True, slots=True)
class GSSENCRequest:
    """The client asks for GSSAPI encryption."""


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """``raw`` is the whole packet, to be forwarded as it is."""

    raw: bytes


def cancel_request(key: bytes) -> CancelRequest:
    """For the session whose BackendKeyData had this pid and key."""
    return CancelRequest(struct.pack("!ii", 8 + len(key), CANCEL_REQUEST) + key)


First = StartupMessage | SSLRequest | GSSENCRequest | CancelRequest


def unsupported(code: int) -> ProtocolViolation:
    """A first packet of this code has no place here."""
    spoken = f"{code >> 16}.{code & 0xFFFF}"
    return ProtocolViolation("client", f"unsupported frontend protocol {spoken}: server supports 3.0 to 3.2", "0A000")


def read_startup(data: bytes) -> tuple[First, int] | None:
    """The first packet in ``data`` and where it ends; None while it is not whole. Raises ProtocolViolation."""
    if len(data) < 4:
        return None
    (length,) = struct.unpack_from("!i", data)
    if length < 8 or length > MAX_STARTUP_LENGTH:
        raise ProtocolViolation("client", "invalid length of startup packet")
    if len(data) < length:
        return None
    (code,) = struct.unpack_from("!i", data, 4)
    if code == SSL_REQUEST:
        return SSLRequest(), length
    if code == GSSENC_REQUEST:
        return GSSENCRequest(), length
    if code == CANCEL_REQUEST:
        return CancelRequest(data[:length]), length
    if code >> 16 != 3:
        raise unsupported(code)
    words = data[8:length].split(b"\0")
    # name, value, ..., an empty name, and what split leaves behind the last NUL
    if len(words) < 2 or words[-1] != b"" or words[-2] != b"" or len(words) % 2 != 0:
        raise ProtocolViolation("client", "invalid startup packet layout: expected terminator as last byte")
    texts = [w.decode("utf-8", "surrogateescape") for w in words[:-2]]
    return StartupMessage(code, tuple(zip(texts[::2], texts[1::2], strict=True))), length
