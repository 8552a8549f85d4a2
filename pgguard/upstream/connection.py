"""One asyncpg connection to one database: our settings, a deadline for everything, a new one after it broke."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from pgguard.errors import UpstreamUnavailable

SETTINGS = {
    "application_name": "pgguard",
    "lock_timeout": "200ms",
    "statement_timeout": "2s",
    "idle_in_transaction_session_timeout": "10s",
    "search_path": "pg_catalog",
    # A probe of a table fails rather than run its owner's row-security policies with our rights.
    "row_security": "off",
    "default_transaction_read_only": "on",
    "jit": "off",
    "DateStyle": "ISO",
}


class Connection:
    """Whoever enters ``use`` has the connection alone. A broken one is thrown away and opened again at the next use.
    ``check`` sees each new one first, and raises when it will not do."""

    def __init__(
        self, dsn: str, database: str | None, settings: Mapping[str, str] | None = None,
        check: Callable[[Any], Awaitable[None]] | None = None,
    ) -> None:  # fmt: skip
        self._dsn = dsn
        self._database = database
        self._settings = SETTINGS | dict(settings or {})
        self._check = check
        self._lock = asyncio.Lock()
        self._connection: Any = None

    @asynccontextmanager
    async def use(self, deadline: float) -> AsyncIterator[Any]:
        """The open asyncpg connection, for at most ``deadline`` seconds, waiting for it included."""
        where = f'database "{self._database}"' if self._database else "the database of the admin DSN"
        try:
            async with asyncio.timeout(deadline), self._lock:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await self._open()
                try:
                    yield self._connection
                except asyncpg.PostgresError:
                    raise  # an answer: the connection itself is sound
                except BaseException:
                    # Whatever was interrupted may still be running there.
                    self._discard()
                    raise
        except TimeoutError as trouble:
            raise UpstreamUnavailable(
                f"the admin connection to {where} did not answer within {deadline:g} s"
            ) from trouble
        except asyncpg.PostgresError as trouble:
            raise UpstreamUnavailable(f"the admin connection to {where}: {trouble}") from trouble
        except (OSError, asyncpg.InterfaceError, ValueError) as trouble:
            raise UpstreamUnavailable(f"no admin connection to {where}: {trouble}") from trouble

    async def _open(self) -> Any:
        given = {"database": self._database} if self._database else {}
        connection = await asyncpg.connect(
            self._dsn, statement_cache_size=0, server_settings=dict(self._settings), timeout=5, **given
        )
        if self._check is not None:
            try:
                await self._check(connection)
            except BaseException:
                connection.terminate()
                raise
        return connection

    def _discard(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def close(self) -> None:
        async with self._lock:
            if self._connection is not None and not self._connection.is_closed():
                try:
                    await self._connection.close(timeout=1)
                except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    self._connection.terminate()
            self._connection = None


def as_text(value: Any) -> str | None:
    """A value as a text-format DataRow would have it, for the types that our own queries return."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")  # "char"
    if isinstance(value, list):
        return "{" + ",".join("NULL" if v is None else str(as_text(v)) for v in value) + "}"
    return str(value)
