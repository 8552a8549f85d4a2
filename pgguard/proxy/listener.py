"""Accepts clients, and stops in order: no new ones, what is under way may finish, then the rest is told."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import structlog

from pgguard.errors import ConfigError
from pgguard.proxy.door import Door
from pgguard.proxy.network import Address, shown
from pgguard.proxy.services import Services

log = structlog.get_logger()


class Listener:
    """The listening sockets."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._servers: list[asyncio.Server] = []
        self._files: list[Path] = []

    async def open(self, host: str, port: int) -> Address:
        """Begin to listen there as well; the address that it got. ``host`` beginning with a slash is a folder for a
        unix socket."""
        loop = asyncio.get_running_loop()
        try:
            if host.startswith("/"):
                await self.take(unix_socket((host, port)))
                self._files.append(path_of((host, port)))
                return host, port
            server = await loop.create_server(
                lambda: Door(self._services), host, port, backlog=1024, reuse_address=True
            )
        except (OSError, OverflowError) as trouble:
            raise ConfigError(f"cannot listen on {shown((host, port))}: {trouble}") from None
        self._servers.append(server)
        name = server.sockets[0].getsockname()
        return str(name[0]), int(name[1])

    async def take(self, bound: socket.socket) -> None:
        """Begin to listen on a socket that is bound already."""
        loop = asyncio.get_running_loop()
        if bound.family == socket.AF_UNIX:
            server = await loop.create_unix_server(lambda: Door(self._services, local=True), sock=bound, backlog=1024)
        else:
            server = await loop.create_server(lambda: Door(self._services), sock=bound, backlog=1024)
        self._servers.append(server)

    async def stop(self, seconds: float) -> None:
        """Refuse new clients, wait for what is in flight, then end every connection."""
        self._services.stopping = True
        for server in self._servers:
            server.close()
        for path in self._files:
            path.unlink(missing_ok=True)
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        for door in tuple(self._services.doors):
            door.shut_down()
        for client in tuple(self._services.clients):
            if client.idle:
                client.shut_down()
        while self._services.clients and loop.time() < until:
            await asyncio.sleep(0.02)
            for client in tuple(self._services.clients):
                if client.idle:
                    client.shut_down()
        if self._services.clients:
            log.warning("connections were ended in the middle", count=len(self._services.clients))
            for client in tuple(self._services.clients):
                client.shut_down()
        await asyncio.sleep(0)


def path_of(place: Address) -> Path:
    """The file of a unix socket, named as PostgreSQL names its own."""
    return Path(place[0], f".s.PGSQL.{place[1]}")


def unix_socket(place: Address) -> socket.socket:
    """Bound. What a process that is gone has left there goes; the socket of one that lives is not touched."""
    path = path_of(place)
    own = socket.socket(socket.AF_UNIX)
    try:
        if path.is_socket():
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(str(path)) == 0:
                    raise OSError("another process listens there")
            path.unlink()
        own.bind(str(path))
        path.chmod(0o777)  # as PostgreSQL's own: who may enter the folder may connect
    except BaseException:
        own.close()
        raise
    return own
