"""The store of requests: the only code that changes one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from pgguard.errors import ConfigError, StoreUnavailable
from pgguard.policy.binding import Approval, Binding, Filed, NewRequest, NotValid
from pgguard.policy.consent import AS_ASKED, Terms
from pgguard.store import answers, lifecycle, trust
from pgguard.store.audit_head import AuditHead
from pgguard.store.budgets import SavedBudgets
from pgguard.store.database import Database, in_words, open_database
from pgguard.store.database import requests as table
from pgguard.store.filing import Filing
from pgguard.store.lifecycle import Answer, Approver, TooMany
from pgguard.store.moments import TOLERANCE, Moments
from pgguard.store.request import Request, State, from_row
from pgguard.store.token import TokenKey, shortened

_T = TypeVar("_T")
_LISTED = 500  # newest first
_after_use = sa.case((table.c.remaining > 1, "approved"), else_="used")
_WAITING = (State.OPEN, State.REVIEW)  # for somebody


class Store:
    """Requests and approvals. Every method raises StoreUnavailable when the store is away or late, nothing else.

    ``deadline`` is for what a session asks while it holds locks; people wait up to ten times as long.
    """

    def __init__(self, database: Database, key: TokenKey, moments: Moments, deadline: float) -> None:
        self._database = database
        self._reads = database.reads
        self._writes = database.writes
        self._key = key
        self._now = moments.now
        self._filing = Filing(self._writes, self._now)
        self._deadline = deadline
        self._late: set[asyncio.Task[Any]] = set()

    @classmethod
    async def open(
        cls, url: str, token_key: Path | None = None, moments: Moments | None = None, deadline: float = 0.25
    ) -> Store:
        """The store behind a state URL, made if it is not there. Raises ConfigError."""
        database = await open_database(url)
        try:
            if token_key is None and database.file is not None:
                token_key = database.file.with_suffix(".token-key")
            return cls(database, TokenKey(token_key), moments or Moments(), deadline)
        except ConfigError:
            await database.close()
            raise

    def budgets(self, node: str) -> SavedBudgets:
        """Where ``node`` keeps what was spent of budgets."""
        return SavedBudgets(self._reads, self._writes, node)

    def audit_head(self, node: str) -> AuditHead:
        """Where ``node`` keeps the end of its audit's chain."""
        return AuditHead(self._reads, self._writes, node)

    async def close(self) -> None:
        """Waits for what is under way, then lets go of the database."""
        if self._late:
            await asyncio.wait(self._late, timeout=2.0)
        await self._database.close()

    # What sessions ask

    async def file(self, request: NewRequest) -> Filed | TooMany:
        """Files a request; the same binding keeps its number while it is open, and its denial while that holds.
        What was refused is rolled back by now and can wait, unlike what went ahead alone."""
        seconds = self._deadline * (1 if request.review else 10)
        try:
            return await self._in_time(self._filing.file(request), seconds)
        except _Raced:
            return await self._in_time(self._filing.file(request), seconds)

    async def find(self, binding: Binding, token: str = "") -> Approval | NotValid | None:
        """The approval for exactly this binding, if there is one. A token that does not hold is NotValid, unless
        there is an approval that needs none."""
        return await self._in_time(self._find(binding, token), self._deadline)

    async def is_known(self, binding: Binding) -> bool:
        """Whether there is a request for this binding that is open, or was denied: no new one would be filed."""
        return await self._in_time(self._is_known(binding), self._deadline)

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

    async def approve(self, number: int, by: Approver, terms: Terms = AS_ASKED) -> Answer:
        """Approves on these ``terms``; with ``terms.token`` only its bearer can use the approval."""
        return await self._answer(lambda link, now: answers.approve(link, number, by, terms, self._key, now))

    async def deny(self, number: int, by: Approver, reason: str) -> Answer:
        """Denies; the same thing tried again meets ``reason`` until the approval would have expired."""
        # An empty ``Filed.denied`` would mean that nobody said no.
        said = reason.strip() or "no reason given"
        return await self._answer(lambda link, now: answers.deny(link, number, by, said, now))

    async def withdraw(self, number: int, by: str) -> Answer:
        """Takes back one's own request, or what was approved of it and not used."""
        return await self._answer(lambda link, now: answers.withdraw(link, number, by, now))

    # What signing in and committing tell about people

    async def saw(self, login: str) -> None:
        """Somebody signed in under this name."""
        with suppress(_Raced):  # another node saw it at the same moment
            await self._in_time(self._saw(login), self._deadline * 10)

    async def roles_changed(self, roles: Collection[str], by: str) -> None:
        """``by`` is about to commit changes of these roles (``trust.ANY``: it is not known which)."""
        await self._in_time(self._changed(roles, by), self._deadline)

    async def ended(self, numbers: Collection[int], outcome: str) -> None:
        """What became of the transaction that these approvals let through."""
        await self._in_time(self._ended_so(numbers, outcome), self._deadline * 10)

    async def _answer(self, work: Callable[[AsyncConnection, float], Coroutine[Any, Any, Answer]]) -> Answer:
        async def answer() -> Answer:
            async with self._writes.begin() as connection:
                return await work(connection, await self._now(connection))

        return await self._in_time(answer(), self._deadline * 10)

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

    async def _is_known(self, binding: Binding) -> bool:
        async with self._reads.connect() as connection:
            now = await self._now(connection)
            known = sa.select(table.c.number).where(table.c.digest == binding.digest(), table.c.expires > now)
            waits = known.where(table.c.state.in_(("open", "denied"))).limit(1)
            return (await connection.execute(waits)).first() is not None

    async def _find(self, binding: Binding, token: str) -> Approval | NotValid | None:
        digest = binding.digest()
        async with self._reads.connect() as connection:
            now = await self._now(connection)
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
        async with self._writes.connect() as connection, connection.begin() as transaction:
            now = await self._now(connection)
            for number in sorted(numbers):  # one order for everybody: no deadlock between two claimers
                spent = await connection.execute(
                    table.update()
                    .where(table.c.number == number, table.c.state == "approved")
                    .where(table.c.expires > now, table.c.remaining > 0, table.c.decided <= now + TOLERANCE)
                    .values(state=_after_use, used=now, remaining=table.c.remaining - 1, outcome="")
                )
                if spent.rowcount != 1:
                    found = await _select(connection, table.c.number == number)
                    await transaction.rollback()
                    if not found:
                        return f"request {number}: there is no such request"
                    return f"request {number}: {lifecycle.usable(found[0], now) or 'it could not be claimed'}"
        return ""

    async def _saw(self, login: str) -> None:
        async with self._writes.begin() as connection:
            await trust.saw(connection, login, await self._now(connection))

    async def _changed(self, roles: Collection[str], by: str) -> None:
        async with self._writes.begin() as connection:
            await trust.changed(connection, roles, by, await self._now(connection))

    async def _ended_so(self, numbers: Collection[int], outcome: str) -> None:
        async with self._writes.begin() as connection:
            spent = (table.c.number.in_(list(numbers)), table.c.used.is_not(None))
            await connection.execute(table.update().where(*spent).values(outcome=outcome))

    async def _listing(self, open_only: bool) -> tuple[Request, ...]:
        where = (table.c.state.in_(_WAITING),) if open_only else ()
        async with self._reads.connect() as connection:
            now = await self._now(connection)
            known = await _select(connection, *where)
        current = (replace(request, state=lifecycle.state(request, now)) for request in known)
        return tuple(request for request in current if not open_only or request.state in _WAITING)

    async def _show(self, number: int) -> Request | None:
        async with self._reads.connect() as connection:
            now = await self._now(connection)
            known = await _select(connection, table.c.number == number)
        return replace(known[0], state=lifecycle.state(known[0], now)) if known else None


class _Raced(StoreUnavailable):
    """Another node wrote the same thing first: the unique index on open bindings spoke."""


async def _select(connection: AsyncConnection, *where: sa.ColumnElement[bool]) -> list[Request]:
    chosen = sa.select(table).where(*where).order_by(table.c.number.desc()).limit(_LISTED)
    return [from_row(dict(row)) for row in (await connection.execute(chosen)).mappings()]
