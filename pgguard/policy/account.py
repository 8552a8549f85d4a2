"""What was spent of a budget over a sliding window: an account for each budget and key, and all accounts of a node.

A transaction *holds* what it is about to spend before it can be committed. Then it *settles* (it was committed, or
nobody knows) or *releases* (it was rolled back, or was less). What is held counts for as long as it is held, what was
settled for one window from that moment. Moments are handed in, of a clock that never goes back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

SLICES: Final = 60  # a window is remembered in so many parts: an amount counts up to one part longer than the window
Place = tuple[str, str, tuple[tuple[str, str], ...]]  # budget, what it sums up, (caller, ann), (database, shop) ...
Entry = tuple[float, int, int]  # moment, amount, statements
Allowed = tuple[str, int, float]  # caller, amount, until


class Slice:
    """What was spent in a part of the window; ``last``: the latest moment of it."""

    __slots__ = ("amount", "last", "statements")

    def __init__(self, last: float, amount: int, statements: int) -> None:
        self.last = last
        self.amount = amount
        self.statements = statements



def words(place: Place) -> str:
    """``caller ann, database shop``."""
    return ", ".join(f"{per} {value}" for per, value in place[2])


class Account:
    """One budget's account for one key. ``size``: of the table that a share is of, as last seen."""

    __slots__ = ("_allowed", "_began", "_spent", "_statements", "_sum", "held", "holders", "size", "warned", "window")

    def __init__(self, window: float) -> None:
        self.window = window
        self.held = 0
        self.holders = 0  # statements that hold something
        self.size: int | None = None
        self.warned = False
        self._spent: deque[Slice] = deque()
        self._began = 0.0  # when the newest entry began
        self._sum = 0
        self._statements = 0
        self._allowed: list[Allowed] = []

    def sum(self, now: float) -> int:
        """Spent in the window that ends now, and held."""
        spent = self._spent
        while spent and spent[0].last <= now - self.window:
            gone = spent.popleft()
            self._sum -= gone.amount
            self._statements -= gone.statements
        return self._sum + self.held

    def statements(self, now: float) -> int:
        """By how many statements."""
        self.sum(now)
        return self._statements + self.holders

    def hold(self, amount: int, statements: int = 1) -> None:
        self.held += amount
        self.holders += statements

    def release(self, amount: int, statements: int = 1) -> None:
        """Held, and not spent after all."""
        self.held -= amount
        self.holders -= statements

    def settle(self, amount: int, now: float, statements: int = 1) -> None:
        """Held, and spent now."""
        self.release(amount, statements)
        self.spend(amount, now, statements)

    def spend(self, amount: int, now: float, statements: int = 1) -> None:
        """Spent now, without having been held."""
        if amount <= 0:
            return
        if self._spent and now - self._began < self.window / SLICES:
            newest = self._spent[-1]
            newest.last = now
            newest.amount += amount
            newest.statements += statements
        else:
            self._spent.append(Slice(now, amount, statements))
            self._began = now
        self._sum += amount
        self._statements += statements

    def allow(self, caller: str, amount: int, until: float) -> None:
        """``caller`` may go so much further."""
        self._allowed.append((caller, amount, until))

    def allowed(self, caller: str, now: float) -> int:
        """How much further ``caller`` may go."""
        if not self._allowed:
            return 0
        self._allowed = [one for one in self._allowed if one[2] > now]
        return sum(amount for who, amount, _ in self._allowed if who == caller)

    def resets(self, now: float) -> float | None:
        """When everything that is spent now will have left the window; None while something is held."""
        self.sum(now)
        return self._spent[-1].last + self.window if self._spent and not self.held else None

    def empty(self, now: float) -> bool:
        self._allowed = [one for one in self._allowed if one[2] > now]
        return not self.sum(now) and not self.holders and not self._allowed

    def saved(self, now: float) -> tuple[list[Entry], list[Allowed]]:
        """What has to be known of it after a restart. FAIL CLOSED: what is held may be committed by then."""
        self.sum(now)
        held = [(now, self.held, self.holders)] if self.held else []
        return [*((one.last, one.amount, one.statements) for one in self._spent), *held], list(self._allowed)

    def restore(self, spent: Iterable[Entry], allowed: Iterable[Allowed], now: float) -> None:
        """What was ``saved``, with its moments on the clock of now. One that lies ahead of it counts as now."""
        for moment, amount, statements in sorted(spent):
            moment = self._began = min(moment, now)
            self._spent.append(Slice(moment, amount, statements))
            self._sum += amount
            self._statements += statements
        self._allowed.extend(allowed)


class Accounts:
    """All accounts of a node, shared by all its sessions. ``changed``: since they were last written down."""

    def __init__(self) -> None:
        self._all: dict[Place, Account] = {}
        self.changed: set[Place] = set()
        self.warnings: list[str] = []  # for the log

    def find(self, place: Place) -> Account | None:
        return self._all.get(place)

    def open(self, place: Place, window: float) -> Account:
        """The account at ``place``, made if there is none, about to be changed."""
        self.changed.add(place)
        account = self._all.get(place)
        if account is None:
            account = self._all[place] = Account(window)
        account.window = window
        return account

    def each(self) -> Iterator[tuple[Place, Account]]:
        yield from sorted(self._all.items(), key=lambda one: one[0])

    def sweep(self, now: float) -> None:
        """Forget what no longer counts."""
        for place in [place for place, account in self._all.items() if account.empty(now)]:
            del self._all[place]
            self.changed.add(place)
