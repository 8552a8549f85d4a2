"""SCRAM where it cannot be relayed: the client proves itself to pgguard, pgguard to the server with what it learns.

With TLS on the client's side the exchange is bound to pgguard's certificate, so it cannot be the server's. Two
exchanges run side by side: pgguard plays the server for the client and the client for the server. Salt and iterations
are the server's own answer, also for a role that does not exist, so nothing tells one from the other. Out of the
client's proof and the role's verifier comes the ClientKey (wire/scram), and out of that the proof for the server.

INVARIANT: the server alone decides. A wrong password, or a role of which no verifier is known, gives a ClientKey that
is none, and the server answers it as it answers any wrong password: its own words, its log, its delay.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pgguard.errors import ProtocolViolation
from pgguard.wire import authentication, scram
from pgguard.wire.scram import ClientFinal, ClientFirst, Verifier


@dataclass(frozen=True, slots=True)
class Leg:
    """One side's connection. ``binding`` is the hash of the certificate on it (tls-server-end-point), where it has one:
    pgguard's own towards clients, the server's towards the server."""

    encrypted: bool = False
    binding: bytes = b""


PLAIN: Final = Leg()
Fields = dict[str, str]

_MISMATCH = {"C": "28000", "M": "SCRAM channel binding check failed"}
_NOT_THE_SERVER = {"C": "28000", "M": "the server did not prove that it knows the password"}


class Proving:
    """One exchange, in the order of its methods. ``verifier`` may come at any time before ``answer``."""

    def __init__(self, first: ClientFirst, client: Leg, server: Leg, offered: Sequence[bytes],
                 fresh: Callable[[], bytes]) -> None:  # fmt: skip
        self._first = first
        self._client = client
        bound = scram.PLUS in offered and bool(server.binding)
        self._mechanism = scram.PLUS if bound else scram.MECHANISM
        self._header = scram.END_POINT + b",," if bound else b"n,,"
        self._binding = server.binding if bound else b""
        self._own_first = b"n=,r=" + b"".join(fresh() for _ in range(3))
        self._nonce = first.nonce + b"".join(fresh() for _ in range(3))
        self._unknown = b"".join(fresh() for _ in range(4))[: scram.KEY]  # in place of the keys of nobody
        self._to_client = b""  # the AuthMessage of the client's exchange, so far
        self._to_server = b""
        self._final: ClientFinal | None = None
        self._server_key = b""
        self._salt = b""

    def begin(self) -> bytes:
        """pgguard's SASLInitialResponse."""
        return authentication.encode_sasl_initial_response(self._mechanism, self._header + self._own_first)

    def challenge(self, message: bytes) -> bytes:
        """The server's AuthenticationSASLContinue, made into the client's."""
        data = authentication.content(message)
        theirs = scram.server_first(data)
        if self._salt or not theirs.nonce.startswith(self._own_first[5:]):
            raise ProtocolViolation("server", "malformed SCRAM message")
        self._salt = theirs.salt
        binding = base64.b64encode(self._header + self._binding)
        self._to_server = self._own_first + b"," + data + b",c=" + binding + b",r=" + theirs.nonce
        ours = b"r=" + self._nonce + b",s=" + theirs.salt + b",i=" + theirs.iterations
        self._to_client = self._first.bare + b"," + ours
        return authentication.encode(authentication.SASL_CONTINUE, ours)

    def proof(self, message: bytes) -> Fields | None:
        """The client's SASLResponse; why it is refused, or None: then ``answer`` is next."""
        if not self._salt or self._final is not None:
            raise ProtocolViolation("client", "malformed SCRAM message")
        final = scram.client_final(authentication.sasl_response(message))
        bound = self._client.binding if self._first.flag.startswith(b"p") else b""
        if not hmac.compare_digest(final.binding, self._first.header + bound):
            return _MISMATCH
        if not hmac.compare_digest(final.nonce, self._nonce):
            raise ProtocolViolation("client", "invalid SCRAM response")
        self._final = final
        self._to_client += b"," + final.without_proof
        return None

    @property
    def proved(self) -> bool:
        """The client has given its proof: the verifier is needed now."""
        return self._final is not None

    def answer(self, verifier: Verifier | None) -> bytes:
        """pgguard's SASLResponse. None: nobody has a verifier of this role."""
        assert self._final is not None
        stored = verifier.stored_key if verifier else self._unknown
        self._server_key = verifier.server_key if verifier else self._unknown
        client_key = scram.unmask(self._final.proof, stored, self._to_client)
        proof = scram.unmask(client_key, stored, self._to_server)
        without_proof = self._to_server[self._to_server.rindex(b",c=") + 1 :]
        return authentication.encode_sasl_response(without_proof + b",p=" + base64.b64encode(proof))

    def is_stale(self, verifier: Verifier) -> bool:
        """Not what the server has now: the password was changed, and this verifier is of the old one."""
        return bool(self._salt) and verifier.salt != self._salt

    def accepted(self, message: bytes) -> bytes | Fields:
        """The server's AuthenticationSASLFinal, made into the client's; or why the server is not to be believed."""
        ours = b"v=" + base64.b64encode(scram.signature(self._server_key, self._to_server))
        if self._final is None or not hmac.compare_digest(authentication.content(message), ours):
            return _NOT_THE_SERVER
        final = b"v=" + base64.b64encode(scram.signature(self._server_key, self._to_client))
        return authentication.encode(authentication.SASL_FINAL, final)
