"""Out of the configuration: where pgguard listens, how it is reached and reaches the server, who knows verifiers."""

from __future__ import annotations

import ipaddress

from pgguard.cli.configuration import Configuration
from pgguard.errors import ConfigError
from pgguard.proxy.network import Address, Balancer, Network
from pgguard.proxy.tls import Files, TlsForClients, TlsToServer
from pgguard.upstream.verifiers import AUTHID_SQL, Verifiers


def addresses(text: str, what: str) -> list[Address]:
    """One or more of ``address``, with commas between."""
    return [address(one.strip(), what) for one in text.split(",")]


def address(text: str, what: str) -> Address:
    """HOST:PORT, [HOST]:PORT, or /folder:PORT for a unix socket."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535 or not host:
        raise ConfigError(f"{what}: HOST:PORT is needed, not {text!r}")
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise ConfigError(f"{what}: an IPv6 address stands in brackets, [{host}]:{port}")
    return host.removeprefix("[").removesuffix("]"), int(port)


def network(configuration: Configuration) -> Network:
    """Raises ConfigError when a file cannot be used, or when one setting needs another."""
    return Network(
        tls_for_clients=_for_clients(configuration), tls_to_server=_to_server(configuration),
        balancers=_balancers(configuration.proxy_protocol_from), keepalive=configuration.tcp_keepalive,
        connect_seconds=configuration.connect_timeout, max_connections=configuration.max_connections,
    )  # fmt: skip


def _for_clients(configuration: Configuration) -> TlsForClients | None:
    c = configuration
    if c.tls_cert is None:
        for key, value in (("tls-key", c.tls_key), ("tls-client-ca", c.tls_client_ca)):
            if value is not None:
                raise ConfigError(f"{key} is of no use without tls-cert")
        if c.tls_clients != "allow":
            raise ConfigError(f"tls-clients: {c.tls_clients} needs tls-cert")
        return None
    if c.tls_clients.startswith("verify") and c.tls_client_ca is None:
        raise ConfigError(f"tls-clients: {c.tls_clients} needs tls-client-ca")
    return TlsForClients(Files(c.tls_cert, c.tls_key, c.tls_client_ca), c.tls_clients)


def _to_server(configuration: Configuration) -> TlsToServer | None:
    c = configuration
    if c.upstream_tls == "disable":
        for key, value in (("upstream-ca", c.upstream_ca), ("upstream-cert", c.upstream_cert)):
            if value is not None:
                raise ConfigError(f"{key} is of no use with upstream-tls: disable")
        return None
    if c.upstream_tls.startswith("verify") and c.upstream_ca is None:
        raise ConfigError(f"upstream-tls: {c.upstream_tls} needs upstream-ca")
    return TlsToServer(Files(c.upstream_cert, c.upstream_key, c.upstream_ca), c.upstream_tls)


def _balancers(text: str) -> tuple[Balancer, ...]:
    try:
        return tuple(ipaddress.ip_network(one.strip()) for one in text.split(",") if one.strip())
    except ValueError as trouble:
        raise ConfigError(f"proxy-protocol-from: {trouble}") from None


async def verifiers(configuration: Configuration) -> tuple[Verifiers | None, list[str]]:
    """None where no sign-in can need one, or none can be had; and warnings."""
    c = configuration
    if c.tls_cert is None and c.upstream_tls == "disable":
        return None, []
    found = Verifiers(c.admin_dsn, AUTHID_SQL if c.auth_query is None else c.auth_query, c.auth_file)
    warnings = []
    if found.useless:
        lines = ", ".join(str(number) for number in found.useless[:5])
        warnings.append(f"auth-file {c.auth_file}: no SCRAM verifier in lines {lines}")
    why = await found.trouble()
    if why and c.auth_query is not None:
        await found.close()
        raise ConfigError(f"auth-query does not work: {why}", exit_code=3)
    if why and c.auth_file is not None:
        await found.close()
        return Verifiers(c.admin_dsn, "", c.auth_file), warnings
    if why or (c.auth_file is None and c.auth_query == ""):
        await found.close()
        if c.tls_cert is not None:
            warnings.append(
                "pgguard has no SCRAM verifiers: no channel binding with clients, and with TLS on both sides no sign-in"
                " of clients that know it (see auth-query and auth-file)"
            )
        return None, warnings
    return found, warnings
