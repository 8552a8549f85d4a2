"""Random names, drawn from the system in larger portions: each portion is a system call."""

from __future__ import annotations

import secrets

_random = bytearray()


def fresh() -> bytes:
    """Eight random bytes, as hex."""
    if not _random:
        _random.extend(secrets.token_bytes(4096))
    eight = bytes(_random[-8:])
    del _random[-8:]
    return eight.hex().encode()
