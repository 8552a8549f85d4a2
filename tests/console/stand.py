"""What the console's tests stand on: a store with requests in it, a policy, and who is a member of what."""

from __future__ import annotations

from dataclasses import dataclass, field

from pgguard.evidence.measurement import Destroyed, Measurement, Rows, TableEffect
from pgguard.policy.binding import Binding, BoundStatement, Filed, NewRequest
from pgguard.policy.model import Budget
from pgguard.policy.verdict import Blame
from pgguard.store.requests import Store

MEMBERS = {"bob": {"dba"}, "ann": {"dba", "staff"}, "eve": {"staff"}}
MEASURED = Measurement(
    (
        TableEffect(1, "public.accounts", Rows(deleted=2000), named=True, total=2000),
        TableEffect(2, "public.inventory", Rows(deleted=50000)),
    ),
    (Destroyed("table", "public.invoices", "dropped", 3, 12000),),
)


@dataclass(frozen=True)
class Group:
    roles: frozenset[str]
    seen_for: float = 3600.0


@dataclass(frozen=True)
class Policy:
    approvers: dict[str, Group] = field(default_factory=lambda: {"dba": Group(frozenset({"dba"}))})
    budgets: tuple[Budget, ...] = ()


def request(text: str = "delete from accounts", caller: str = "ann", by: str = "dba") -> NewRequest:
    binding = Binding((BoundStatement(text, "", text),), caller, caller, "shop", 5, "shop/77", ("r1",))
    return NewRequest(binding, MEASURED, (Blame("people", "52000 rows (limit 100)", "r1"),), (), (by,), 1800.0)


@dataclass
class Console:
    """The port, and what stands behind it. ``proved`` False: the server did not ask for a password."""

    store: Store
    port: int = 0
    proved: bool = True

    async def file(self, text: str = "delete from accounts", caller: str = "ann", by: str = "dba") -> int:
        filed = await self.store.file(request(text, caller, by))
        assert isinstance(filed, Filed)
        return filed.number

    def dsn(self, user: str = "bob") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/pgguard"


async def members(person: str) -> set[str]:
    if person == "nobody":
        raise AssertionError("no such person")
    return MEMBERS.get(person, set())
