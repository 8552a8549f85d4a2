"""What the console's tests stand on: a store with requests in it, a policy, and who is a member of what."""

from __future__ import annotations

from dataclasses import dataclass, field

from pgguard.audit.record import AuditRecord
from pgguard.console.house import Seen
from pgguard.errors import StoreUnavailable
from pgguard.evidence.measurement import Destroyed, Measurement, Rows, TableEffect
from pgguard.policy.binding import Binding, BoundStatement, Filed, NewRequest
from pgguard.policy.model import Budget, Limit, Rule
from pgguard.policy.model import Console as ConsolePart
from pgguard.policy.verdict import Blame
from pgguard.session.counts import Counts
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
    limits: tuple[Limit, ...] = ()
    rules: tuple[Rule, ...] = ()
    audit: str = ""
    console: ConsolePart | None = None


@dataclass
class House:
    """What a running proxy would do, written down. ``away``: the audit takes no records."""

    done: list[str] = field(default_factory=list)
    records: list[AuditRecord] = field(default_factory=list)
    pids: set[int] = field(default_factory=lambda: {4711})
    wrong: str = ""
    paused: bool = False
    away: bool = False

    async def sessions(self) -> list[Seen]:
        return [
            Seen(4711, "ann", "shop", "10.0.0.1", "psql\x1b[2J", "active", "store", 0.0),
            Seen(None, "bob", "pgguard", "local", "", "console", "", 1.5),
        ]

    async def stats(self) -> dict[str, Counts]:
        counts = Counts()
        counts.statements, counts.proved, counts.measured, counts.held, counts.refused = 10, 4, 3, 2, 1
        return {"shop": counts}

    async def reload(self) -> str:
        self.done.append("reload")
        return self.wrong

    async def kill(self, pid: int) -> bool:
        self.done.append(f"kill {pid}")
        return pid in self.pids

    async def pause(self, seconds: float) -> tuple[int, float]:
        self.done.append(f"pause {seconds:g}")
        self.paused = True
        return 2, seconds

    async def resume(self) -> bool:
        was, self.paused = self.paused, False
        return was

    async def record(self, record: AuditRecord, *, required: bool) -> None:
        self.records.append(record)
        if self.away and required:
            raise StoreUnavailable("audit file x: no space left on device")


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
    return set() if person == "gone" else {person, *MEMBERS.get(person, ())}
