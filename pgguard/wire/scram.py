"""SCRAM-SHA-256 as text and arithmetic: its messages, the server's verifiers, proofs (RFC 5802, 7677; 5929 for TLS).

    AuthMessage     = client-first-bare , server-first , client-final-without-proof
    ClientProof     = ClientKey XOR HMAC(StoredKey, AuthMessage)      with StoredKey = SHA256(ClientKey)
    ServerSignature = HMAC(ServerKey, AuthMessage)

Whoever knows StoredKey finds the ClientKey in a proof, and can sign in elsewhere with it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Final

from pgguard.errors import ProtocolViolation

MECHANISM: Final = b"SCRAM-SHA-256"
PLUS: Final = b"SCRAM-SHA-256-PLUS"
END_POINT: Final = b"p=tls-server-end-point"  # the only channel binding that PostgreSQL knows
KEY: Final = 32

_VERIFIER = re.compile(r"SCRAM-SHA-256\$(\d{1,9}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)")
_FIRST = re.compile(rb"(([ny]|p=[^,]*),(a=[^,]*)?,)((m=[^,]*,)?n=[^,]*,r=([!-+\--~]+)(?:,.*)?)")
_FINAL = re.compile(rb"(c=([^,]*),r=([^,]*)(?:,[^,]*)*),p=([^,]*)")
_SERVER_FIRST = re.compile(rb"r=([!-+\--~]+),s=([A-Za-z0-9+/=]+),i=(\d{1,9})(?:,.*)?")


@dataclass(frozen=True, slots=True)
class Verifier:
    """What the server keeps of a password. The keys are as good as secrets, and do not show in logs."""

    salt: bytes  # in base64, as on the wire
    iterations: int
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)


def parse_verifier(text: str) -> Verifier | None:
    """``rolpassword`` as pg_authid has it; None when it is no SCRAM verifier (md5, plain, damaged)."""
    found = _VERIFIER.fullmatch(text)
    if found is None:
        return None
    stored, server = _base64(found[3].encode()), _base64(found[4].encode())
    if stored is None or server is None or len(stored) != KEY or len(server) != KEY:
        return None
    return Verifier(found[2].encode(), int(found[1]), stored, server)


@dataclass(frozen=True, slots=True)
class ClientFirst:
    """``flag``: b"n" (no channel binding), b"y" (could, and thinks that the server cannot), or b"p=" and its type."""

    header: bytes
    flag: bytes
    bare: bytes
    nonce: bytes


def client_first(data: bytes) -> ClientFirst:
    found = _FIRST.fullmatch(data)
    if found is None or found[3] or found[5]:  # an authorization identity, a mandatory extension: as PostgreSQL
        raise ProtocolViolation("client", "malformed SCRAM message")
    return ClientFirst(found[1], found[2], found[4], found[6])


@dataclass(frozen=True, slots=True)
class ClientFinal:
    """``binding`` is the GS2 header and what the client took for the server's certificate."""

    without_proof: bytes
    binding: bytes
    nonce: bytes
    proof: bytes = field(repr=False)


def client_final(data: bytes) -> ClientFinal:
    found = _FINAL.fullmatch(data)
    binding = _base64(found[2]) if found else None
    proof = _base64(found[4]) if found else None
    if found is None or binding is None or proof is None or len(proof) != KEY:
        raise ProtocolViolation("client", "malformed SCRAM message")
    return ClientFinal(found[1], binding, found[3], proof)


@dataclass(frozen=True, slots=True)
class ServerFirst:
    nonce: bytes
    salt: bytes
    iterations: bytes


def server_first(data: bytes) -> ServerFirst:
    found = _SERVER_FIRST.fullmatch(data)
    if found is None:
        raise ProtocolViolation("server", "malformed SCRAM message")
    return ServerFirst(found[1], found[2], found[3])


def signature(key: bytes, auth_message: bytes) -> bytes:
    return hmac.digest(key, auth_message, hashlib.sha256)


def unmask(data: bytes, stored_key: bytes, auth_message: bytes) -> bytes:
    """The ClientKey out of a ClientProof; a ClientProof out of a ClientKey: one is the other's mask."""
    return bytes(a ^ b for a, b in zip(data, signature(stored_key, auth_message), strict=True))


def _base64(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
