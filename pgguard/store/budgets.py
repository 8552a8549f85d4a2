"""What was spent of budgets, kept over a restart: rows of this node alone, written off the path."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from pgguard.errors import StoreUnavailable
from pgguard.policy.account import Allowed, Entry, Place
from pgguard.store.database import budgets as table
from pgguard.store.database import in_words

_T = TypeVar("_T")
_SECONDS = 5.0  # nobody waits for it but the next writing


@dataclass(frozen=True, slots=True)
class Saved:
    """One account, with moments of the wall clock (seconds since 1970)."""

    window: float
    spent: Sequence[Entry]
    allowed: Sequence[Allowed]


class SavedBudgets:
    """The accounts of ``node``. Both methods raise StoreUnavailable, nothing else."""

    def __init__(self, reads: AsyncEngine, writes: AsyncEngine, node: str) -> None:
        self._reads = reads
        self._writes = writes
        self._node = node

    async def read(self) -> dict[Place, Saved]:
        """What this node wrote last."""
        return await _in_time(self._read())

    async def write(self, accounts: Mapping[Place, Saved | None]) -> None:
        """These accounts as they are now, all or none; None: it is not needed any more."""
        await _in_time(self._write(accounts))

    async def _read(self) -> dict[Place, Saved]:
        async with self._reads.connect() as connection:
            rows = await connection.execute(sa.select(table.c.content).where(table.c.node == self._node))
            return dict(_loaded(content) for content in rows.scalars())

    async def _write(self, accounts: Mapping[Place, Saved | None]) -> None:
        numbers = {self._id(place): (place, saved) for place, saved in accounts.items()}
        async with self._writes.begin() as connection:
            await connection.execute(table.delete().where(table.c.id.in_(list(numbers))))
            new = [
                {"id": number, "node": self._node, "content": _kept(place, saved)}
                for number, (place, saved) in numbers.items()
                if saved is not None
            ]
            if new:
                await connection.execute(table.insert(), new)

    def _id(self, place: Place) -> str:
        return hashlib.sha256(json.dumps([self._node, place]).encode()).hexdigest()


def _kept(place: Place, saved: Saved) -> str:
    return json.dumps([place, saved.window, saved.spent, saved.allowed])


def _loaded(content: str) -> tuple[Place, Saved]:
    (name, what, key), window, spent, allowed = json.loads(content)
    return (
        (str(name), str(what), tuple((str(per), str(value)) for per, value in key)),
        Saved(
            float(window),
            [(float(moment), int(amount), int(statements)) for moment, amount, statements in spent],
            [(str(caller), int(amount), float(until)) for caller, amount, until in allowed],
        ),
    )


async def _in_time(work: Coroutine[Any, Any, _T]) -> _T:
    try:
        async with asyncio.timeout(_SECONDS):
            return await work
    except (SQLAlchemyError, OSError, TimeoutError, ValueError, TypeError) as trouble:
        raise StoreUnavailable(f"budgets could not be kept: {in_words(trouble)}") from trouble
