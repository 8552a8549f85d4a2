"""Connections to the server for clients: a session's own, and the short one of a CancelRequest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pgguard.errors import UpstreamUnavailable
from pgguard.wire.startup import CancelRequest

SECONDS = 10.0
# Above so many bytes that the peer does not take, nobody writes to it any more.
HIGH_WATER = 262_144


async def connect(upstream: tuple[str, int], protocol: Callable[[], asyncio.Protocol]) -> asyncio.Transport:
    """A transport to ``upstream``: (host or folder of a unix socket, port). Raises UpstreamUnavailable."""
    host, port = upstream
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(SECONDS):
            if host.startswith("/"):
                transport, _ = await loop.create_unix_connection(protocol, f"{host}/.s.PGSQL.{port}")
            else:
                transport, _ = await loop.create_connection(protocol, host, port)
    except (OSError, TimeoutError) as trouble:
        why = str(trouble) or "no answer in time"
        raise UpstreamUnavailable(f"pgguard cannot reach the server at {host}:{port}: {why}") from None
    transport.set_write_buffer_limits(high=HIGH_WATER)
    return transport


async def forward_cancel(upstream: tuple[str, int], request: CancelRequest) -> None:
    """As it is: the key is the server's own. Returns when the server has closed. Raises UpstreamUnavailable."""
    gone = asyncio.Event()

    class Closed(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            gone.set()

    transport = await connect(upstream, Closed)
    transport.write(request.raw)
    try:
        async with asyncio.timeout(SECONDS):
            await gone.wait()
    except TimeoutError:
        raise UpstreamUnavailable("the server does not answer a cancel request") from None
    finally:
        transport.close()
