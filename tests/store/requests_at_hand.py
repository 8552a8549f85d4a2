"""Requests for the store's tests, and a clock that stands still until it is told."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from pgguard.checks.finding import Finding
from pgguard.evidence.measurement import Destroyed, Measurement, Rows, TableEffect
from pgguard.policy.binding import Binding, BoundStatement, Filed, NewRequest
from pgguard.policy.verdict import Blame
from pgguard.store.lifecycle import Approver
from pgguard.store.requests import Store

DBA = frozenset({"dba"})
BOB = Approver("bob", DBA)
MEASURED = Measurement(
    (
        TableEffect(1, "public.accounts", Rows(deleted=40), named=True, total=2000),
        TableEffect(2, "public.inventory", Rows(updated=10, deleted=50)),
    ),
    (Destroyed("table", "public.invoices", "dropped", 3, 12000),),
)


def approver(name: str, groups: frozenset[str] = DBA) -> Approver:
    return Approver(name, groups)


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def binding(text: str = "delete from accounts", caller: str = "ann", oid: int = 5) -> Binding:
    return Binding((BoundStatement(text, "p", text),), caller, caller, "shop", oid, "shop/77", ("r1", "r2"))


def request(
    text: str = "delete from accounts",
    caller: str = "ann",
    measured: Measurement | None = MEASURED,
    expires: float = 1800.0,
) -> NewRequest:
    blames = (Blame("people", "100 rows (limit 10)", "r1"),)
    findings = (Finding("always-true", "the WHERE holds for every row"),)
    return NewRequest(
        binding(text, caller), measured, blames, findings, ("dba",), expires, "psql", "10.0.0.1", "clean-up",
        "production",
    )  # fmt: skip


async def filed(store: Store, text: str = "delete from accounts", caller: str = "ann", **more: object) -> int:
    answer = await store.file(request(text, caller, **more))  # type: ignore[arg-type]
    assert isinstance(answer, Filed)
    return answer.number


async def approved(store: Store, text: str = "delete from accounts", caller: str = "ann", **more: object) -> int:
    number = await filed(store, text, caller, **more)
    assert not (await store.approve(number, BOB)).refused
    return number


async def tamper(store: Store, sql: str) -> None:
    """What somebody does who can write to the state."""
    async with store._writes.begin() as connection:
        await connection.execute(sa.text(sql))
