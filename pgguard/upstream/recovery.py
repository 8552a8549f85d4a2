"""Asks one of several servers whether it is a standby."""

from __future__ import annotations

import asyncio

import asyncpg

from pgguard.errors import UpstreamUnavailable


async def in_recovery(dsn: str, host: str, port: int, seconds: float) -> bool:
    """With the user, password and TLS of ``dsn``. Raises UpstreamUnavailable."""
    try:
        async with asyncio.timeout(seconds):
            connection = await asyncpg.connect(dsn, host=host, port=port, target_session_attrs="any")
            try:
                return bool(await connection.fetchval("SELECT pg_catalog.pg_is_in_recovery()"))
            finally:
                connection.terminate()
    except TimeoutError:
        raise UpstreamUnavailable("no answer in time") from None
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as trouble:
        raise UpstreamUnavailable(str(trouble)) from None
