"""The socket to the server, one for each client connection."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast


class Owner(Protocol):
    """Whom the server's bytes are for."""

    def server_data(self, data: bytes) -> None: ...
    def server_lost(self) -> None: ...
    def server_full(self, full: bool) -> None: ...


class ServerSide(asyncio.Protocol):
    """Hands everything to its owner; tells it when the server does not read fast enough."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's own are not derived from it
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._owner.server_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.server_lost()

    def pause_writing(self) -> None:
        self._owner.server_full(True)

    def resume_writing(self) -> None:
        self._owner.server_full(False)
