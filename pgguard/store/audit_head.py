"""The end of each node's audit chain, kept in the state store: what finds an end of the file that was cut off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from pgguard.audit.chain import Link
from pgguard.errors import ConfigError, StoreUnavailable
from pgguard.store.database import audit_heads as table
from pgguard.store.database import in_words, open_database, sqlite_file_of

_T = TypeVar("_T")
_SECONDS = 5.0  # nobody waits for it but the next writing


class AuditHead:
    """The head of ``node``'s chain. Both methods raise StoreUnavailable, nothing else."""

    def __init__(self, reads: AsyncEngine, writes: AsyncEngine, node: str) -> None:
        self._reads = reads
        self._writes = writes
        self._node = node

    async def read(self) -> Link | None:
        """What was written last; None before the first time."""
        return (await _in_time(_heads(self._reads))).get(self._node)

    async def write(self, link: Link) -> None:
        """The chain has come to here."""
        await _in_time(self._write(link))

    async def _write(self, link: Link) -> None:
        values = {"seq": link.seq, "hash": link.hash, "written": time.time()}
        async with self._writes.begin() as connection:
            changed = await connection.execute(table.update().where(table.c.node == self._node).values(values))
            if not changed.rowcount:
                await connection.execute(table.insert().values(node=self._node, **values))


async def heads(url: str) -> dict[str, Link]:
    """The heads of all nodes in the store behind a state URL. Raises ConfigError."""
    file = sqlite_file_of(url)
    if file is not None and not file.is_file():
        raise ConfigError(f"state file {file}: no such file or directory", exit_code=3)
    database = await open_database(url)
    try:
        return await _in_time(_heads(database.reads))
    except StoreUnavailable as trouble:
        raise ConfigError(str(trouble), exit_code=3) from None
    finally:
        await database.close()


def head_of(known: dict[str, Link], node: str) -> Link | None:
    """The head for a file whose last record is ``node``'s: a store of one node need not know its name."""
    return next(iter(known.values())) if len(known) == 1 else known.get(node)


async def _heads(engine: AsyncEngine) -> dict[str, Link]:
    async with engine.connect() as connection:
        rows = await connection.execute(sa.select(table.c.node, table.c.seq, table.c.hash))
        return {node: Link(seq, digest) for node, seq, digest in rows}


async def _in_time(work: Coroutine[Any, Any, _T]) -> _T:
    try:
        async with asyncio.timeout(_SECONDS):
            return await work
    except (SQLAlchemyError, OSError, TimeoutError) as trouble:
        raise StoreUnavailable(f"the audit's end could not be kept: {in_words(trouble)}") from trouble
