"""Where a message ends: the one walk over typed messages, used for both directions (compiled by mypyc when installed).

A typed message is one byte of type, an int32 length that counts itself, and the body.
bench/ measures this loop; it is the only per-message work on streamed rows.
"""

from __future__ import annotations

from typing import Final

from pgguard.errors import ProtocolViolation

HEADER: Final = 5

# The longest message that either side may announce (PostgreSQL's own limit is 1 GB).
MAX_LENGTH: Final = 0x3FFFFFFF


def table(types: bytes) -> bytes:
    """A look-up table of 256 flags for ``walk``: 1 for each message type in ``types``."""
    flags = bytearray(256)
    for code in types:
        flags[code] = 1
    return bytes(flags)


EVERY: Final = bytes([1]) * 256


def frame_end(data: bytes, pos: int, side: str) -> int:
    """Where the message that begins at ``pos`` ends; it may lie beyond ``data``. -1: its header is not whole yet."""
    if len(data) - pos < HEADER:
        return -1
    length = (data[pos + 1] << 24) | (data[pos + 2] << 16) | (data[pos + 3] << 8) | data[pos + 4]
    if length < 4 or length > MAX_LENGTH:
        raise ProtocolViolation(side, f"message of type 0x{data[pos]:02x} announces length {length}")
    return pos + 1 + length


def frames(data: bytes, side: str = "client") -> list[bytes]:
    """``data``, which holds whole messages only, as one slice for each."""
    found: list[bytes] = []
    pos = 0
    while pos < len(data):
        end = frame_end(data, pos, side)
        found.append(data[pos:end])
        pos = end
    return found


def walk(data: bytes, pos: int, stop_at: bytes, side: str) -> int:
    """Skip whole messages from ``pos`` on whose type is not flagged in ``stop_at`` (see ``table``).

    Returns the start of the first flagged message, or of the first that is not whole, or ``len(data)``.
    """
    size = len(data)
    while size - pos >= 5:
        if stop_at[data[pos]]:
            return pos
        length = (data[pos + 1] << 24) | (data[pos + 2] << 16) | (data[pos + 3] << 8) | data[pos + 4]
        if length < 4 or length > 0x3FFFFFFF:
            raise ProtocolViolation(side, f"message of type 0x{data[pos]:02x} announces length {length}")
        end = pos + 1 + length
        if end > size:
            return pos
        pos = end
    return pos
