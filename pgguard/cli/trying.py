"""``policy explain --dsn``: a pgguard of its own, for one text and one moment, in which every write is a dry run."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import structlog

from pgguard.cli.assemble import assemble
from pgguard.cli.configuration import Configuration
from pgguard.errors import ConfigError
from pgguard.policy.model import Policy
from pgguard.proxy.listener import Listener
from pgguard.upstream.trying import Told, tried

_PORT = 5432  # in a folder of our own


async def through_pgguard(sql: str, policy: Policy, policies: Path, dsn: str, admin_dsn: str, claim: str) -> Told:
    """What a client who runs ``sql`` is told, by the session that ``serve`` uses. Nothing is filed, kept or changed.
    Raises ConfigError and UpstreamUnavailable."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory(prefix="pgguard-") as folder:
        configuration = Configuration.model_validate({
            "upstream": _place(dsn), "policies": policies, "admin_dsn": admin_dsn,
            "state": f"sqlite:///{folder}/state.db", "allow_trust": True,
        })  # fmt: skip
        services, _, _ = await assemble(configuration, policy.model_copy(update={"audit": ""}))
        listener = Listener(services)
        try:
            await listener.open(folder, _PORT)
            return await tried(sql, dsn, Path(folder), _PORT, claim=claim)
        finally:
            await listener.stop(0)
            await services.close()


def login(dsn: str) -> str:
    """The user of a DSN. Raises ConfigError."""
    _place(dsn)
    return unquote(urlsplit(dsn).username or "")


def _place(dsn: str) -> str:
    try:
        parts = urlsplit(dsn)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or not parts.username or parts.scheme not in ("postgresql", "postgres"):
        raise ConfigError("--dsn is not postgresql://user:password@host:port/database")
    return f"[{host}]:{port or 5432}" if ":" in host else f"{host}:{port or 5432}"
