"""Sockets for several workers on one address: the kernel hands each new connection to one of them."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any

from pgguard.errors import ConfigError
from pgguard.proxy.listener import path_of, unix_socket
from pgguard.proxy.network import Address, shown


def bind(place: Address, workers: int) -> tuple[Address, list[list[socket.socket]]]:
    """The address that it got, and the sockets of each worker. A unix socket is one and the same for all of them.

    Raises ConfigError.
    """
    host, port = place
    try:
        if host.startswith("/"):
            one = unix_socket(place)
            return place, [[one] for _ in range(workers)]
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        each: list[list[socket.socket]] = [[] for _ in range(workers)]
        first = place
        for at, (family, *_, address) in enumerate(dict.fromkeys(found)):
            name = _free(family, address)
            for sockets in each:
                sockets.append(_bound(family, name, shared=True))
            if not at:
                first = str(name[0]), int(name[1])
        return first, each
    except (OSError, OverflowError) as trouble:
        why = getattr(trouble, "strerror", None) or str(trouble)
        raise ConfigError(f"cannot listen on {shown(place)}: {why.lower()}") from None


def _free(family: int, address: tuple[Any, ...]) -> tuple[Any, ...]:
    """The address, with a port in the place of 0. Raises OSError when somebody listens there: sharing the port with
    another pgguard would go unnoticed."""
    with _bound(family, address, shared=False) as probe:
        name: tuple[Any, ...] = probe.getsockname()
        return name


def _bound(family: int, address: tuple[Any, ...], *, shared: bool) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(address)
    except BaseException:
        one.close()
        raise
    return one


def unlink(places: Iterable[Address]) -> None:
    """Take away the files of unix sockets."""
    for place in places:
        if place[0].startswith("/"):
            path_of(place).unlink(missing_ok=True)
