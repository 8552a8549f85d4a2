"""Which servers are supported, and what a server says of itself."""

from __future__ import annotations

from dataclasses import dataclass

OLDEST, NEWEST = 15, 18


@dataclass(frozen=True, slots=True)
class Server:
    version_num: int  # 150018
    system_identifier: str
    name: str  # "host:port"


def supported(version_num: int, allow_major: int | None = None) -> str:
    """Why this version is refused: "" when it is not. Counters and commit points were tried on 15 to 18 only."""
    major = version_num // 10000
    if OLDEST <= major <= NEWEST or major == allow_major:
        return ""
    hint = f"; --allow-server-major {major} accepts it untried" if major > NEWEST else ""
    return f"PostgreSQL {major} is not supported: pgguard knows {OLDEST} to {NEWEST}{hint}"
