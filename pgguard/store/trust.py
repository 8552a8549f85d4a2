"""Which logins can be believed to be somebody else: how long each is known, and who changed it through pgguard.

A requester who may change roles can make himself an approver: a new login, a new password for an old one, a
membership. So a login that is new, or that the requester changed, does not count as a second person.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from pgguard.policy.budget import duration
from pgguard.store.database import logins, meta, role_changes

ANY = "*"  # it is not known which role was changed


@dataclass(frozen=True, slots=True)
class Change:
    """``by`` changed the role at this moment."""

    role: str
    by: str
    moment: float


@dataclass(frozen=True, slots=True)
class Known:
    """What the store knows of a login. ``began``: when the store was made; nobody was seen before that."""

    first_seen: float
    began: float = 0.0
    changes: tuple[Change, ...] = ()


def distrust(person: str, roles: Collection[str], requester: str, seen_for: float, known: Known, now: float) -> str:
    """Why ``person``, a member of ``roles``, does not count as somebody else than ``requester``; "" when he does.

    Those seen while the store itself was younger than ``seen_for`` count: else a new pgguard could approve nothing.
    FAIL CLOSED: a first sight that lies ahead of the clock is a new one.
    """
    if now - known.first_seen < seen_for and known.first_seen - known.began >= seen_for:
        return f'login "{person}" was first seen less than {duration(seen_for)} ago'
    for role in sorted({person, *roles}):
        latest = max((one for one in known.changes if one.role == role), key=lambda one: one.moment, default=None)
        if latest is not None and latest.by == requester:
            return f'role "{role}" was last changed by "{requester}", whose request it is'
    if any(one.role == ANY and one.by == requester and now - one.moment < seen_for for one in known.changes):
        return f'"{requester}", whose request it is, changed a password less than {duration(seen_for)} ago'
    return ""


async def known(connection: AsyncConnection, person: str, roles: Collection[str], now: float) -> Known:
    """What is written down about the person. Who signs in for the first time is seen now."""
    began = (await connection.execute(sa.select(meta.c.created))).scalar_one()
    first = (await connection.execute(sa.select(logins.c.first_seen).where(logins.c.login == person))).scalar()
    wanted = role_changes.c.role.in_([person, ANY, *roles])
    changes = (await connection.execute(sa.select(role_changes).where(wanted))).all()
    return Known(now if first is None else first, began, tuple(Change(*row) for row in changes))


async def saw(connection: AsyncConnection, login: str, now: float) -> None:
    """A login was seen; the first time stays."""
    first = sa.select(logins.c.login).where(logins.c.login == login)
    if (await connection.execute(first)).scalar() is None:
        await connection.execute(logins.insert().values(login=login, first_seen=now))


async def changed(connection: AsyncConnection, roles: Iterable[str], by: str, now: float) -> None:
    """``by`` is about to commit changes of these roles."""
    for role in sorted(set(roles)):
        same = (role_changes.c.role == role, role_changes.c.changed_by == by)
        await connection.execute(role_changes.delete().where(*same))
        await connection.execute(role_changes.insert().values(role=role, changed_by=by, moment=now))
