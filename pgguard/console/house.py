"""What the console can see of a running pgguard, and do to it: a promise that the proxy keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pgguard.audit.record import AuditRecord
from pgguard.session.counts import Counts


@dataclass(frozen=True, slots=True)
class Seen:
    """One client connection. ``pid``: of its server process, as in pg_stat_activity; None before there is one."""

    pid: int | None
    user: str
    database: str
    address: str
    application: str
    state: str
    waits_for: str
    since: float  # seconds since 1970
    worker: int = 0


class House(Protocol):
    """``record`` raises StoreUnavailable; nothing else raises anything."""

    async def sessions(self) -> Sequence[Seen]: ...

    async def stats(self) -> Mapping[str, Counts]:
        """By database."""
        ...

    async def reload(self) -> str:
        """What is wrong with what is on disk, in words; "" when all of it was taken."""
        ...

    async def kill(self, pid: int) -> bool:
        """Whether there was such a connection."""
        ...

    async def pause(self, seconds: float) -> tuple[int, float]:
        """Connections whose transactions are not over yet, and until when (seconds since 1970)."""
        ...

    async def resume(self) -> bool:
        """Whether there was a pause to end."""
        ...

    async def record(self, record: AuditRecord, *, required: bool) -> None: ...
