"""A blocking connection that speaks the protocol message by message, for tests of what drivers never do."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import socket
import struct
from collections.abc import Mapping

from live import frontend
from live.backend import Message, Transcript
from live.endpoint import Endpoint, password_of
from live.waiting import PATIENCE

TIMEOUT = PATIENCE


class SignInRefused(Exception):
    """The server answered the sign-in with an ErrorResponse; ``fields`` are its fields."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.fields.get("M", ""))
        self.fields = message.fields


class Raw:
    """One connection. Nothing is sent or read but what the test says."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), timeout=TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.parameters: dict[str, str] = {}
        self.pid = 0
        self.key = b""
        self.challenge = 0  # the last authentication request: 0 none, 3 password, 5 md5, 10 SASL
        self._buffer = b""

    @classmethod
    def connect(
        cls, endpoint: Endpoint, user: str, dbname: str, *, password: str | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> Raw:  # fmt: skip
        """Connect and sign in, up to the first ReadyForQuery. Raises SignInRefused."""
        raw = cls(endpoint.host, endpoint.port)
        try:
            raw.sign_in(user, dbname, password_of(user) if password is None else password, parameters or {})
        except BaseException:
            raw.close()
            raise
        return raw

    def sign_in(self, user: str, dbname: str, password: str, parameters: Mapping[str, str]) -> list[Message]:
        """StartupMessage, whatever is asked for, and what the server said after AuthenticationOk."""
        self.send(frontend.startup_message({"user": user, "database": dbname, **parameters}))
        scram = Scram(password)
        while True:
            message = self.read()
            if message.kind == "E":
                raise SignInRefused(message)
            if message.kind != "R":
                raise AssertionError(f"{message.name} during sign-in")
            request = struct.unpack_from("!i", message.body)[0]
            rest = message.body[4:]
            if request == 0:
                break
            self.challenge = {11: 10, 12: 10}.get(request, request)
            if request == 3:
                self.send(frontend.message("p", password.encode() + b"\0"))
            elif request == 5:
                inner = hashlib.md5((password + user).encode()).hexdigest()
                answer = hashlib.md5(inner.encode() + rest).hexdigest()
                self.send(frontend.message("p", b"md5" + answer.encode() + b"\0"))
            elif request == 10:
                assert b"SCRAM-SHA-256\0" in rest
                first = scram.first()
                self.send(frontend.message("p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first))
            elif request == 11:
                self.send(frontend.message("p", scram.final(rest)))
            elif request == 12:
                scram.verify(rest)
            else:
                raise AssertionError(f"authentication request {request} is unknown here")
        messages = [self.read()]
        while messages[-1].kind not in "EZ":
            messages.append(self.read())
        if messages[-1].kind == "E":  # a database that does not exist is only found after the sign-in
            raise SignInRefused(messages[-1])
        return messages

    def send(self, *messages: bytes) -> None:
        """Send the bytes in one write."""
        self.socket.sendall(b"".join(messages))

    def read(self) -> Message:
        """The next message. Raises EOFError at the end of the connection, TimeoutError after TIMEOUT."""
        while len(self._buffer) < 5 or len(self._buffer) < 1 + struct.unpack_from("!i", self._buffer, 1)[0]:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError("the server closed the connection")
            self._buffer += data
        length = 1 + struct.unpack_from("!i", self._buffer, 1)[0]
        message = Message(chr(self._buffer[0]), self._buffer[5:length])
        self._buffer = self._buffer[length:]
        if message.kind == "S":
            name, value = message.body.split(b"\0")[:2]
            self.parameters[name.decode()] = value.decode()
        elif message.kind == "K":
            self.pid, self.key = struct.unpack_from("!i", message.body)[0], message.body[4:]
        return message

    def take(self, count: int) -> list[Message]:
        """The next ``count`` messages."""
        return [self.read() for _ in range(count)]

    def until(self, kind: str) -> list[Message]:
        """Messages up to and including the first of ``kind``, or ReadyForQuery when that never comes."""
        messages = [self.read()]
        while messages[-1].kind not in (kind, "Z"):
            messages.append(self.read())
        return messages

    def until_ready(self) -> list[Message]:
        return self.until("Z")

    def ask(self, *messages: bytes) -> list[Message]:
        """Send, and read up to ReadyForQuery."""
        self.send(*messages)
        return self.until_ready()

    def query(self, text: frontend.Text) -> list[Message]:
        """A simple Query, and everything up to ReadyForQuery."""
        return self.ask(frontend.query(text))

    def transcript(self, messages: list[Message], oids: dict[int, str] | None = None) -> list[str]:
        """The messages as comparable lines; pass the same ``oids`` to keep numbering over several calls."""
        return Transcript(own_pid=self.pid, oids={} if oids is None else oids).lines(messages)

    def is_quiet(self, seconds: float = 0.3) -> bool:
        """Nothing arrives within ``seconds``."""
        if self._buffer:
            return False
        self.socket.settimeout(seconds)
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(TIMEOUT)
        self._buffer += data
        return False

    def is_closed(self) -> bool:
        """The server closes the connection within TIMEOUT, whatever it still says before."""
        try:
            while True:
                self.read()
        except (EOFError, ConnectionError):
            return True
        except TimeoutError:
            return False

    def vanish(self) -> None:
        """Go away with a reset, as a client that was killed or lost its network does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def cancel(endpoint: Endpoint, pid: int, key: bytes) -> None:
    """Send a CancelRequest on a connection of its own, and wait until the server closes it."""
    with Raw(endpoint.host, endpoint.port) as raw:
        raw.send(frontend.cancel_request(pid, key))
        assert raw.is_closed()


class Scram:
    """The client's side of SCRAM-SHA-256 without channel binding (RFC 5802, RFC 7677)."""

    def __init__(self, password: str) -> None:
        self._password = password.encode()
        self._first_bare = f"n=,r={base64.b64encode(secrets.token_bytes(18)).decode()}"
        self._expected = b""

    def first(self) -> bytes:
        return b"n,," + self._first_bare.encode()

    def final(self, server_first: bytes) -> bytes:
        given = dict(part.split("=", 1) for part in server_first.decode().split(","))
        salted = hashlib.pbkdf2_hmac("sha256", self._password, base64.b64decode(given["s"]), int(given["i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        without_proof = f"c=biws,r={given['r']}"
        signed = f"{self._first_bare},{server_first.decode()},{without_proof}".encode()
        signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        self._expected = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def verify(self, server_final: bytes) -> None:
        assert server_final == b"v=" + base64.b64encode(self._expected), "the server does not know the password"
