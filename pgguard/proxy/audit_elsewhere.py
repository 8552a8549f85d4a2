"""The audit of a worker that does not have the file: one chain has one writer, and that is another worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pgguard.audit.record import AuditRecord
from pgguard.errors import StoreUnavailable
from pgguard.proxy.audit_keeping import Audit
from pgguard.proxy.peers import Peers

KEEPER = 0  # the worker that has the file
_PAUSE = 0.01  # seconds in which queued records gather


class AuditElsewhere:
    """``proxy.audit_keeping.Audit``, over there."""

    waits_for_disk = True  # write is more than write_now

    def __init__(self, peers: Peers) -> None:
        self.trouble = ""
        self.tell: Callable[[str], None] = lambda trouble: None
        self._peers = peers
        self._waiting: list[AuditRecord] = []
        peers.answers["audit trouble"] = self._troubled

    async def write(self, record: AuditRecord) -> None:
        self.flush()
        await self._peers.ask(KEEPER, "audit", _plain(record))

    def write_now(self, record: AuditRecord) -> None:
        raise StoreUnavailable("the audit file is another worker's")

    def queue(self, record: AuditRecord) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_later(_PAUSE, self.flush)
        self._waiting.append(_plain(record))

    def flush(self) -> None:
        """Hand over what was gathered."""
        if self._waiting:
            records, self._waiting = self._waiting, []
            self._peers.cast("audit later", records, to=KEEPER)

    def _troubled(self, worker: int, trouble: str) -> None:
        self.trouble = trouble
        self.tell(trouble)


def _plain(record: AuditRecord) -> AuditRecord:
    """As it can go to another process."""
    return record._replace(measured={table: dict(rows) for table, rows in record.measured.items()})


def keep_for_others(audit: Audit, peers: Peers) -> None:
    """Take the other workers' records into the file of this one."""

    async def write(worker: int, record: AuditRecord) -> None:
        await audit.write(record)

    def later(worker: int, records: list[AuditRecord]) -> None:
        for record in records:
            audit.queue(record)

    peers.answers.update({"audit": write, "audit later": later})
