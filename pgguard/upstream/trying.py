"""One text, run through a pgguard with pgguard.dry_run on: what the client is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from pgguard.errors import UpstreamUnavailable


@dataclass(frozen=True, slots=True)
class Told:
    """``notices`` as (message, detail), in order; ``error`` as (SQLSTATE, message, detail, hint), None when all ran."""

    notices: tuple[tuple[str, str], ...]
    error: tuple[str, str, str, str] | None = None


async def tried(sql: str, dsn: str, folder: Path, port: int, *, claim: str = "", patience: float = 60.0) -> Told:
    """``dsn``'s login and database, at the socket in ``folder``. Raises UpstreamUnavailable when nobody can sign in."""
    notices: list[tuple[str, str]] = []

    def heard(_: Any, message: asyncpg.PostgresLogMessage) -> None:
        said = message.as_dict()
        notices.append((str(said.get("message", "")), str(said.get("detail", "") or "")))

    settings = {"pgguard.dry_run": "on", **({"pgguard.environment": claim} if claim else {})}
    try:
        connection = await asyncpg.connect(
            dsn, host=str(folder), port=port, timeout=patience, command_timeout=patience, server_settings=settings
        )
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, ValueError) as trouble:
        raise UpstreamUnavailable(f"cannot sign in: {trouble or 'no answer in time'}") from None
    connection.add_log_listener(heard)
    try:
        await connection.execute(sql)
        return Told(tuple(notices))
    except asyncpg.PostgresError as refused:
        said = refused.as_dict()
        error = tuple(str(said.get(part) or "") for part in ("sqlstate", "message", "detail", "hint"))
        return Told(tuple(notices), (error[0], error[1], error[2], error[3]))
    except (asyncpg.InterfaceError, OSError, TimeoutError) as trouble:
        raise UpstreamUnavailable(f"the connection went away: {trouble or 'no answer in time'}") from None
    finally:
        connection.terminate()
