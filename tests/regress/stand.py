"""The servers of a run: a PostgreSQL that trusts everybody, as the scripts want it, and pgguard in front of it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from live.pgguard import PRODUCTION, Pgguard
from live.postgres import Postgres

OPEN: Final = PRODUCTION.with_name("open.yaml")
TRUST: Final = "local all all trust\nhost all all 127.0.0.1/32 trust\n"


@dataclass(frozen=True)
class Mode:
    """One way to run pgguard in which nothing of it may be seen."""

    name: str
    policies: Path
    arguments: tuple[str, ...] = ()


MODES: Final = {
    "open": Mode("no rules at all", OPEN),
    "observe": Mode("the production policy, observing", PRODUCTION, ("--observe",)),
}


@contextmanager
def trusting_server(version: int) -> Iterator[Postgres]:
    """The scripts sign in as many roles, none of which has a password. SIGTERM ends it as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # (some scripts crash some servers: what was committed before is to be there afterwards)
    server = Postgres(version, max_prepared_transactions="10", max_connections="100", synchronous_commit="on").start()
    try:
        (server.directory / "data" / "pg_hba.conf").write_text(TRUST)
        server.sql("select pg_reload_conf()")
        yield server
    finally:
        server.stop()


@contextmanager
def guarded(server: Postgres, mode: Mode) -> Iterator[Pgguard]:
    """A pgguard in this mode. Its logs must be clean at the end."""
    guard = Pgguard(server, mode.policies, "--allow-trust", *mode.arguments).start()
    try:
        yield guard
    except BaseException:
        guard.discard()
        raise
    guard.stop()
