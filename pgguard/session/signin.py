"""The sign-in, relayed: the server asks, the client answers, pgguard listens. Ends before the first ReadyForQuery.

A sign-in counts only if the server asked for something (password, md5, SASL): it sees pgguard's address, and under a
``trust`` line for that address everybody would be anybody (FACTS F14).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from pgguard.errors import ProtocolViolation
from pgguard.evidence.session_facts import SESSION_SQL, SessionFacts, parse_session
from pgguard.wire import frontend
from pgguard.wire.backend import data_row, encode_error, error_fields, parameter_status
from pgguard.wire.framing import frame_end
from pgguard.wire.startup import StartupMessage

_CHALLENGES = (3, 5, 10)  # AuthenticationCleartextPassword, AuthenticationMD5Password, AuthenticationSASL
_NOT_PROVED = {
    "C": "28000",
    "M": "the server did not ask for a password: through pgguard everybody would be anybody",
    "H": "Give the line of pg_hba.conf that speaks of pgguard's address an authentication method (scram-sha-256), "
    "or start pgguard with --allow-trust.",
}


class Stage(Enum):
    AUTHENTICATING = 1
    SIGNED_IN = 2  # AuthenticationOk was passed on
    ASKING = 3  # our question about the session is under way
    DONE = 4
    FAILED = 5


class SignIn:
    """Same shape as a Session: bytes in, ``to_client`` and ``to_server`` out. ``facts`` is there when it is DONE.
    ``console``: stop at AuthenticationOk, there will be no session behind it."""

    def __init__(
        self, startup: StartupMessage, *, allow_trust: bool, fresh: Callable[[], bytes], console: bool = False
    ) -> None:
        self.startup = startup
        self.to_client: list[bytes] = []
        self.to_server: list[bytes] = [startup.encode()]
        self.stage = Stage.AUTHENTICATING
        self.proved = False
        self.parameters: dict[str, str] = {}
        self.facts: SessionFacts | None = None
        self.leftover = b""  # what the client sent too early
        self._allow_trust = allow_trust
        self._console = console
        self._name = b"pgguard_" + fresh()
        self._from_client = b""
        self._from_server = b""
        self._rows: list[list[bytes | None]] = []
        self._tries = 20
        self._error = b""

    def client_data(self, data: bytes) -> None:
        """Only answers to the server's challenge pass; what comes too early waits for the session."""
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
            self.to_server.append(data[pos:end])
            pos = end
        self._from_client = data[pos:]

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
            self.to_client.append(message)
        elif self.stage is not Stage.ASKING or code in (0x4E, 0x41):
            self.to_client.append(message)
            if code == 0x45:
                self.stage = Stage.FAILED
        elif code == 0x44:
            self._rows.append(data_row(message))
        elif code == 0x45:
            self._error = message

    def _authentication(self, message: bytes) -> None:
        kind = int.from_bytes(message[5:9], "big")
        if kind in _CHALLENGES:
            self.proved = True
        if kind == 0:
            if not self.proved and not self._allow_trust and not self._console:
                self.fail(_NOT_PROVED)
                return
            self.stage = Stage.SIGNED_IN
        self.to_client.append(message)
        if kind == 0 and self._console:
            self.stage = Stage.DONE

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
