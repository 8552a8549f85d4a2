"""Joins the objects of a running pgguard, in the order in which each needs the other. Raises ConfigError."""

from __future__ import annotations

import socket

from pgguard.audit.chain import Link
from pgguard.cli.configuration import Configuration, dsn_database, dsn_place
from pgguard.cli.networking import addresses, network, verifiers
from pgguard.errors import ConfigError, PolicyError, StoreUnavailable, UpstreamUnavailable
from pgguard.policy.account import Accounts
from pgguard.policy.load import load
from pgguard.policy.model import Policy
from pgguard.proxy.audit_keeping import AuditKeeping
from pgguard.proxy.bookkeeping import Bookkeeping
from pgguard.proxy.services import Services
from pgguard.proxy.upstreams import Upstreams
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


async def assemble(configuration: Configuration, policy: Policy) -> tuple[Services, Server, list[str]]:
    """Everything that connections share, the server as it was found, and warnings for the log."""
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
        if why := wrong_server(policy, server):
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
    accounts = Accounts()
    bookkeeping = Bookkeeping(accounts, store.budgets(_keeper(configuration)))
    keeping: AuditKeeping | None = None
    try:
        head = store.audit_head(_keeper(configuration))
        audit = _audit(configuration, server, policy, await head.read())
        if audit is not None:
            keeping = AuditKeeping(audit, head)
            keeping.begin()
        await bookkeeping.begin()
    except (ConfigError, StoreUnavailable) as trouble:
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
        accounts=accounts, bookkeeping=bookkeeping, audit_keeping=keeping,
    )  # fmt: skip
    return services, server, [*warnings, *more]


def wrong_server(policy: Policy, server: Server) -> str:
    """Why this policy is not for this server; "" when it may be."""
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
    configuration: Configuration, server: Server, policy: Policy, known: Link | None
) -> AuditFile | None:
    if configuration.audit is None:
        if policy.audit == "required":
            raise ConfigError(f"policy {policy.name} says audit: required, and --audit is missing")
        return None
    node = configuration.node or socket.gethostname()
    return AuditFile.open(
        configuration.audit, node, server=server.system_identifier, redacted=configuration.audit_redacted, known=known
    )
