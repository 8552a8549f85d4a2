"""What the console can see of this pgguard and do to it: sessions, counts, RELOAD, KILL, PAUSE, RESUME, its records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog

from pgguard.audit.record import AuditRecord
from pgguard.console.house import Seen
from pgguard.errors import StoreUnavailable, UpstreamUnavailable
from pgguard.proxy import dial
from pgguard.session import asks
from pgguard.session.counts import Counts
from pgguard.session.replies import FAILED, IDLE
from pgguard.wire.startup import cancel_request

if TYPE_CHECKING:
    from pgguard.proxy.client import ClientSide
    from pgguard.proxy.services import Services

log = structlog.get_logger()

# What an ask waits for, as people see it; what is not here is the store's.
_WAITS: Mapping[type, str] = {
    asks.Read: "reading process",
    asks.WaitForOthers: "other sessions",
    asks.NeedPicture: "catalog",
    asks.LookOutside: "admin connection",
    asks.TableTotals: "admin connection",
    asks.Gather: "admin connection",
    asks.Sizes: "admin connection",
    asks.WriteRecord: "audit",
}


class Operating:
    """``console.house.House``, over the services of this process."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def sessions(self) -> list[Seen]:
        return [_seen(client, self._services) for client in self._services.clients]

    async def stats(self) -> dict[str, Counts]:
        return {database: world.counts for database, world in self._services.worlds.items()}

    async def reload(self) -> str:
        return await self._services.reload()

    async def kill(self, pid: int) -> bool:
        """The client is told, and what its server process is doing is cancelled: it would else run to its end."""
        found = next((client for client in self._services.clients if client.pid == pid), None)
        if found is None:
            return False
        found.shut_down()
        try:
            await dial.forward_cancel(self._services, cancel_request(found.cancel_key))
        except UpstreamUnavailable as trouble:
            log.warning("a killed session could not be cancelled", pid=pid, why=str(trouble))
        return True

    async def pause(self, seconds: float) -> tuple[int, float]:
        log.warning("paused", seconds=seconds)
        return await self._services.pausing.pause(seconds, self._services.clients)

    async def resume(self) -> bool:
        return self._services.pausing.resume()

    async def record(self, record: AuditRecord, *, required: bool) -> None:
        """Written now, or as soon as it can be. ``required``: then it is said when it could not be written now."""
        audit = self._services.audit
        if audit is None:
            return
        try:
            await audit.write(record)
        except StoreUnavailable:
            audit.queue(record)
            if required:
                raise


def _seen(client: ClientSide, services: Services) -> Seen:
    state, waits = _state(client, services)
    startup, session = client.startup, client.session
    parameters = session.replies.parameters if session is not None else {}
    application = parameters.get("application_name", startup.get("application_name"))
    return Seen(
        client.pid, startup.user, startup.database, client.arrival.address, application, state, waits, client.since,
        services.peers.number if services.peers is not None else 0,
    )  # fmt: skip


def _state(client: ClientSide, services: Services) -> tuple[str, str]:
    """As pg_stat_activity says it, and what is waited for: "" is the client."""
    if client.is_console:
        return "console", ""
    session = client.session
    if session is None:
        return "signing in", ""
    if services.pausing.has(client):
        return "idle", "resume"
    if client.asks is not None:
        return "active", _WAITS.get(type(client.asks), "store")
    if session.at_rest:
        return "idle", ""
    if session.replies.queue or session.talking:
        return "active", "server"
    if session.replies.status == IDLE:
        return "active", ""  # half a message, or a batch without its Sync
    return "idle in transaction (aborted)" if session.replies.status == FAILED else "idle in transaction", ""
