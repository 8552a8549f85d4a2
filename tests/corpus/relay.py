"""A relay between psql and the server that can put questions of its own in front of and behind each Query.

One thread for each connection, blocking: the scripts run one after the other.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from live.backend import Message
from live.endpoint import Endpoint
from live.postgres import Postgres

_SSL: Final = 80877103
_GSSENC: Final = 80877104


class Watcher(Protocol):
    """What looks at one connection."""

    def query(self, text: bytes, run: Callable[[], None]) -> None:
        """The client sends this text. ``run`` sends it on and returns when the server has answered."""


class Stream:
    """Whole messages out of a socket."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer waits 40 ms for an ACK
        self.socket = connection
        self._buffer = b""

    def exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            data = self.socket.recv(1 << 16)
            if not data:
                raise EOFError
            self._buffer += data
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def message(self) -> bytes:
        head = self.exactly(5)
        (length,) = struct.unpack_from("!i", head, 1)
        return head + self.exactly(length - 4)


class Connection:
    """One client and its server session. ``status`` and ``parameters`` are what the server last said."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = Stream(client)
        self.server = Stream(server)
        self.status = b"I"
        self.failed = False  # the last Query ended with an error
        self.parameters: dict[str, str] = {}

    def sign_in(self) -> None:
        while True:
            (length,) = struct.unpack("!i", head := self.client.exactly(4))
            packet = head + self.client.exactly(length - 4)
            if struct.unpack_from("!i", packet, 4)[0] not in (_SSL, _GSSENC):
                break
            self.client.socket.sendall(b"N")
        self.server.socket.sendall(packet)
        self.answer()

    def serve(self, watcher: Watcher) -> None:
        """Until one side goes away."""
        while True:
            message = self.client.message()
            if message[:1] == b"Q":
                watcher.query(message[5:-1], lambda sent=message: self._run(sent))
                continue
            self.server.socket.sendall(message)
            if message[:1] == b"X":
                return
            if message[:1] in (b"S", b"F"):
                self.answer()

    def _run(self, message: bytes) -> None:
        self.server.socket.sendall(message)
        self.answer()

    def answer(self) -> None:
        """Pass everything on up to ReadyForQuery, copy data of the client's included."""
        self.failed = False
        while True:
            message = self.server.message()
            self._follow(message)
            self.client.socket.sendall(message)
            if message[:1] == b"Z":
                return
            if message[:1] == b"G":  # CopyInResponse
                while (data := self.client.message())[:1] == b"d":
                    self.server.socket.sendall(data)
                self.server.socket.sendall(data)

    def ask(self, sql: str) -> list[list[bytes | None]] | None:
        """The rows of a Query of ours, of which the client hears nothing; None when it failed."""
        self.server.socket.sendall(b"Q" + struct.pack("!i", len(sql.encode()) + 5) + sql.encode() + b"\0")
        rows: list[list[bytes | None]] | None = []
        while (message := self.server.message())[:1] != b"Z":
            if message[:1] == b"D" and rows is not None:
                rows.append(Message("D", message[5:]).row)
            elif message[:1] == b"E":
                rows = None
        self._follow(message)
        return rows

    def _follow(self, message: bytes) -> None:
        if message[:1] == b"Z":
            self.status = message[5:6]
        elif message[:1] == b"E":
            self.failed = True
        elif message[:1] == b"S":
            name, value = message[5:].split(b"\0")[:2]
            self.parameters[name.decode()] = value.decode("utf-8", "replace")


class Relay(Endpoint):
    """Listens on a port of its own. ``watch`` makes the watcher of each connection."""

    def __init__(self, server: Postgres, watch: Callable[[Connection], Watcher]) -> None:
        self.bindir = server.bindir
        self._server = server
        self._watch = watch
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.faults: list[BaseException] = []
        self._serving: list[threading.Thread] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        """Returns when nothing is looked at any more: the clients, which must have gone, do not wait for that."""
        self._listener.close()
        for thread in self._serving:
            thread.join(60)

    def _listen(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                self._serving.append(threading.Thread(target=self._serve, args=(client,), daemon=True))
                self._serving[-1].start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection((self._server.host, self._server.port)) as server:
            connection = Connection(client, server)
            try:
                connection.sign_in()
                connection.serve(self._watch(connection))
            except (EOFError, ConnectionError):
                pass
            except BaseException as fault:
                self.faults.append(fault)
                raise
