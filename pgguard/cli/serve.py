"""``pgguard serve``: the proxy itself, one ready line on stdout, logs on stderr, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
import uvloop

from pgguard.cli.assemble import assemble, read_policy, unusable
from pgguard.cli.configuration import Configuration, configure
from pgguard.cli.networking import addresses
from pgguard.cli.part import Parent, Part
from pgguard.cli.workers import supervise
from pgguard.errors import ConfigError, UpstreamUnavailable
from pgguard.policy.model import Policy
from pgguard.proxy import dial
from pgguard.proxy.credentials_watch import CredentialsWatch
from pgguard.proxy.listener import Listener
from pgguard.proxy.network import Address, shown
from pgguard.proxy.policy_watch import PolicyWatch
from pgguard.proxy.services import Services
from pgguard.proxy.windows_watch import WindowsWatch

STOP_SECONDS = 30.0


def serve(
    listen: Annotated[str | None, typer.Option(help="HOST:PORT to listen on; port 0 takes a free one.")] = None,
    upstream: Annotated[str | None, typer.Option(help="HOST:PORT of PostgreSQL.")] = None,
    target_session_attrs: Annotated[str | None, typer.Option(help="Of several upstreams: any, or read-write.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="pgguard's certificate: turns TLS on.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key.")] = None,
    tls_clients: Annotated[str | None, typer.Option(help="allow, require, verify-ca or verify-full.")] = None,
    tls_client_ca: Annotated[Path | None, typer.Option(help="Who signs clients' certificates.")] = None,
    upstream_tls: Annotated[str | None, typer.Option(help="disable, require, verify-ca or verify-full.")] = None,
    upstream_ca: Annotated[Path | None, typer.Option(help='Who signs the server\'s certificate, or "system".')] = None,
    upstream_cert: Annotated[Path | None, typer.Option(help="pgguard's certificate towards the server.")] = None,
    upstream_key: Annotated[Path | None, typer.Option(help="Its private key.")] = None,
    auth_query: Annotated[str | None, typer.Option(help="SQL that gives the SCRAM verifier of user $1.")] = None,
    auth_file: Annotated[Path | None, typer.Option(help="SCRAM verifiers, as PgBouncer's userlist.")] = None,
    max_connections: Annotated[int | None, typer.Option(help="Clients at a time.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that share the work.")] = None,
    connect_timeout: Annotated[float | None, typer.Option(help="Seconds to reach the server.")] = None,
    tcp_keepalive: Annotated[int | None, typer.Option(help="Seconds of silence until a peer is probed.")] = None,
    proxy_protocol_from: Annotated[str | None, typer.Option(help="Balancers that speak the PROXY protocol.")] = None,
    policies: Annotated[Path | None, typer.Option(help="The policy file.")] = None,
    state: Annotated[str | None, typer.Option(help="Where requests are kept, sqlite:///file.")] = None,
    admin_dsn: Annotated[str | None, typer.Option(help="pgguard's own login on the server.")] = None,
    audit: Annotated[Path | None, typer.Option(help="The audit file, JSON lines.")] = None,
    audit_redacted: Annotated[bool | None, typer.Option("--audit-redacted", help="Replace literals in it.")] = None,
    token_key: Annotated[Path | None, typer.Option(help="The key of tokens; default: beside the state.")] = None,
    node: Annotated[str | None, typer.Option(help="This node's name in the audit.")] = None,
    observe: Annotated[bool | None, typer.Option("--observe", help="Judge and record, let everything pass.")] = None,
    allow_trust: Annotated[
        bool | None, typer.Option("--allow-trust", help="Accept clients whom the server asks for no password.")
    ] = None,
    allow_server_major: Annotated[int | None, typer.Option(help="Accept this newer PostgreSQL, untried.")] = None,
    catalog_age: Annotated[float | None, typer.Option(help="Seconds that the catalog picture is believed.")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
    config: Annotated[Path | None, typer.Option(help="The same keys in a YAML file.")] = None,
) -> None:
    """Stand between clients and PostgreSQL."""
    flags = {name: value for name, value in locals().items() if name != "config"}
    try:
        configuration = configure(flags, os.environ, config)
        _log_to_stderr(configuration.log_level)
        _raise_file_limit()
        policy = read_policy(configuration)
        places = addresses(configuration.listen, "listen")
        if configuration.workers == 1:
            code = _run(configuration, policy, places)
        else:
            code = supervise(places, configuration.workers, lambda part: _run(configuration, policy, [], part))
    except ConfigError as trouble:
        print(f"pgguard serve: {trouble}", file=sys.stderr)
        code = trouble.exit_code
    if code:
        raise typer.Exit(code)


def _run(configuration: Configuration, policy: Policy, places: list[Address], part: Part | None = None) -> int:
    """One process, to its end; ``places``: where it listens besides the sockets of its ``part``. The exit code."""
    try:
        return uvloop.run(_serve(configuration, policy, places, part))
    except ConfigError as trouble:
        print(f"pgguard serve: {trouble}", file=sys.stderr)
        return trouble.exit_code


async def _serve(configuration: Configuration, policy: Policy, places: list[Address], part: Part | None) -> int:
    services, server, warnings = await assemble(configuration, policy, part)
    log = structlog.get_logger()
    listener = Listener(services)
    try:
        await dial.check(services)
        listening = ",".join([shown(await listener.open(host, port)) for host, port in places])
        for bound in part.sockets if part is not None else ():
            await listener.take(bound)
    except (ConfigError, UpstreamUnavailable) as trouble:
        await listener.stop(0)
        await services.close()
        raise trouble if isinstance(trouble, ConfigError) else ConfigError(str(trouble), exit_code=3) from None

    def acceptable(changed: Policy) -> str:
        return unusable(changed, configuration, server)

    watch = PolicyWatch(configuration.policies, services, acceptable)
    credentials = CredentialsWatch(services)
    windows = WindowsWatch(services)
    watching = {asyncio.create_task(each.run()) for each in (watch, credentials, windows)}
    await asyncio.sleep(0)  # from here on they watch
    watching.add(asyncio.create_task(watch.catch_up()))
    services.reloads = {"policy": watch.reload, "credentials": credentials.reload}
    if services.audit_keeping is not None:
        services.reloads["audit"] = services.audit_keeping.reopen
    stop = _signals(services)
    if part is None or part.keeps:
        for warning in warnings:
            log.warning(warning)
        if services.audit is None:
            log.warning("nothing is audited: --audit is missing")
        if configuration.allow_trust:
            log.warning("clients that the server asks for no password are accepted (--allow-trust)")
    mode = "observe" if services.observe or policy.mode == "observe" else "enforce"
    ready = f"upstream={configuration.upstream} policy={policy.name} rules={policy.rules_count} mode={mode}"
    gc.collect()
    gc.freeze()  # what lives as long as the process is not looked at again
    parent = None
    if part is None:
        print(f"pgguard ready: listen={listening} {ready}", flush=True)
    else:
        parent = await Parent.of(part, stop)
        services.broken = parent.broken
        parent.say(ready)
    await stop.wait()
    log.info("stopping", connections=len(services.clients))
    await listener.stop(STOP_SECONDS if parent is None or not parent.failed else 0)
    watch.stop()
    credentials.stop()
    windows.stop()
    await asyncio.wait(watching, timeout=2)
    if parent is not None:
        await parent.drained()
    await services.close()
    return 1 if parent is not None and parent.failed else 0


def _signals(services: Services) -> asyncio.Event:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    reloading: set[asyncio.Task[str]] = set()

    def reload() -> None:
        task = loop.create_task(services.reload())
        reloading.add(task)
        task.add_done_callback(reloading.discard)

    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload)
    return stop


def _raise_file_limit() -> None:
    """Each client takes two descriptors, and the usual soft limit is 1024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _log_to_stderr(level: str) -> None:
    """Structured: key=value for a terminal, JSON lines for a collector."""
    renderer: Any = (
        structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer(sort_keys=False)
    )
    logging.getLogger("sqlglot").disabled = True  # it tells of what it cannot read, in the client's words
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # without the frames' variables: they hold what clients sent
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
