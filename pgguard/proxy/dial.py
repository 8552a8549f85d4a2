"""Connections to the server for clients: a session's own, and the short one of a CancelRequest."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from pgguard.errors import UpstreamUnavailable
from pgguard.proxy.network import Address, Network, shown
from pgguard.proxy.tls import HANDSHAKE_SECONDS, SHUTDOWN_SECONDS, TlsToServer, server_leg
from pgguard.session.proving import Leg
from pgguard.wire.startup import SSL_REQUEST_PACKET, CancelRequest

if TYPE_CHECKING:
    from pgguard.proxy.services import Services

# Above so many bytes that the peer does not take, nobody writes to it any more.
HIGH_WATER = 262_144


async def connect(services: Services, protocol: Callable[[], asyncio.Protocol]) -> tuple[asyncio.Transport, Leg]:
    """A transport to the server, encrypted where the configuration says so. Raises UpstreamUnavailable."""
    network = services.network
    transport = await services.upstreams.connect(lambda address: _connect(address, protocol, network))
    transport.set_write_buffer_limits(high=HIGH_WATER)
    return transport, server_leg(transport)


async def check(services: Services) -> None:
    """That the server can be reached as configured, TLS included. Raises UpstreamUnavailable."""
    transport, _ = await connect(services, asyncio.Protocol)
    transport.close()


async def _connect(address: Address, protocol: Callable[[], asyncio.Protocol], network: Network) -> asyncio.Transport:
    host, port = address
    loop = asyncio.get_running_loop()
    tls = network.tls_to_server
    try:
        async with asyncio.timeout(network.connect_seconds):
            if host.startswith("/"):  # TLS has no place there
                local, _ = await loop.create_unix_connection(protocol, f"{host}/.s.PGSQL.{port}")
                return local
            plain, first = await loop.create_connection(protocol if tls is None else _Answer, host, port)
            network.keep_alive(plain)
            if tls is None:
                return plain
            return await _encrypt(plain, cast(_Answer, first), protocol(), tls, host)
    except (OSError, TimeoutError) as trouble:
        why = str(trouble) or "no answer in time"
        raise UpstreamUnavailable(f"pgguard cannot reach the server at {shown(address)}: {why}") from None


class _Answer(asyncio.Protocol):
    """Waits for the one byte that answers an SSLRequest."""

    def __init__(self) -> None:
        self.said: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if not self.said.done() and self._transport is not None:
            self._transport.pause_reading()  # what comes next is for TLS
            self.said.set_result(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.said.done():
            self.said.set_exception(ConnectionError("the server closed the connection instead of beginning TLS"))


async def _encrypt(
    plain: asyncio.Transport, answer: _Answer, protocol: asyncio.Protocol, tls: TlsToServer, host: str
) -> asyncio.Transport:
    try:
        plain.write(SSL_REQUEST_PACKET)
        said = await answer.said
        # More than one byte would be something that somebody put in front of TLS.
        if said != b"S":
            raise ConnectionError("the server does not support TLS" if said == b"N" else "no answer to an SSLRequest")
        encrypted = await asyncio.get_running_loop().start_tls(
            plain, protocol, tls.context, server_hostname=host,
            ssl_handshake_timeout=HANDSHAKE_SECONDS, ssl_shutdown_timeout=SHUTDOWN_SECONDS,
        )  # fmt: skip
        if encrypted is None:
            raise ConnectionError("the server closed the connection during TLS")
    except ssl.SSLCertVerificationError as trouble:
        plain.abort()
        raise ConnectionError(f"its certificate is not accepted: {trouble.verify_message}") from None
    except BaseException:
        plain.abort()
        raise
    protocol.connection_made(encrypted)
    return encrypted


async def forward_cancel(services: Services, request: CancelRequest) -> None:
    """As it is: the key is the server's own. Of several servers each gets it, and only one has such a session. Returns
    when they have closed. Raises UpstreamUnavailable when it reached none."""
    sent = [_cancel(address, services.network, request) for address in services.upstreams.addresses]
    failed = [one for one in await asyncio.gather(*sent, return_exceptions=True) if one is not None]
    if len(failed) == len(sent):
        raise failed[0]


async def _cancel(address: Address, network: Network, request: CancelRequest) -> None:
    gone = asyncio.Event()

    class Closed(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            gone.set()

    transport = await _connect(address, Closed, network)
    transport.write(request.raw)
    try:
        async with asyncio.timeout(network.connect_seconds):
            await gone.wait()
    except TimeoutError:
        raise UpstreamUnavailable("the server does not answer a cancel request") from None
    finally:
        transport.close()
