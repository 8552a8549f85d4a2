"""One command to the console of a running pgguard, and its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from pgguard.errors import ConfigError, UpstreamUnavailable

DATABASE = "pgguard"


Rows = Sequence[dict[str, str]]


@dataclass(frozen=True, slots=True)
class ConsoleRefused:
    """The console's no: what it said, as an ErrorResponse says it."""

    sqlstate: str
    message: str
    hint: str = ""


async def ask(command: str, dsn: str | None = None, patience: float = 15.0) -> Rows | ConsoleRefused:
    """Sends one command to the database ``pgguard``, found by ``dsn`` or libpq's environment, and waits
    ``patience`` seconds. Raises UpstreamUnavailable when there is no console to talk to, ConfigError when it is not
    clear where."""
    try:
        connection = await asyncpg.connect(dsn, database=DATABASE, timeout=patience, command_timeout=patience)
    except asyncpg.PostgresError as refused:
        return _refused(refused)
    except (ValueError, OverflowError) as trouble:
        raise ConfigError(f"the console's address cannot be used: {_words(trouble)}") from trouble
    except (OSError, TimeoutError, asyncpg.InterfaceError) as trouble:
        raise UpstreamUnavailable(f"no pgguard console there: {_words(trouble)}") from trouble
    try:
        rows = await connection.fetch(command)
        return [{key: value for key, value in row.items() if value is not None} for row in rows]
    except asyncpg.PostgresError as refused:
        return _refused(refused)
    except (OSError, TimeoutError, asyncpg.InterfaceError) as trouble:
        raise UpstreamUnavailable(f"the pgguard console went away: {_words(trouble)}") from trouble
    finally:
        connection.terminate()


def quoted(text: str) -> str:
    """``text`` as a string of the console's language."""
    return "'" + text.replace("'", "''").replace("\0", "") + "'"


def _refused(refused: asyncpg.PostgresError) -> ConsoleRefused:
    return ConsoleRefused(refused.sqlstate or "XX000", str(refused.args[0]) if refused.args else "",
                          getattr(refused, "hint", None) or "")  # fmt: skip


def _words(trouble: BaseException) -> str:
    lines = str(trouble).strip().splitlines()
    return lines[0] if lines else "no answer in time" if isinstance(trouble, TimeoutError) else type(trouble).__name__
