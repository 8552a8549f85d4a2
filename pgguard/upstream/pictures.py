"""The cached picture of each database, checked by its fingerprint every second while somebody asks for it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pgguard.catalog.build import build
from pgguard.catalog.picture import Picture
from pgguard.catalog.queries import FINGERPRINT_SQL, QUERIES
from pgguard.errors import UpstreamUnavailable
from pgguard.upstream.connection import Connection

CHECK_EVERY = 1.0
FORGET_AFTER = 60.0  # nobody asked for so long: the database is not active, its background query stops
_IDENTITY = (
    "SELECT pg_catalog.current_setting('server_version_num')::int, d.datname::text, d.oid,"
    " pg_catalog.getdatabaseencoding()::text"
    " FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()"
)


_Rows = tuple[dict[str, Any], tuple[int, str, int, str]]


@dataclass(slots=True)
class _Kept:
    picture: Picture | None = None
    fingerprint: str = ""
    checked: float = float("-inf")  # when the query began that last found the picture true
    generation: int = 0  # grows with every invalidation: what was read before it does not count
    asked: float = 0.0
    watcher: asyncio.Task[None] | None = None
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)


class Pictures:
    def __init__(self, connect: Callable[[str], Connection], max_age: float = 2.0) -> None:
        self._connect = connect
        self._max_age = max_age
        self._kept: dict[str, _Kept] = {}

    async def get(self, database: str, deadline: float) -> Picture:
        """A picture no older than ``max_age``; reads it again when the catalogs changed or it was invalidated."""
        kept = self._kept.setdefault(database, _Kept())
        kept.asked = time.monotonic()
        if kept.picture is None or not self.fresh(database, self._max_age):
            try:
                async with asyncio.timeout(deadline):
                    await self._check(database, kept, deadline)
            except TimeoutError as trouble:
                raise UpstreamUnavailable(f'no catalog picture of database "{database}" in time') from trouble
        if kept.watcher is None or kept.watcher.done():
            kept.watcher = asyncio.create_task(self._watch(database, kept))
        assert kept.picture is not None
        return kept.picture

    def age(self, database: str) -> float:
        """Seconds since the picture was last known to be true; infinite when there is none."""
        kept = self._kept.get(database)
        return float("inf") if kept is None or kept.picture is None else time.monotonic() - kept.checked

    def fresh(self, database: str, max_age: float) -> bool:
        return self.age(database) <= max_age

    def invalidate(self, database: str) -> None:
        """What was read until now, or is being read, is not true any more."""
        kept = self._kept.setdefault(database, _Kept())
        kept.generation += 1
        kept.checked = float("-inf")

    async def rest(self, database: str) -> None:
        """Ask nothing until somebody asks for it; what is known by then is asked for its fingerprint only."""
        kept = self._kept.get(database)
        if kept is not None and kept.watcher is not None:
            kept.watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await kept.watcher

    async def close(self) -> None:
        for database in self._kept:
            await self.rest(database)
        self._kept.clear()

    async def _check(self, database: str, kept: _Kept, deadline: float) -> None:
        async with kept.reading:
            if self.fresh(database, CHECK_EVERY / 2):
                return  # somebody else has just done it
            while True:
                generation, began = kept.generation, time.monotonic()
                fingerprint, rows = await self._rows(database, kept, deadline)
                # A few tenths of a second for thousands of tables: not on the loop that carries everybody's bytes.
                picture = kept.picture if rows is None else await asyncio.to_thread(_build, rows)
                if generation == kept.generation:
                    break
            kept.picture, kept.fingerprint, kept.checked = picture, fingerprint, began

    async def _rows(self, database: str, kept: _Kept, deadline: float) -> tuple[str, _Rows | None]:
        """The fingerprint now, and all rows when it is another one than the kept picture's."""
        async with (
            self._connect(database).use(deadline) as connection,
            # One snapshot for the fingerprint and all rows, or they could speak of different moments.
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            fingerprint: str = await connection.fetchval(FINGERPRINT_SQL)
            if kept.picture is not None and fingerprint == kept.fingerprint:
                return fingerprint, None
            rows = {name: await connection.fetch(sql) for name, sql in QUERIES.items()}
            return fingerprint, (rows, tuple(await connection.fetchrow(_IDENTITY)))

    async def _watch(self, database: str, kept: _Kept) -> None:
        while time.monotonic() - kept.asked < FORGET_AFTER:
            await asyncio.sleep(CHECK_EVERY)
            # The picture only grows old when this fails; whoever needs it then gets the error of a try of its own.
            with contextlib.suppress(Exception):
                await self._check(database, kept, deadline=2.0)


def _build(found: _Rows) -> Picture:
    rows, identity = found
    return build({name: [tuple(row) for row in table] for name, table in rows.items()}, *identity)
