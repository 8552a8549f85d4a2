"""Accepts clients, and stops in order: no new ones, what is under way may finish, then the rest is told."""

from __future__ import annotations

import asyncio

import structlog

from pgguard.errors import ConfigError
from pgguard.proxy.client import ClientSide
from pgguard.proxy.services import Services

log = structlog.get_logger()


class Listener:
    """One listening socket."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> tuple[str, int]:
        """Begin to listen; the address that it got. ``host`` beginning with a slash is a folder for a unix socket."""
        loop = asyncio.get_running_loop()
        try:
            if host.startswith("/"):
                path = f"{host}/.s.PGSQL.{port}"
                self._server = await loop.create_unix_server(lambda: ClientSide(self._services), path)
                return host, port
            self._server = await loop.create_server(
                lambda: ClientSide(self._services), host, port, backlog=1024, reuse_address=True
            )
        except (OSError, OverflowError) as trouble:
            raise ConfigError(f"cannot listen on {host}:{port}: {trouble}") from None
        name = self._server.sockets[0].getsockname()
        return str(name[0]), int(name[1])

    async def stop(self, seconds: float) -> None:
        """Refuse new clients, wait for what is in flight, then end every connection."""
        self._services.stopping = True
        if self._server is not None:
            self._server.close()
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
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
