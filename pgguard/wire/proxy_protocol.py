"""The PROXY protocol, versions 1 and 2: what a balancer says in front of a connection about the client behind it."""

from __future__ import annotations

import ipaddress
import struct
from typing import Final

from pgguard.errors import ProtocolViolation

_SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
_LONGEST_TEXT: Final = 107
# Addresses and TLVs of a version 2 header: balancers send a few hundred bytes at most.
_LONGEST_BINARY: Final = 4096


def read_proxy_header(data: bytes) -> tuple[str, int] | None:
    """The client's address ("" when the balancer speaks for itself, or does not know) and where the header ends; None
    while it is not whole. Raises ProtocolViolation."""
    if data.startswith(_SIGNATURE[: len(data)]):
        return _binary(data)
    if data.startswith(b"PROXY "[: len(data)]):
        return _text(data)
    raise ProtocolViolation("client", "a PROXY protocol header is missing")


def _text(data: bytes) -> tuple[str, int] | None:
    end = data.find(b"\r\n", 0, _LONGEST_TEXT)
    if end < 0:
        if len(data) >= _LONGEST_TEXT:
            raise ProtocolViolation("client", "PROXY protocol header: too long")
        return None
    words = data[:end].split(b" ")
    if words[1] == b"UNKNOWN":
        return "", end + 2
    if len(words) != 6 or words[1] not in (b"TCP4", b"TCP6"):
        raise ProtocolViolation("client", "PROXY protocol header: wrong layout")
    try:
        address = ipaddress.ip_address(words[2].decode("ascii", "replace"))
    except ValueError:
        raise ProtocolViolation("client", "PROXY protocol header: wrong address") from None
    if (address.version == 4) != (words[1] == b"TCP4"):
        raise ProtocolViolation("client", "PROXY protocol header: wrong address")
    return str(address), end + 2


def _binary(data: bytes) -> tuple[str, int] | None:
    if len(data) < 16:
        return None
    kind, family, length = struct.unpack_from("!BBH", data, 12)
    if kind >> 4 != 2 or kind & 15 > 1 or length > _LONGEST_BINARY:
        raise ProtocolViolation("client", "PROXY protocol header: wrong version, command or length")
    end = 16 + length
    if len(data) < end:
        return None
    if kind & 15 == 0:  # LOCAL: the balancer itself, a health check
        return "", end
    size = {1: 4, 2: 16}.get(family >> 4)
    if size is None:  # unix sockets, and what is not specified
        return "", end
    if length < 2 * size + 4:
        raise ProtocolViolation("client", "PROXY protocol header: wrong length")
    return str(ipaddress.ip_address(data[16 : 16 + size])), end
