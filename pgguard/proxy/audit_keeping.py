"""Keeps the end of the audit's chain in the state store, and takes a new file when the old one was moved away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog

from pgguard.audit.chain import Link
from pgguard.audit.record import AuditRecord
from pgguard.errors import ConfigError, StoreUnavailable
from pgguard.store.audit_file import AuditFile
from pgguard.store.audit_head import AuditHead

log = structlog.get_logger()

SECONDS = 1.0


class Audit(Protocol):
    """What takes records: the file (``store.audit_file.AuditFile`` says what each member does), or who has it."""

    trouble: str
    tell: Callable[[str], None]

    async def write(self, record: AuditRecord) -> None: ...
    def write_now(self, record: AuditRecord) -> None: ...
    @property
    def waits_for_disk(self) -> bool: ...
    def queue(self, record: AuditRecord) -> None: ...


class AuditKeeping:
    """Once a second, off the path. What the store knows is never ahead of what the disk has, so that a crash does not
    look like a crime."""

    def __init__(self, audit: AuditFile, head: AuditHead) -> None:
        self._audit = audit
        self._head = head
        self._kept: Link | None = None
        self._trouble = ""
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """From now on, until ``close``."""
        if self._audit.gap:
            log.error("records are missing at the end of the audit file", missing=self._audit.gap)
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """After the last record: what is queued is written, and the end is kept."""
        self._stop.set()  # not cancelled: a writing that is under way is to arrive
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            await self._audit.close()
        except StoreUnavailable as trouble:
            log.error("audit records were lost at the end", why=str(trouble))
        await self._keep(self._audit.end)

    async def reopen(self) -> str:
        """Take another file, if the old one was moved away; what is wrong with that, in words, else ""."""
        try:
            if await self._audit.reopen():
                log.info("the audit goes on in a new file", after=self._audit.end.seq - 1)
        except ConfigError as trouble:
            self._say(str(trouble))
            return str(trouble)
        return ""

    async def _run(self) -> None:
        while not self._stop.is_set():
            try:
                async with asyncio.timeout(SECONDS):
                    await self._stop.wait()
            except TimeoutError:
                await self.keep()

    async def keep(self) -> None:
        """The end as it is now."""
        await self.reopen()
        try:
            await self._keep(await self._audit.on_disk())
        except StoreUnavailable as trouble:
            self._say(str(trouble))

    async def _keep(self, end: Link) -> None:
        if end in (self._kept, Link()):
            return
        try:
            await self._head.write(end)
        except StoreUnavailable as trouble:
            self._say(str(trouble))
        else:
            self._kept, self._trouble = end, ""

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            log.error("the audit is not kept as it should be", why=trouble)
