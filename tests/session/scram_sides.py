"""The two sides of SCRAM-SHA-256 as RFC 5802 and auth-scram.c have them, for what stands between them."""

from __future__ import annotations

import base64
import hashlib
import hmac

from pgguard.session.proving import Leg
from pgguard.wire import authentication as a
from pgguard.wire import scram

SALT = base64.b64encode(b"0123456789abcdef")
OURS, THEIRS = Leg(True, b"hash of pgguard's"), Leg(True, b"hash of the server's")
PLUS_HEADER = b"p=tls-server-end-point,,"


def keys(password: bytes, iterations: int = 4096) -> tuple[bytes, scram.Verifier]:
    salted = hashlib.pbkdf2_hmac("sha256", password, base64.b64decode(SALT), iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored, server = hashlib.sha256(client_key).digest(), hmac.digest(salted, b"Server Key", "sha256")
    return client_key, scram.Verifier(SALT, iterations, stored, server)


def xor(one: bytes, other: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(one, other, strict=True))


class Client:
    """Knows a password, and what certificate it saw."""

    def __init__(self, password: bytes, header: bytes = PLUS_HEADER, binding: bytes = OURS.binding) -> None:
        self.key, self.verifier = keys(password)
        self.first = header + b"n=,r=client"
        self._binding = header + binding
        self._auth = b""

    def final(self, challenge: bytes, *, nonce: bytes = b"") -> bytes:
        data = a.content(challenge)
        nonce = nonce or scram.server_first(data).nonce
        without = b"c=" + base64.b64encode(self._binding) + b",r=" + nonce
        self._auth = b"n=,r=client," + data + b"," + without
        proof = xor(self.key, scram.signature(self.verifier.stored_key, self._auth))
        return a.encode_sasl_response(without + b",p=" + base64.b64encode(proof))

    def accepts(self, message: bytes) -> bool:
        return a.content(message) == b"v=" + base64.b64encode(scram.signature(self.verifier.server_key, self._auth))


class Server:
    """PostgreSQL's side, as auth-scram.c has it."""

    def __init__(self, password: bytes = b"secret", leg: Leg = THEIRS) -> None:
        self.verifier = keys(password)[1]
        self.leg = leg
        self._first: scram.ClientFirst | None = None
        self._challenge = b""
        self._auth = b""

    def challenge(self, message: bytes) -> bytes:
        mechanism, data = a.sasl_initial_response(message)
        self._first = scram.client_first(data)
        assert (self._first.flag == scram.END_POINT) == (mechanism == scram.PLUS)
        self._challenge = b"r=" + self._first.nonce + b"server,s=" + SALT + b",i=4096"
        return a.encode(a.SASL_CONTINUE, self._challenge)

    def accepts(self, message: bytes) -> bool:
        assert self._first is not None
        final = scram.client_final(a.sasl_response(message))
        bound = self.leg.binding if self._first.flag == scram.END_POINT else b""
        assert final.binding == self._first.header + bound
        assert final.nonce == self._first.nonce + b"server"
        self._auth = self._first.bare + b"," + self._challenge + b"," + final.without_proof
        key = scram.unmask(final.proof, self.verifier.stored_key, self._auth)
        return hashlib.sha256(key).digest() == self.verifier.stored_key

    def final(self) -> bytes:
        signed = scram.signature(self.verifier.server_key, self._auth)
        return a.encode(a.SASL_FINAL, b"v=" + base64.b64encode(signed))
