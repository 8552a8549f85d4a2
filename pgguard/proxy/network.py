"""How pgguard stands in the network: whom it accepts, how it reaches the server, what is known of an arrival."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from dataclasses import dataclass

from pgguard.proxy.tls import TlsForClients, TlsToServer
from pgguard.session.proving import PLAIN, Leg

Address = tuple[str, int]  # a host and a port, or the folder of a unix socket and the number in its name
Balancer = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Network:
    """``tls_for_clients``, ``tls_to_server``: None where TLS is off. ``balancers``: who must say by the PROXY protocol
    for whom it connects; nobody else may. ``keepalive``: seconds of silence until a peer is probed, 0 for the system's
    own. ``max_connections``: 0 for as many as the server takes."""

    tls_for_clients: TlsForClients | None = None
    tls_to_server: TlsToServer | None = None
    balancers: tuple[Balancer, ...] = ()
    keepalive: int = 60
    connect_seconds: float = 10.0
    max_connections: int = 0

    def is_balancer(self, address: str) -> bool:
        if not self.balancers:
            return False
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        return any(found in network for network in self.balancers)

    def keep_alive(self, transport: asyncio.BaseTransport) -> None:
        """Find out that a peer is gone though it never said so: after a minute and a half, with the default."""
        raw = transport.get_extra_info("socket")
        if not self.keepalive or raw is None or raw.family == socket.AF_UNIX:
            return
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, self.keepalive)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A client at its StartupMessage. ``local``: over a unix socket. ``certified``: the name in its certificate."""

    address: str
    local: bool = False
    leg: Leg = PLAIN
    certified: str = ""


def shown(address: Address) -> str:
    """As it is written in settings and in the ready line."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def flow(transport: asyncio.Transport, pause: bool) -> None:
    """Read no further from there, or read on."""
    if transport.is_closing():
        return
    if pause and transport.is_reading():
        transport.pause_reading()
    elif not pause and not transport.is_reading():
        transport.resume_reading()
