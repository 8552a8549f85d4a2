"""How people answer requests: each answer is one transaction, on a row that is locked for it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from pgguard.errors import ConfigError
from pgguard.policy.consent import Terms, Vote, missing, still, together
from pgguard.store import lifecycle, trust
from pgguard.store.database import requests as table
from pgguard.store.lifecycle import Answer, Approver
from pgguard.store.request import Request, State, from_row, votes_kept
from pgguard.store.token import TokenKey, new_jti


async def approve(
    connection: AsyncConnection, number: int, by: Approver, terms: Terms, key: TokenKey, now: float
) -> Answer:
    """One more yes. The last one that was missing makes it an approval, on the strictest terms of all."""
    request = await _locked(connection, number)
    if request is None:
        return _no_such(number)
    known = await trust.known(connection, by.name, by.roles, now)
    if (refused := lifecycle.may_approve(request, now, by, terms, known)) is not None:
        return refused
    if request.state is State.REVIEW:
        return await _change(connection, request, "reviewed", {
            "state": State.REVIEWED.value, "decided_by": by.name, "decided": now,
        })  # fmt: skip
    vote = Vote(by.name, lifecycle.may_count_for(request, now, by, known), terms)
    votes = (*request.votes, vote)
    if missed := missing(request.asked.by, request.asked.needs, votes):
        words = f"approved, and still needs {still(missed)}"
        return await _change(connection, request, words, {"votes": votes_kept(votes)}, expires=request.expires)
    measured = request.asked.measurement
    # A budget's request is about going further, not about the rows of one try.
    lost = measured.lost if measured is not None and request.asked.binding.statements else None
    agreed = together(votes, lost)
    expires = now + (request.asked.expires if agreed.seconds is None else agreed.seconds)
    jti = new_jti() if agreed.token else ""
    try:
        token = key.sign(number, request.digest, expires, jti) if agreed.token else ""
    except ConfigError as trouble:
        return Answer(number, str(trouble), lifecycle.NOT_NOW)
    values = {
        "state": State.APPROVED.value, "decided_by": ", ".join(vote.person for vote in votes), "decided": now,
        "expires": expires, "at_most": agreed.at_most, "jti": jti, "uses": agreed.uses, "remaining": agreed.uses,
        "votes": "[]",
    }  # fmt: skip
    return await _change(connection, request, "approved", values, expires=expires, token=token)


async def deny(connection: AsyncConnection, number: int, by: Approver, reason: str, now: float) -> Answer:
    """One no is enough."""
    request = await _locked(connection, number)
    if request is None:
        return _no_such(number)
    if (refused := lifecycle.may_deny(request, now, by)) is not None:
        return refused
    reviewed = request.state is State.REVIEW
    expires = request.expires if reviewed else now + request.asked.expires
    values = {
        "state": (State.REVIEWED if reviewed else State.DENIED).value, "decided_by": by.name, "decided": now,
        "expires": expires, "denial": reason, "votes": "[]",
    }  # fmt: skip
    return await _change(connection, request, "denied", values, expires=expires)


async def withdraw(connection: AsyncConnection, number: int, by: str, now: float) -> Answer:
    """Its requester takes it back."""
    request = await _locked(connection, number)
    if request is None:
        return _no_such(number)
    if (refused := lifecycle.may_withdraw(request, now, by)) is not None:
        return refused
    return await _change(connection, request, "withdrawn", {"state": State.WITHDRAWN.value, "votes": "[]"})


def _no_such(number: int) -> Answer:
    return Answer(number, f"there is no request {number}", lifecycle.NO_SUCH)


async def _locked(connection: AsyncConnection, number: int) -> Request | None:
    """On PostgreSQL nobody else answers it meanwhile, nor spends it: two that say yes at once must see each other."""
    chosen = sa.select(table).where(table.c.number == number).with_for_update()
    row = (await connection.execute(chosen)).mappings().first()
    return from_row(dict(row)) if row is not None else None


async def _change(
    connection: AsyncConnection, request: Request, words: str, values: dict[str, object], *,
    expires: float | None = None, token: str = "",
) -> Answer:  # fmt: skip
    await connection.execute(table.update().where(table.c.number == request.number).values(values))
    state = str(values.get("state", request.state.value))
    return Answer(request.number, f"request {request.number} {words}", token=token, expires=expires, state=state)
