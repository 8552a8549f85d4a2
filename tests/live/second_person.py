"""A second person at the console, with a driver: a process of its own for each command takes most of the time."""

from __future__ import annotations

from live.pgguard import Pgguard
from live.waiting import wait_until


def say(guard: Pgguard, command: str, *, user: str = "bob") -> list[tuple[str, ...]]:
    """One command of the console, and its rows."""
    return guard.sql(command, user=user, dbname="pgguard")


def approve(guard: Pgguard, number: int, terms: str = "", *, user: str = "bob") -> None:
    """Approves, on these terms. Raises psycopg.Error when that may not be."""
    ((_, state, *_more),) = say(guard, f"approve {number} {terms}", user=user)
    assert state in ("approved", "open"), state


def told(guard: Pgguard, number: int, *, user: str = "bob") -> dict[str, str]:
    """What a request says; of a field that comes more than once, its values in lines."""
    found: dict[str, str] = {}
    for field, value in say(guard, f"show request {number}", user=user):
        found[field] = f"{found[field]}\n{value}" if field in found else value
    return found


def ended(guard: Pgguard, number: int, *, user: str = "bob") -> str:
    """What became of the transaction that a request let through; it is written down behind the answer."""
    wait_until(lambda: not told(guard, number, user=user)["outcome"].startswith("spent"))
    return told(guard, number, user=user)["outcome"]
