"""Joins the objects of a running pgguard, in the order in which each needs the other. Raises ConfigError."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from pgguard.audit.chain import Link
from pgguard.cli.configuration import Configuration, dsn_database, dsn_place
from pgguard.cli.networking import addresses, network, verifiers
from pgguard.cli.part import Part
from pgguard.errors import AccountsUnavailable, ConfigError, PolicyError, StoreUnavailable, UpstreamUnavailable
from pgguard.policy.account import Accounts
from pgguard.policy.load import load
from pgguard.policy.model import Policy
from pgguard.policy.shared_account import SharedAccounts
from pgguard.proxy.audit_elsewhere import AuditElsewhere, keep_for_others
from pgguard.proxy.audit_keeping import Audit, AuditKeeping
from pgguard.proxy.bookkeeping import Bookkeeping
from pgguard.proxy.peers import Peers
from pgguard.proxy.services import Services
from pgguard.proxy.upstreams import Upstreams
from pgguard.proxy.workers import Workers
from pgguard.store.audit_file import AuditFile
from pgguard.store.requests import Store
from pgguard.upstream.admin import Admin
from pgguard.upstream.recovery import in_recovery
from pgguard.upstream.server import Server, supported
from pgguard.upstream.verifiers import Verifiers


def read_policy(configuration: Configuration) -> Policy:
    """The policy file, loaded and its own tests passed."""
    try:
        return load(configuration.policies)
    except PolicyError as trouble:
        raise ConfigError(str(trouble)) from None


async def assemble(
    configuration: Configuration, policy: Policy, part: Part | None = None
) -> tuple[Services, Server, list[str]]:
    """Everything that connections share, the server as it was found, and warnings for the log. ``part``: of several
    workers this is one."""
    upstreams = Upstreams(
        addresses(configuration.upstream, "upstream"),
        lambda address: in_recovery(configuration.admin_dsn, *address, configuration.connect_timeout),
        read_write=configuration.target_session_attrs == "read-write",
    )
    surroundings = network(configuration)
    database = dsn_database(configuration.admin_dsn)
    admin = Admin(configuration.admin_dsn, max_age=configuration.catalog_age)
    known: Verifiers | None = None
    try:
        server = await admin.identify(10.0)
        if why := supported(server.version_num, configuration.allow_server_major):
            raise ConfigError(why)
        if why := unusable(policy, configuration, server):
            raise ConfigError(why)
        await admin.self_test(database)
        warnings = [warning] if (warning := await admin.can_become()) else []
        known, more = await verifiers(configuration)
        store = await Store.open(configuration.state, configuration.token_key)
    except UpstreamUnavailable as trouble:
        await admin.close()
        where = dsn_place(configuration.admin_dsn)
        raise ConfigError(f"the admin connection to {where} does not work: {trouble}", exit_code=3) from None
    except ConfigError:
        if known is not None:
            await known.close()
        await admin.close()
        raise
    keeps = part is None or part.keeps
    later = asyncio.get_running_loop().call_soon
    accounts = Accounts() if part is None else SharedAccounts(part.budgets, part.lock, later)
    bookkeeping = Bookkeeping(accounts, store.budgets(_keeper(configuration)), keeper=keeps)
    keeping: AuditKeeping | None = None
    peers = Peers(part.number, part.ends) if part is not None else None
    audit: Audit | None = None
    try:
        if configuration.audit is not None and keeps:
            head = store.audit_head(_keeper(configuration))
            audit = file = _audit(configuration, configuration.audit, server, await head.read())
            keeping = AuditKeeping(file, head)
            keeping.begin()
        elif configuration.audit is not None and peers is not None:
            audit = AuditElsewhere(peers)
        await bookkeeping.begin()
    except (AccountsUnavailable, ConfigError, StoreUnavailable) as trouble:
        if keeping is not None:
            await keeping.close()
        if known is not None:
            await known.close()
        await store.close()
        await admin.close()
        raise trouble if isinstance(trouble, ConfigError) else ConfigError(str(trouble), exit_code=3) from None
    services = Services(
        upstreams=upstreams, admin=admin, admin_database=database, store=store, audit=audit, policy=policy,
        server=f"{policy.server.name or configuration.upstream}/{server.system_identifier}",
        observe=configuration.observe, allow_trust=configuration.allow_trust, network=surroundings, verifiers=known,
        accounts=accounts, bookkeeping=bookkeeping, audit_keeping=keeping, peers=peers,
    )  # fmt: skip
    if peers is not None and part is not None:
        services.workers = Workers(services, peers, part.counts)
        if audit is not None and keeps:
            keep_for_others(audit, peers)
        await peers.begin()
    return services, server, [*warnings, *more]


def unusable(policy: Policy, configuration: Configuration, server: Server) -> str:
    """Why this policy cannot be in force here; "" when it can."""
    if policy.audit == "required" and configuration.audit is None:
        return f"policy {policy.name} says audit: required, and --audit is missing"
    wanted = policy.server.system_identifier
    if wanted and wanted != server.system_identifier:
        return f"policy {policy.name} is for system_identifier {wanted}, this server is {server.system_identifier}"
    return ""


def _keeper(configuration: Configuration) -> str:
    """Whose budgets they are. A file is one node's, whatever its machine is called: a container has a new name each
    time."""
    alone = configuration.state.startswith("sqlite")
    return configuration.node or ("" if alone else socket.gethostname())


def _audit(
    configuration: Configuration, path: Path, server: Server, known: Link | None
) -> AuditFile:
    node = configuration.node or socket.gethostname()
    return AuditFile.open(
        path, node, server=server.system_identifier, redacted=configuration.audit_redacted, known=known
    )
