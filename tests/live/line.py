"""A TCP line to a server, which can be led to another server, cut, or fall silent as a lost network does."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

from live.endpoint import Endpoint


class Line(Endpoint):
    """Listens on a port of its own and passes bytes both ways, a thread for each way."""

    def __init__(self, to: Endpoint) -> None:
        self.to = to
        self.bindir = to.bindir
        self._listening = socket.create_server((self.host, 0), backlog=64)
        self.port = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        self._up = threading.Event()
        self._up.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def lead_to(self, other: Endpoint) -> None:
        """New connections arrive there."""
        self.to = other

    def fall_silent(self) -> None:
        """Nothing arrives any more, in either direction, and nobody is told."""
        self._up.clear()

    def come_back(self) -> None:
        self._up.set()

    def cut(self) -> None:
        """Every connection ends with a reset."""
        ends, self._open = self._open, []
        for end in ends:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RD)  # wakes the thread that reads there
            end.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._up.set()
        self.cut()

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                near, _ = self._listening.accept()
                try:
                    far = socket.create_connection((self.to.host, self.to.port), timeout=60)
                except OSError:
                    near.close()
                    continue
                far.settimeout(None)
                self._open += [near, far]
                for one, other in ((near, far), (far, near)):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):  # cut
            while data := one.recv(65536):
                self._up.wait()
                other.sendall(data)
            self._up.wait()
            other.shutdown(socket.SHUT_WR)
