"""What the commands work with: the store, who is a member of what, the policy in force."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pgguard import __version__
from pgguard.console.house import House
from pgguard.errors import UpstreamUnavailable
from pgguard.policy.account import Accounts
from pgguard.policy.model import Budget, Limit, Rule
from pgguard.store.lifecycle import Approver
from pgguard.store.requests import Store


class ApproverGroup(Protocol):
    """One group under ``approvers`` of a policy."""

    @property
    def roles(self) -> Collection[str]: ...

    @property
    def seen_for(self) -> float: ...


class Admins(Protocol):
    """``console`` of a policy."""

    @property
    def admins(self) -> Collection[str]: ...


class InForce(Protocol):
    """What the console needs of a policy."""

    @property
    def approvers(self) -> Mapping[str, ApproverGroup]: ...

    @property
    def budgets(self) -> Sequence[Budget]: ...

    @property
    def limits(self) -> Sequence[Limit]: ...

    @property
    def rules(self) -> Sequence[Rule]: ...

    @property
    def audit(self) -> str: ...

    @property
    def console(self) -> Admins | None: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """Shared by all console connections. ``memberships`` gives the roles that a person is a member of, directly or not,
    the own one among them, as the admin connection reads them, none where there is no such role; ``policy`` the policy
    in force now."""

    store: Store
    memberships: Callable[[str], Awaitable[Collection[str]]]
    policy: Callable[[], InForce]
    version: str = __version__
    deadline: float = 5.0  # seconds for ``memberships``
    accounts: Accounts = field(default_factory=Accounts)
    clock: Callable[[], float] = time.monotonic  # that of the accounts
    house: House | None = None

    async def roles(self, person: str) -> frozenset[str]:
        """The roles that the person belongs to now, the own one among them. Raises UpstreamUnavailable."""
        return frozenset({person, *await self._memberships(person)})

    async def is_role(self, name: str) -> bool:
        """Whether there is such a role now. Raises UpstreamUnavailable."""
        return bool(await self._memberships(name))

    async def _memberships(self, name: str) -> Collection[str]:
        try:
            async with asyncio.timeout(self.deadline):
                return await self.memberships(name)
        except TimeoutError:
            raise UpstreamUnavailable("the memberships of roles could not be read in time") from None

    async def may_operate(self, person: str) -> bool:
        """Whether the person may RELOAD, KILL and PAUSE: the policy's admins, or approvers where it names none."""
        policy = self.policy()
        groups = policy.approvers.values() if policy.console is None else ()
        allowed = {role for group in groups for role in group.roles}
        allowed.update(policy.console.admins if policy.console is not None else ())
        return not allowed.isdisjoint(await self.roles(person))

    async def approver(self, person: str) -> Approver:
        """The person as an approver: the groups and roles that he belongs to now. Raises UpstreamUnavailable."""
        roles = await self.roles(person)
        approvers = self.policy().approvers
        groups = {name: group for name, group in approvers.items() if not roles.isdisjoint(group.roles)}
        seen_for = {name: group.seen_for for name, group in groups.items()}
        return Approver(person, frozenset(groups), roles, seen_for)
