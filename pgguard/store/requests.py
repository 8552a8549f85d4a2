"""The store of requests: the only code that changes one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from pgguard.errors import ConfigError, StoreUnavailable
from pgguard.policy.binding import Approval, Binding, Filed, NewRequest, NotValid
from pgguard.store import lifecycle
from pgguard.store.budgets import SavedBudgets
from pgguard.store.database import in_words, meta, open_engine, writing
from pgguard.store.database import requests as table
from pgguard.store.lifecycle import Answer, TooMany
from pgguard.store.request import Request, State, content, from_row
from pgguard.store.token import TokenKey, new_jti, shortened

_T = TypeVar("_T")
_LISTED = 500  # newest first


class Store:
    """Requests and approvals. Every method raises StoreUnavailable when the store is away or late, nothing else.

    ``deadline`` is for what a session asks while it holds locks; people wait up to ten times as long.
    """

    def __init__(self, engine: AsyncEngine, key: TokenKey, clock: Callable[[], float], deadline: float) -> None:
        self._reads = engine
        self._writes = writing(engine)
        self._key = key
        self._clock = clock
        self._deadline = deadline
        self._late: set[asyncio.Task[Any]] = set()

    @classmethod
    async def open(
        cls, url: str, token_key: Path | None = None, clock: Callable[[], float] = time.time, deadline: float = 0.25
    ) -> Store:
        """The store behind a state URL, made if it is not there. Raises ConfigError."""
        engine, file = await open_engine(url)
        try:
            if token_key is None and file is not None:
                token_key = file.with_suffix(".token-key")
            return cls(engine, TokenKey(token_key), clock, deadline)
        except ConfigError:
            await engine.dispose()
            raise

    def budgets(self, node: str) -> SavedBudgets:
        """Where ``node`` keeps what was spent of budgets."""
        return SavedBudgets(self._reads, self._writes, node)

    async def close(self) -> None:
        """Waits for what is under way, then lets go of the database."""
        if self._late:
            await asyncio.wait(self._late, timeout=2.0)
        await self._reads.dispose()

    # What sessions ask

    async def file(self, request: NewRequest) -> Filed | TooMany:
        """Files a request; the same binding keeps its number while it is open, and its denial while that holds."""
        try:
            return await self._in_time(self._file(request), self._deadline)
        except _Raced:
            return await self._in_time(self._file(request), self._deadline)

    async def find(self, binding: Binding, token: str = "") -> Approval | NotValid | None:
        """The approval for exactly this binding, if there is one. A token that does not hold is NotValid, unless
        there is an approval that needs none."""
        return await self._in_time(self._find(binding, token), self._deadline)

    async def claim(self, numbers: tuple[int, ...]) -> str:
        """Spends these approvals, all or none. "" when done, else why not; then none of them was spent."""
        return await self._in_time(self._claim(numbers), self._deadline)

    # What people ask

    async def listing(self, open_only: bool = True) -> tuple[Request, ...]:
        """Requests as they stand now, newest first."""
        return await self._in_time(self._listing(open_only), self._deadline * 10)

    async def show(self, number: int) -> Request | None:
        """One request as it stands now."""
        return await self._in_time(self._show(number), self._deadline * 10)

    async def approve(
        self, number: int, by: str, groups: Collection[str], at_most: int | None = None, token: bool = False
    ) -> Answer:
        """Approves for ``by``, a member of the approver ``groups``. With ``token`` only its bearer can use it."""
        return await self._in_time(self._approve(number, by, groups, at_most, token), self._deadline * 10)

    async def deny(self, number: int, by: str, groups: Collection[str], reason: str) -> Answer:
        """Denies; the same thing tried again meets ``reason`` until the approval would have expired."""
        # An empty ``Filed.denied`` would mean that nobody said no.
        said = reason.strip() or "no reason given"
        return await self._in_time(self._deny(number, by, groups, said), self._deadline * 10)

    async def _in_time(self, work: Coroutine[Any, Any, _T], seconds: float) -> _T:
        # Never cancelled half-way: what is late, or no longer waited for, ends by itself (the drivers have timeouts
        # of their own). A claim that is late may so be spent without a COMMIT, never the other way round.
        task = asyncio.ensure_future(work)
        self._late.add(task)
        task.add_done_callback(self._ended)
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            raise StoreUnavailable(f"the store did not answer within {seconds * 1000:.0f} ms")
        try:
            return task.result()
        except (StoreUnavailable, _Raced):
            raise
        except IntegrityError as trouble:
            raise _Raced(f"the store could not be written: {in_words(trouble)}") from trouble
        except (SQLAlchemyError, OSError, TimeoutError, ValueError, ConfigError) as trouble:
            raise StoreUnavailable(f"the store could not be used: {in_words(trouble)}") from trouble

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._late.discard(task)
        if not task.cancelled():
            task.exception()  # seen, also when nobody waits any more

    async def _file(self, asked: NewRequest) -> Filed | TooMany:
        now = self._clock()
        digest = asked.binding.digest()
        rows = asked.rows
        async with self._writes.begin() as connection:
            await connection.execute(sa.select(meta.c.id).with_for_update())
            await connection.execute(
                table.update().where(table.c.state == "open", table.c.expires <= now).values(state="expired")
            )
            same = await _select(connection, table.c.digest == digest, table.c.state.in_(("open", "denied")))
            for known in same:
                if known.state is State.OPEN:
                    tries = known.tries + 1
                    await connection.execute(
                        table.update().where(table.c.number == known.number).values(tries=tries, last_rows=rows)
                    )
                    return Filed(known.number, tries)
            for known in same:
                if lifecycle.denies(known, now):
                    tries = known.tries + 1
                    await connection.execute(table.update().where(table.c.number == known.number).values(tries=tries))
                    return Filed(known.number, tries, denied=known.denial)
            mine = sa.select(table.c.number).where(table.c.caller == asked.binding.caller, table.c.state == "open")
            numbers = (await connection.execute(mine.order_by(table.c.number))).scalars().all()
            if len(numbers) >= lifecycle.MOST_OPEN:
                return TooMany(tuple(numbers))
            made = await connection.execute(
                table.insert().values(
                    digest=digest, state="open", caller=asked.binding.caller, content=content(asked), tries=1,
                    filed=now, expires=now + lifecycle.UNANSWERED, last_rows=rows,
                ).returning(table.c.number)
            )  # fmt: skip
            return Filed(int(made.scalar_one()))

    async def _find(self, binding: Binding, token: str) -> Approval | NotValid | None:
        now = self._clock()
        digest = binding.digest()
        async with self._reads.connect() as connection:
            borne = await self._borne(connection, digest, token, now) if token else None
            if isinstance(borne, Approval):
                return borne
            known = await _select(connection, table.c.digest == digest, table.c.state == "approved", table.c.jti == "")
        usable = [request for request in known if not lifecycle.usable(request, now)]
        return usable[0].approval(usable[0].expires - now) if usable else borne

    async def _borne(self, connection: AsyncConnection, digest: str, token: str, now: float) -> Approval | NotValid:
        claims = self._key.read(token)
        if isinstance(claims, str):
            return NotValid(claims)
        found = await _select(connection, table.c.number == claims.number)
        if not found or found[0].jti != claims.jti:
            return NotValid("token names no approval of this pgguard", claims.number)
        request = found[0]
        if request.digest != digest or claims.digest != shortened(digest):
            return NotValid("its token is for another statement, caller, role or database", request.number)
        if claims.expires <= now:
            return NotValid("it expired", request.number)
        if why := lifecycle.usable(request, now):
            return NotValid(why, request.number)
        return request.approval(request.expires - now)

    async def _claim(self, numbers: tuple[int, ...]) -> str:
        now = self._clock()
        async with self._writes.connect() as connection, connection.begin() as transaction:
            for number in sorted(numbers):  # one order for everybody: no deadlock between two claimers
                spent = await connection.execute(
                    table.update()
                    .where(table.c.number == number, table.c.state == "approved", table.c.expires > now)
                    .values(state="used", used=now)
                )
                if spent.rowcount != 1:
                    found = await _select(connection, table.c.number == number)
                    await transaction.rollback()
                    if not found:
                        return f"request {number}: there is no such request"
                    return f"request {number}: {lifecycle.usable(found[0], now) or 'it could not be claimed'}"
        return ""

    async def _listing(self, open_only: bool) -> tuple[Request, ...]:
        now = self._clock()
        where = (table.c.state == "open",) if open_only else ()
        async with self._reads.connect() as connection:
            known = await _select(connection, *where)
        current = (replace(request, state=lifecycle.state(request, now)) for request in known)
        return tuple(request for request in current if not open_only or request.state is State.OPEN)

    async def _show(self, number: int) -> Request | None:
        async with self._reads.connect() as connection:
            known = await _select(connection, table.c.number == number)
        return replace(known[0], state=lifecycle.state(known[0], self._clock())) if known else None

    async def _approve(
        self, number: int, by: str, groups: Collection[str], at_most: int | None, token: bool
    ) -> Answer:
        now = self._clock()
        async with self._writes.begin() as connection:
            known = await _select(connection, table.c.number == number)
            if not known:
                return Answer(number, f"there is no request {number}", lifecycle.NO_SUCH)
            if refused := lifecycle.may_approve(known[0], now, by, groups, at_most):
                return refused
            expires = now + known[0].asked.expires
            jti = new_jti() if token else ""
            signed = ""
            if token:
                try:
                    signed = self._key.sign(number, known[0].digest, expires, jti)
                except ConfigError as trouble:
                    return Answer(number, str(trouble), lifecycle.NOT_NOW)
            values = {"state": "approved", "decided_by": by, "decided": now, "expires": expires, "at_most": at_most}
            if not await _answer(connection, number, {**values, "jti": jti}):
                return Answer(number, f"request {number} is not open", lifecycle.NOT_NOW)
        return Answer(number, f"request {number} approved", token=signed, expires=expires)

    async def _deny(self, number: int, by: str, groups: Collection[str], reason: str) -> Answer:
        now = self._clock()
        async with self._writes.begin() as connection:
            known = await _select(connection, table.c.number == number)
            if not known:
                return Answer(number, f"there is no request {number}", lifecycle.NO_SUCH)
            if refused := lifecycle.may_deny(known[0], now, groups):
                return refused
            expires = now + known[0].asked.expires
            values = {"state": "denied", "decided_by": by, "decided": now, "expires": expires, "denial": reason}
            if not await _answer(connection, number, values):
                return Answer(number, f"request {number} is not open", lifecycle.NOT_NOW)
        return Answer(number, f"request {number} denied", expires=expires)


class _Raced(StoreUnavailable):
    """Another node wrote the same thing first: the unique index on open bindings spoke."""


async def _select(connection: AsyncConnection, *where: sa.ColumnElement[bool]) -> list[Request]:
    chosen = sa.select(table).where(*where).order_by(table.c.number.desc()).limit(_LISTED)
    return [from_row(dict(row)) for row in (await connection.execute(chosen)).mappings()]


async def _answer(connection: AsyncConnection, number: int, values: dict[str, object]) -> bool:
    """Answers an open request; False when somebody else answered it in the meantime."""
    answered = table.update().where(table.c.number == number, table.c.state == "open").values(values)
    return (await connection.execute(answered)).rowcount == 1
