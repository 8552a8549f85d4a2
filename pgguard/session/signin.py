"""The sign-in, relayed: the server asks, the client answers, pgguard listens. Ends before the first ReadyForQuery.

A sign-in counts only if the server asked for something (password, md5, SASL): it sees pgguard's address, and under a
``trust`` line for that address everybody would be anybody.

SCRAM can be relayed unless TLS comes between. A client on TLS says which certificate it sees (SCRAM-SHA-256-PLUS), or
that the server seems to have none (the flag "y"), which a server on TLS takes for a downgrade. Then the client proves
itself to pgguard (``proving``), if the role's verifier can be had. One that claims nothing (the flag "n") is relayed.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from pgguard.errors import ProtocolViolation
from pgguard.evidence.session_facts import SESSION_SQL, SessionFacts, parse_session
from pgguard.session.proving import PLAIN, Leg, Proving
from pgguard.wire import authentication, frontend, scram
from pgguard.wire.backend import data_row, encode_error, error_fields, parameter_status
from pgguard.wire.framing import frame_end
from pgguard.wire.scram import Verifier
from pgguard.wire.startup import StartupMessage

_CHALLENGES = (authentication.CLEARTEXT_PASSWORD, authentication.MD5_PASSWORD, authentication.SASL)
_NOT_PROVED = {
    "C": "28000",
    "M": "the server did not ask for a password: through pgguard everybody would be anybody",
    "H": "Give the line of pg_hba.conf that speaks of pgguard's address an authentication method (scram-sha-256), "
    "or start pgguard with --allow-trust.",
}
_NO_VERIFIERS = {
    "C": "28000",
    "M": "SCRAM cannot be passed on with TLS on both sides, and pgguard has no SCRAM verifiers",
    "H": "Let pgguard read them: see auth-query and auth-file of pgguard serve. "
    "Or connect with channel_binding=disable, then the sign-in is passed on.",
}
_DOWNGRADE = {
    "C": "28000",
    "M": "SCRAM channel binding negotiation error",
    "D": "The client supports SCRAM channel binding but thinks the server does not.  "
    "However, this server does support channel binding.",
}


class Stage(Enum):
    AUTHENTICATING = 1
    SIGNED_IN = 2  # AuthenticationOk was passed on
    ASKING = 3  # our question about the session is under way
    DONE = 4
    FAILED = 5


# Answers to challenges, and what an impatient client sends behind them. Before the server is reached nobody reads it.
MOST_EARLY = 1024 * 1024


class SignIn:
    """Same shape as a Session: bytes in, ``to_client`` and ``to_server`` out. ``facts`` is there when it is DONE.

    ``client`` and ``server`` are the two connections; the server's is set once there is one. ``verifiers``: the skin
    can look them up; when ``wants_verifier`` is set it does, and says ``verifier_is`` or ``no_verifier``.
    ``certified``: the client has a certificate for this user. ``console``: there will be no session behind it,
    so nothing is told of the server; which server has vouched for the client is asked all the same."""

    def __init__(
        self, startup: StartupMessage, *, allow_trust: bool, fresh: Callable[[], bytes], console: bool = False,
        client: Leg = PLAIN, verifiers: bool = False, certified: bool = False,
    ) -> None:  # fmt: skip
        self.startup = startup
        self.to_client: list[bytes] = []
        self.to_server: list[bytes] = [startup.encode()]
        self.stage = Stage.AUTHENTICATING
        self.proved = certified
        self.parameters: dict[str, str] = {}
        self.facts: SessionFacts | None = None
        self.cancel_key = b""  # pid and key, as BackendKeyData has them
        self.leftover = b""  # what the client sent too early
        self.server = PLAIN
        self.wants_verifier = False
        self.stale_verifier = False  # it is not the one that the server has
        self._client = client
        self._verifiers = verifiers
        self._allow_trust = allow_trust
        self._console = console
        self._fresh = fresh
        self._name = b"pgguard_" + fresh()
        self._early = 0  # bytes that came so far
        self._from_client = b""
        self._from_server = b""
        self._offered: tuple[bytes, ...] = ()  # by the server; while the client's choice is waited for
        self._offers: tuple[bytes, ...] = ()  # what the client was told
        self._proving: Proving | None = None
        self._verifier: Verifier | None = None
        self._knows_verifier = False
        self._rows: list[list[bytes | None]] = []
        self._tries = 20
        self._error = b""

    def client_data(self, data: bytes) -> None:
        """Only answers to the server's challenge pass; what comes too early waits for the session."""
        self._early += len(data)
        if self._early > MOST_EARLY:
            raise ProtocolViolation("client", "too much was sent before the sign-in was over")
        if self.stage is not Stage.AUTHENTICATING:
            self.leftover += data
            return
        data = self._from_client + data
        pos = 0
        while (end := frame_end(data, pos, "client")) > 0:
            if end - pos > 65_536:
                raise ProtocolViolation("client", "an answer to the authentication challenge is too long")
            if end > len(data):
                break
            if data[pos] == 0x58:
                self.stage = Stage.FAILED
                return
            if data[pos] != 0x70:
                raise ProtocolViolation("client", "expected an answer to the authentication challenge")
            self._answer(data[pos:end])
            pos = end
        self._from_client = data[pos:]

    def _answer(self, message: bytes) -> None:
        """The client's answer to a challenge: passed on, or the business of ``proving``."""
        if self._proving is not None:
            refused = self._proving.proof(message)
            if refused is not None:
                self.fail(refused)
            else:
                self._prove()
        elif self._offered:
            self._choose(message)
        else:
            self.to_server.append(message)

    def _choose(self, message: bytes) -> None:
        """The client has chosen its mechanism: the one moment to decide whether the exchange can be relayed."""
        offered, self._offered = self._offered, ()
        mechanism, data = authentication.sasl_initial_response(message)
        if mechanism not in self._offers:
            raise ProtocolViolation("client", "client selected an invalid SASL authentication mechanism")
        if mechanism not in (scram.MECHANISM, scram.PLUS):
            self.to_server.append(message)
            return
        first = scram.client_first(data)
        if (first.flag == scram.END_POINT) != (mechanism == scram.PLUS):
            raise ProtocolViolation("client", "malformed SCRAM message")
        if first.flag == b"n" or (first.flag == b"y" and not self.server.encrypted and scram.PLUS not in self._offers):
            self.to_server.append(message)
        elif first.flag == b"y" and scram.PLUS in self._offers:
            self.fail(_DOWNGRADE)
        elif not self._verifiers:
            self.fail(_NO_VERIFIERS)
        else:
            self._proving = Proving(first, self._client, self.server, offered, self._fresh)
            self.to_server.append(self._proving.begin())
            self.wants_verifier = True

    def verifier_is(self, verifier: Verifier | None) -> None:
        """The role's verifier as pgguard could find it; None: there is none, as there is none of unknown roles."""
        self._verifier, self._knows_verifier = verifier, True
        self._prove()

    def no_verifier(self) -> None:
        """It could not be looked up."""
        self.fail({"C": "PGG06", "M": "pgguard cannot look up SCRAM verifiers now"})

    def _prove(self) -> None:
        proving = self._proving
        if proving is not None and proving.proved and self._knows_verifier and self.stage is Stage.AUTHENTICATING:
            self.stale_verifier = self._verifier is not None and proving.is_stale(self._verifier)
            self.to_server.append(proving.answer(self._verifier))
            self._verifier, self._knows_verifier = None, False

    def server_data(self, data: bytes) -> None:
        data = self._from_server + data
        pos = 0
        while (end := frame_end(data, pos, "server")) > 0 and end <= len(data):
            self._message(data[pos:end])
            pos = end
            if self.stage in (Stage.DONE, Stage.FAILED):
                break
        self._from_server = data[pos:]

    def _message(self, message: bytes) -> None:
        code = message[0]
        if code == 0x52:
            self._authentication(message)
        elif code == 0x5A:
            self._ready()
        elif code == 0x53:
            name, value = parameter_status(message)
            self.parameters[name] = value
            self._tell(message)
        elif code == 0x45 and self.stage is not Stage.ASKING:
            self.to_client.append(message)
            self.stage = Stage.FAILED
        elif self.stage is not Stage.ASKING or code in (0x4E, 0x41):
            self._tell(message)
            if code == 0x4B:
                self.cancel_key = message[5:]
        elif code == 0x44:
            self._rows.append(data_row(message))
        elif code == 0x45:
            self._error = message

    def _tell(self, message: bytes) -> None:
        if not self._console or self.stage is Stage.AUTHENTICATING:
            self.to_client.append(message)

    def _authentication(self, message: bytes) -> None:
        kind = authentication.kind(message)
        if kind in _CHALLENGES:
            self.proved = True
        if kind == authentication.SASL:
            self._offer(message)
        elif self._proving is not None and kind == authentication.SASL_CONTINUE:
            self.to_client.append(self._proving.challenge(message))
        elif self._proving is not None and kind == authentication.SASL_FINAL:
            said = self._proving.accepted(message)
            if isinstance(said, dict):
                self.fail(said)
            else:
                self.to_client.append(said)
        elif kind == authentication.OK:
            self._accepted(message)
        else:
            self.to_client.append(message)

    def _offer(self, message: bytes) -> None:
        """Channel binding is a matter of each connection: offered where the client's own can have it."""
        if not self._client.encrypted and not self.server.encrypted:
            self.to_client.append(message)
            return
        self._offered = authentication.mechanisms(message)
        kept = tuple(name for name in self._offered if name != scram.PLUS)
        binds = self._verifiers and bool(self._client.binding) and scram.MECHANISM in kept
        self._offers = (scram.PLUS, *kept) if binds else kept
        self.to_client.append(authentication.encode_mechanisms(self._offers))

    def _accepted(self, message: bytes) -> None:
        if not self.proved and not self._allow_trust and not self._console:
            self.fail(_NOT_PROVED)
            return
        self.stage = Stage.SIGNED_IN
        self.to_client.append(message)

    def _ready(self) -> None:
        cancelled = self._error and error_fields(self._error).get("C") == "57014"
        if self.stage is Stage.SIGNED_IN or (cancelled and self._tries):
            self.stage = Stage.ASKING
            self._tries -= 1  # statement_timeout, from the client's options, can hit the question: it is asked again
            self._error = b""
            self._rows.clear()
            name = self._name
            self.to_server.append(
                frontend.encode_parse(name, SESSION_SQL.encode()) + frontend.encode_bind(name, name)
                + frontend.encode_execute(name) + frontend.encode_close(b"P", name) + frontend.encode_close(b"S", name)
                + frontend.SYNC
            )  # fmt: skip
        elif self._error:
            why = error_fields(self._error).get("M", "unknown")
            self.fail({"C": "PGG06", "M": f"pgguard could not read the session's settings: {why}"})
        else:
            self.facts = parse_session(self._rows)
            self.stage = Stage.DONE

    def fail(self, fields: dict[str, str]) -> None:
        """FATAL, and the end."""
        self.to_client.append(encode_error(fields, severity="FATAL"))
        self.stage = Stage.FAILED
