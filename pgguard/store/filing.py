"""Files requests, all that wait together in one transaction: a flood of them costs few commits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from pgguard.policy.binding import Filed, NewRequest
from pgguard.store import lifecycle
from pgguard.store.database import locked, meta
from pgguard.store.database import requests as table
from pgguard.store.lifecycle import TooMany
from pgguard.store.request import State, content, votes_of

_TOGETHER = 100  # what comes next, a claim perhaps, waits for so many
_TURNS = 9  # so often it waits again for other processes that write: BUSY_MS each, and whoever files has the time
_OPEN, _DENIED = State.OPEN.value, State.DENIED.value
_MAKE = table.insert().returning(table.c.number, sort_by_parameter_order=True)
_KNOWN = (table.c.number, table.c.digest, table.c.state, table.c.tries, table.c.denial, table.c.votes)


@dataclass(slots=True)
class _Asked:
    """One that waits. ``content`` is made before, so that what cannot be kept troubles nobody else."""

    request: NewRequest
    digest: str
    content: str
    answer: asyncio.Future[Filed | TooMany]


@dataclass(slots=True)
class _Known:
    """An open or denied request as it was found, or is to be made (then it has no number yet). ``rows``: those of the
    latest try."""

    number: int
    tries: int = 1
    denial: str = ""
    votes: int = 0
    rows: int | None = None
    tried: bool = False


class Filing:
    """``now``: the store's moment, asked inside the transaction."""

    def __init__(self, writes: AsyncEngine, now: Callable[[AsyncConnection], Awaitable[float]]) -> None:
        self._writes = writes
        self._now = now
        self._waiting: deque[_Asked] = deque()
        self._working: asyncio.Task[None] | None = None

    async def file(self, request: NewRequest) -> Filed | TooMany:
        """The same binding keeps its number while it is open, and its denial while that holds. Returns when the disk
        has it. Raises what the database raises."""
        asked = _Asked(request, request.binding.digest(), content(request), asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return await asked.answer

    async def _work(self) -> None:
        try:
            while self._waiting:
                together = [self._waiting.popleft() for _ in range(min(_TOGETHER, len(self._waiting)))]
                try:
                    await self._commit(together)
                except (ValueError, IntegrityError):
                    for one in together:  # a damaged row, or what another node filed: not the others' trouble
                        await self._alone(one)
                except Exception as trouble:
                    _fail(together, trouble)
        finally:
            self._working = None

    async def _alone(self, one: _Asked) -> None:
        try:
            await self._commit([one])
        except Exception as trouble:
            _fail([one], trouble)

    async def _commit(self, together: Sequence[_Asked]) -> None:
        for _ in range(_TURNS):
            try:
                return await self._commit_now(together)
            except OperationalError as trouble:
                if not locked(trouble):
                    raise
        return await self._commit_now(together)

    async def _commit_now(self, together: Sequence[_Asked]) -> None:
        async with self._writes.begin() as connection:
            if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
                await connection.execute(sa.select(meta.c.id).with_for_update())
            answers = await _file(connection, together, await self._now(connection))
        # INVARIANT: nobody hears of a number before the disk has it.
        for one, answer in zip(together, answers, strict=True):
            if not one.answer.done():
                one.answer.set_result(answer)


def _fail(together: Sequence[_Asked], trouble: Exception) -> None:
    for one in together:
        if not one.answer.done():
            one.answer.set_exception(trouble)


async def _file(connection: AsyncConnection, together: Sequence[_Asked], now: float) -> list[Filed | TooMany]:
    # Written down, so that a clock that is set back brings nothing back to life.
    over = (table.c.state.in_((_OPEN, State.APPROVED.value)), table.c.expires <= now)
    await connection.execute(table.update().where(*over).values(state=State.EXPIRED.value))
    known = await _known(connection, {one.digest for one in together}, now)
    mine = await _open(connection, {one.request.binding.caller for one in together})
    new: list[tuple[_Asked, _Known]] = []
    answers = [_answer(one, known, mine, new) for one in together]
    if new:
        made = await connection.execute(_MAKE, [_values(one, now) for one, _ in new])
        for (_, each), number in zip(new, made.scalars(), strict=True):
            each.number = number
    for each in known.values():
        if each.tried:
            values = {"tries": each.tries} if each.denial else {"tries": each.tries, "last_rows": each.rows}
            await connection.execute(table.update().where(table.c.number == each.number).values(values))
    return [answer() for answer in answers]


def _answer(
    one: _Asked, known: dict[str, _Known], mine: dict[str, list[_Known]], new: list[tuple[_Asked, _Known]]
) -> Callable[[], Filed | TooMany]:
    """What it will be answered, when those that are ``new`` have numbers."""
    request = one.request
    same = known.get(one.digest) if not request.review else None
    if same is None:
        same = _Known(0)
        if not request.review:
            others = mine.setdefault(request.binding.caller, [])
            if len(others) >= lifecycle.MOST_OPEN:
                return lambda: TooMany(tuple(each.number for each in others))
            others.append(same)
            known[one.digest] = same
        new.append((one, same))
    else:
        same.tries += 1
        same.rows, same.tried = request.rows, True
    found, tries = same, same.tries
    return lambda: Filed(found.number, tries, found.denial, found.votes)


async def _known(connection: AsyncConnection, digests: set[str], now: float) -> dict[str, _Known]:
    """What is open, or else the latest denial that holds, of each binding."""
    found: dict[str, _Known] = {}
    holds = sa.or_(table.c.state == _OPEN, sa.and_(table.c.state == _DENIED, table.c.expires > now))
    chosen = sa.select(*_KNOWN).where(table.c.digest.in_(digests), holds).order_by(table.c.number)
    for row in await connection.execute(chosen):
        if row.state == _OPEN or row.digest not in found or found[row.digest].denial:
            found[row.digest] = _Known(row.number, row.tries, row.denial, len(votes_of(row.votes)))
    return found


async def _open(connection: AsyncConnection, callers: set[str]) -> dict[str, list[_Known]]:
    """The open requests of each caller."""
    found: dict[str, list[_Known]] = {}
    chosen = sa.select(table.c.caller, table.c.number).where(table.c.caller.in_(callers), table.c.state == _OPEN)
    for caller, number in await connection.execute(chosen.order_by(table.c.number)):
        found.setdefault(caller, []).append(_Known(number))
    return found


def _values(one: _Asked, now: float) -> dict[str, object]:
    review = one.request.review
    return {
        "digest": one.digest, "state": (State.REVIEW if review else State.OPEN).value,
        "caller": one.request.binding.caller, "content": one.content, "tries": 1, "filed": now,
        "expires": now + lifecycle.UNANSWERED, "last_rows": one.request.rows, "votes": "[]", "uses": 1,
        "remaining": 0 if review else 1, "outcome": "", "decided_by": "", "denial": "", "jti": "",
    }  # fmt: skip
