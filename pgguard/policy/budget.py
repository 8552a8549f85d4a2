"""Which budgets count what for whom, what goes beyond one, and in which words. The sums are kept in ``account``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from pgguard.evidence.measurement import Measurement
from pgguard.policy.account import Account, Accounts, Place, words
from pgguard.policy.limits import rows, speaks
from pgguard.policy.match import Sight, measured_table, who
from pgguard.policy.model import Budget, Policy
from pgguard.policy.verdict import Blame, Caller

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


class Counting:
    """One budget, as it counts for one caller."""

    __slots__ = ("_caller", "_places", "_surely", "budget", "what")

    def __init__(self, budget: Budget, caller: Caller) -> None:
        self.budget = budget
        self.what = next(name for name in ("rows", "refusals", "share") if getattr(budget, name) is not None)
        self._caller = caller
        self._places: dict[str, Place | None] = {}
        # Up to this sum nothing is beyond it, whatever was approved and however large a table is.
        self._surely = budget.number if budget.number is not None else budget.at_least or 0

    def place(self, table: str = "") -> Place | None:
        """The account that rows of ``table`` ("schema.table") are counted in; None: this budget does not count them."""
        try:
            return self._places[table]
        except KeyError:
            return self._find(table)

    def _find(self, table: str) -> Place | None:
        globs = self.budget.match.get("table")
        counts = globs is None or measured_table(globs, table)
        place = (self.budget.name, self.what, tuple((per, self._value(per, table)) for per in self.budget.per))
        if len(self._places) > 10_000:
            self._places.clear()
        self._places[table] = place if counts else None
        return self._places[table]

    def _value(self, per: str, table: str) -> str:
        if per == "table":
            return f"{self._caller.database}.{table}"  # a table is always one of a database
        return str(getattr(self._caller, "user" if per == "caller" else per))

    def amounts(self, found: Measurement) -> dict[Place, int]:
        """What ``found`` adds to each account. Of refusals nothing: those are counted when they happen."""
        if self.what == "refusals":
            place = self.place()
            return {place: 0} if place is not None and (found.lost or found.destroyed) else {}
        added: dict[Place, int] = {}
        for table in found.tables:
            place = self.place(table.name) if table.rows.lost else None
            if place is not None:
                added[place] = added.get(place, 0) + table.rows.lost
        return added

    def fits(self, place: Place, rows: int, accounts: Accounts, now: float) -> bool:
        """Whether ``rows`` more are within the budget, asked for every proved write: bench, 2 us."""
        account = accounts.find(place)
        added = 0 if self.what == "refusals" else rows
        if (account.sum(now) if account is not None else 0) + added <= self._surely:
            return True
        return not self.spent(place, added, account, now).beyond

    def spent(self, place: Place, added: int, account: Account | None, now: float, mine: int = 0) -> Spent:
        """What ``account`` would come to with ``added``. ``mine``: of what it holds, this transaction's own."""
        if account is None:
            return Spent(self.budget, place, 0, added, int(added > 0))
        account.window = self.budget.window  # the policy may be another one by now
        return Spent(
            self.budget, place, account.sum(now) - mine, added, account.statements(now) + (added > 0),
            account.allowed(self._caller.user, now), account.size,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spent:
    """One account as it would be with this transaction. ``before``: without it; ``adds``: what it adds;
    ``allowed``: how much further than the limit an approval lets the caller go; ``size``: of a share's table."""

    budget: Budget
    place: Place
    before: int
    adds: int
    statements: int = 0
    allowed: int = 0
    size: int | None = None

    @property
    def sum(self) -> int:
        return self.before + self.adds

    @property
    def beyond(self) -> bool:
        budget = self.budget
        if budget.refusals is not None:
            return self.before > budget.refusals + self.allowed
        if budget.rows is not None:
            return self.adds > 0 and self.sum > budget.rows + self.allowed
        assert budget.share is not None and budget.at_least is not None
        # FAIL CLOSED: of a table whose size is not known every share is exceeded.
        most = int(budget.share * self.size) if self.size is not None else 0
        return self.adds > 0 and self.sum > budget.at_least and self.sum > most + self.allowed

    @property
    def further(self) -> int:
        """How much further one approval lets the caller go."""
        budget = self.budget
        return budget.number if budget.number is not None else int((budget.share or 0) * (self.size or 0))

    @property
    def digest(self) -> str:
        """What an approval is bound to: the budget's own content, and this key."""
        return sha256(f"{self.budget.digest} {self.place!r}".encode()).hexdigest()

    @property
    def words(self) -> str:
        """``slow-bleed: caller ann, database shop``."""
        return f"{self.budget.name}: {words(self.place)}"


def counting(policy: Policy, caller: Caller) -> tuple[Counting, ...]:
    """The budgets that speak of this caller. One that cannot be evaluated does."""
    if not policy.budgets:
        return ()
    sight = who(caller, policy.groups_of(caller.user))
    return tuple(Counting(budget, caller) for budget in speaking(policy, sight))


def speaking(policy: Policy, sight: Sight) -> list[Budget]:
    return [budget for budget in policy.budgets if speaks(budget, sight) is not False]


def spent(
    counts: Iterable[Counting], found: Measurement, accounts: Accounts, now: float, mine: Mapping[Place, int]
) -> tuple[Spent, ...]:
    """Every account that ``found`` adds to, with it. ``mine``: what this transaction holds already, by account."""
    return tuple(
        one.spent(place, added, accounts.find(place), now, mine.get(place, 0))
        for one in counts
        for place, added in one.amounts(found).items()
    )


def supposed(counts: Iterable[Counting], before: Mapping[str, int], found: Measurement) -> tuple[Spent, ...]:
    """The same where somebody says how much of each budget was spent (a test of a policy)."""
    sizes = {table.name: table.total for table in found.tables}
    said = []
    for one in counts:
        for place, added in one.amounts(found).items():
            known = Spent(one.budget, place, before.get(one.budget.name, 0), added)
            of = [size for name, size in sizes.items() if one.place(name) == place] if one.what == "share" else [None]
            said.append(replace(known, size=of[0]))
    return tuple(said)


def blame(spent: Spent) -> Blame:
    """``rule "slow-bleed", 512 rows in 10 minutes by 128 statements (limit 500)``."""
    budget = spent.budget
    within = f" in {duration(budget.window)}"
    by = f" by {_many(spent.statements, 'statement')}" if spent.statements else ""
    more = f" and {spent.allowed} approved" if spent.allowed else ""
    if budget.refusals is not None:
        says = f"{_many(spent.before, 'refusal')}{within} (limit {budget.refusals}{more})"
    elif budget.rows is not None:
        says = f"{rows(spent.sum)}{within}{by} (limit {budget.rows}{more})"
    else:
        of = f"{spent.sum} of {rows(spent.size)}" if spent.size is not None else rows(spent.sum)
        unknown = "" if spent.size is not None else ", whose size is not known,"
        table = dict(spent.place[2])["table"].partition(".")[2]
        says = f"{of} of {table}{unknown}{within}{by} (limit {limit(budget)}{more})"
    return Blame(budget.name, says, spent.digest, f"{budget.name} counts by {words(spent.place)}")


def limit(budget: Budget) -> str:
    """``500``, ``20 refusals``, ``20%``."""
    if budget.share is not None:
        return f"{float(budget.share * 100):g}%"
    return str(budget.number)


def duration(seconds: float) -> str:
    """``10 minutes``, in the largest unit that divides it."""
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0 or size == 1)
    return _many(int(seconds // size), unit)


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
