"""What the console sees of all workers of this pgguard, and does to all of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pgguard.audit.record import AuditRecord
from pgguard.console.house import Seen
from pgguard.proxy.peers import Peers
from pgguard.session.counts import Counts

if TYPE_CHECKING:
    from pgguard.proxy.operating import Operating


class OperatingAll:
    """``console.house.House``: each worker is asked what it sees, or told what to do."""

    def __init__(self, own: Operating, peers: Peers) -> None:
        self._own = own
        self._peers = peers
        peers.answers.update({
            "sessions": lambda worker: own.sessions(), "stats": lambda worker: own.stats(),
            "reload": lambda worker: own.reload(), "kill": lambda worker, pid: own.kill(pid),
            "pause": lambda worker, seconds: own.pause(seconds), "resume": lambda worker: own.resume(),
        })  # fmt: skip

    async def sessions(self) -> list[Seen]:
        found = [await self._own.sessions(), *await self._peers.ask_all("sessions")]
        return [seen for sessions in found for seen in sessions]

    async def stats(self) -> dict[str, Counts]:
        total: dict[str, Counts] = {}
        for stats in (await self._own.stats(), *await self._peers.ask_all("stats")):
            for database, counts in stats.items():
                total.setdefault(database, Counts()).add(counts)
        return total

    async def reload(self) -> str:
        wrong = [await self._own.reload(), *await self._peers.ask_all("reload")]
        return "; ".join(dict.fromkeys(filter(None, wrong)))  # each would say the same of the same file

    async def kill(self, pid: int) -> bool:
        return await self._own.kill(pid) or any(await self._peers.ask_all("kill", pid))

    async def pause(self, seconds: float) -> tuple[int, float]:
        own, others = await asyncio.gather(self._own.pause(seconds), self._peers.ask_all("pause", seconds))
        found = [own, *others]
        return sum(busy for busy, _ in found), max(until for _, until in found)

    async def resume(self) -> bool:
        return any([await self._own.resume(), *await self._peers.ask_all("resume")])

    async def record(self, record: AuditRecord, *, required: bool) -> None:
        await self._own.record(record, required=required)
