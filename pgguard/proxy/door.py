"""A client up to its StartupMessage: PROXY header, TLS, cancel requests. Then it is a ``ClientSide``."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, cast

import structlog

from pgguard.errors import ProtocolViolation, UpstreamUnavailable
from pgguard.proxy import dial
from pgguard.proxy.client import ClientSide
from pgguard.proxy.network import Arrival
from pgguard.proxy.tls import ALPN, HANDSHAKE_SECONDS, SHUTDOWN_SECONDS, TlsForClients, common_name
from pgguard.session.proving import PLAIN, Leg
from pgguard.wire.backend import encode_error
from pgguard.wire.proxy_protocol import read_proxy_header
from pgguard.wire.startup import (
    GSSENC_REQUEST,
    SSL_REQUEST,
    CancelRequest,
    GSSENCRequest,
    SSLRequest,
    StartupMessage,
    read_startup,
    unsupported,
)

if TYPE_CHECKING:
    from pgguard.proxy.services import Services

log = structlog.get_logger()

# So many may stand there without a StartupMessage; the one that stands there longest makes room for the next.
MOST_DOORS = 1000
_CLIENT_HELLO = 0x16  # the first byte of TLS; a StartupMessage begins with the high byte of a small length
_TOO_MANY = {"C": "53300", "M": "sorry, too many clients already"}
_TLS_ONLY = {"C": "28000", "M": "pgguard accepts encrypted connections only",
             "H": "Connect with sslmode=require, or better."}  # fmt: skip


class Door(asyncio.Protocol):
    """``local``: it came over a unix socket, where nobody else listens and TLS has no place."""

    def __init__(self, services: Services, *, local: bool = False) -> None:
        self._services = services
        self._local = local
        self._transport: asyncio.Transport | None = None
        self._data = b""
        self._address = "local"
        self._header_due = False  # of the PROXY protocol
        self._asked: set[type] = set()  # which encryptions: each may be asked for once
        self._leg = PLAIN
        self._certified = ""
        self._task: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's own are not derived from it
        self._transport = transport
        doors = self._services.doors
        doors[self] = None
        if len(doors) > MOST_DOORS:
            next(iter(doors))._refuse(_TOO_MANY)  # an honest client is through in milliseconds
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple) and peer:
            self._address = str(peer[0])
            self._header_due = self._services.network.is_balancer(self._address)
            self._services.network.keep_alive(transport)
        if self._services.stopping:
            self._refuse({"C": "57P03", "M": "the database system is shutting down"})
            return
        self._deadline = asyncio.get_running_loop().call_later(self._services.sign_in_seconds, self._close)

    def data_received(self, data: bytes) -> None:
        self._data += data
        try:
            while self._transport is not None and self._data and self._task is None and self._step():
                pass
        except ProtocolViolation as broken:
            self._refuse({"C": broken.code, "M": broken.what})

    def connection_lost(self, exc: Exception | None) -> None:
        self._close()

    def _step(self) -> bool:
        """Take one packet off the data; False while it is not whole."""
        if self._header_due:
            said = read_proxy_header(self._data)
            if said is None:
                return False
            self._address, self._header_due = said[0] or self._address, False
            self._data = self._data[said[1] :]
            return True
        tls = None if self._local else self._services.network.tls_for_clients
        if self._data[0] == _CLIENT_HELLO and tls is not None and not self._asked:
            hello, self._data = self._data, b""
            self._asked.add(SSLRequest)
            self._start(self._encrypt(tls, hello))
            return False
        found = read_startup(self._data)
        if found is None:
            return False
        first, end = found
        self._data = self._data[end:]
        self._first_packet(first, tls)
        return True

    def _first_packet(
        self, first: StartupMessage | SSLRequest | GSSENCRequest | CancelRequest, tls: TlsForClients | None
    ) -> None:
        assert self._transport is not None
        if isinstance(first, SSLRequest | GSSENCRequest):
            if self._data:
                raise ProtocolViolation("client", "received unencrypted data after an encryption request")
            if type(first) in self._asked or self._leg.encrypted:
                raise unsupported(SSL_REQUEST if isinstance(first, SSLRequest) else GSSENC_REQUEST)
            self._asked.add(type(first))
            if isinstance(first, SSLRequest) and tls is not None:
                self._transport.pause_reading()  # what comes next is for TLS
                self._transport.write(b"S")
                self._start(self._encrypt(tls, b""))
            else:
                self._transport.write(b"N")
        elif isinstance(first, CancelRequest):
            self._start(self._cancel(first))
        elif tls is not None and tls.mode != "allow" and not self._leg.encrypted:
            self._refuse(_TLS_ONLY)
        else:
            self._enter(first)

    async def _encrypt(self, tls: TlsForClients, hello: bytes) -> None:
        """The handshake. ``hello``: the client began without asking first, and this is what it said."""
        loop = asyncio.get_running_loop()
        transport, (context, binding) = self._transport, tls.current
        assert transport is not None
        handshake = loop.create_task(
            loop.start_tls(transport, self, context, server_side=True,
                           ssl_handshake_timeout=HANDSHAKE_SECONDS, ssl_shutdown_timeout=SHUTDOWN_SECONDS)
        )  # fmt: skip
        if hello:
            transport.pause_reading()
            await asyncio.sleep(0)  # the transport has got its new protocol
            await asyncio.sleep(0)  # which was told of its connection; nothing was read yet
            _feed(cast(asyncio.BufferedProtocol, transport.get_protocol()), hello)
        try:
            encrypted = await handshake
        except (OSError, TimeoutError) as trouble:
            log.info("no TLS with a client", client=self._address, why=str(trouble) or type(trouble).__name__)
            self._close()
            return
        if encrypted is None or self._transport is None:  # gone meanwhile
            if encrypted is not None:
                encrypted.close()
            self._close()
            return
        self._transport = encrypted
        self._task = None
        self._leg = Leg(True, binding)
        self._certified = common_name(encrypted)
        spoken = encrypted.get_extra_info("ssl_object")
        if hello and (spoken is None or spoken.selected_alpn_protocol() != ALPN):
            self._refuse({"C": "08P01", "M": "direct TLS needs the ALPN protocol postgresql"})
        elif self._data:
            self.data_received(b"")

    async def _cancel(self, request: CancelRequest) -> None:
        self._services.cancel(request.raw[8:])
        if self._services.workers is not None:
            self._services.workers.cancel(request.raw[8:])
        try:
            await dial.forward_cancel(self._services, request)
        except UpstreamUnavailable as trouble:
            log.warning("cancel request not delivered", why=str(trouble))
        self._close()

    def _enter(self, startup: StartupMessage) -> None:
        services, transport = self._services, self._transport
        assert transport is not None
        client = ClientSide(
            services, transport, startup, Arrival(self._address, self._local, self._leg, self._certified)
        )
        most = services.network.max_connections
        if most and services.crowd >= most and not client.is_console:
            self._refuse(_TOO_MANY)
            return
        deadline, self._deadline = self._deadline, None
        self._leave()
        assert deadline is not None
        transport.set_protocol(client)
        client.begin(self._data, deadline.when())
        deadline.cancel()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._task = asyncio.get_running_loop().create_task(work)
        self._task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (trouble := task.exception()) is not None:
            log.error("a connection failed", client=self._address, exc_info=trouble)
            self._close()

    def _refuse(self, fields: dict[str, str]) -> None:
        if self._transport is not None:
            self._transport.write(encode_error(fields, severity="FATAL"))
        self._close()

    def shut_down(self) -> None:
        """pgguard stops: say so as PostgreSQL does."""
        self._refuse({"C": "57P01", "M": "terminating connection due to administrator command"})

    def _leave(self) -> None:
        self._transport = None
        self._services.doors.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()
        self._leave()


def _feed(protocol: asyncio.BufferedProtocol, data: bytes) -> None:
    """What a loop does with bytes for a BufferedProtocol."""
    while data:
        buffer = memoryview(cast(bytearray, protocol.get_buffer(len(data))))
        part = data[: len(buffer)]
        buffer[: len(part)] = part
        protocol.buffer_updated(len(part))
        data = data[len(part) :]
