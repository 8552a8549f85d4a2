"""What was spent of a budget over a sliding window: an account for each budget and key, and all accounts of a node.

A transaction *holds* what it is about to spend before it can be committed. Then it *settles* (it was committed, or
nobody knows) or *releases* (it was rolled back, or was less). What is held counts for as long as it is held, what was
settled for one window from that moment. Moments are handed in, of a clock that never goes back.

The figures (``figures``) are in lists of the account's own here, and in memory that several processes see in
``shared_account``, which is why every method asks ``_figures`` for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pgguard.policy.figures import (
    AMOUNTS,
    BEGAN,
    BY,
    CHANGED,
    COUNT,
    FIRST,
    HELD,
    HOLDERS,
    LAST,
    MOMENTS,
    RING,
    SIZE,
    SLICES,
    STATEMENTS,
    SUM,
    WARNED,
    WINDOW,
    WORDS,
    Moments,
    Words,
)

Place = tuple[str, str, tuple[tuple[str, str], ...]]  # budget, what it sums up, (caller, ann), (database, shop) ...
Entry = tuple[float, int, int]  # moment, amount, statements
Allowed = tuple[str, int, float]  # caller, amount, until
OTHERS: Final = (("all", "others"),)  # the key under which one account counts for all that have none, if it is there


def words(place: Place) -> str:
    """``caller ann, database shop``."""
    return ", ".join(f"{per} {value}" for per, value in place[2])


class Account:
    """One budget's account for one key. What has all words at zero is a new one."""

    __slots__ = ("_allowed", "_moments", "_words", "many")

    def __init__(self, figures: Words | None = None, moments: Moments | None = None) -> None:
        self._words: Words = [0] * WORDS if figures is None else figures
        self._moments: Moments = [0.0] * MOMENTS if moments is None else moments
        self._allowed: list[Allowed] = []
        self.many = False  # of several keys: no size is theirs, and nobody is allowed to go further

    def _figures(self) -> Words:
        """Every look at this account begins here."""
        return self._words

    @property
    def held(self) -> int:
        return self._figures()[HELD]

    @property
    def holders(self) -> int:
        return self._figures()[HOLDERS]

    @property
    def window(self) -> float:
        self._figures()
        return self._moments[WINDOW]

    @window.setter
    def window(self, seconds: float) -> None:
        self._figures()
        self._moments[WINDOW] = seconds

    @property
    def size(self) -> int | None:
        """Of the table that a share is of, as last seen."""
        known = self._figures()[SIZE]
        return known - 1 if known else None

    @size.setter
    def size(self, rows: int | None) -> None:
        self._figures()[SIZE] = 0 if rows is None or self.many else rows + 1

    @property
    def warned(self) -> bool:
        return bool(self._figures()[WARNED])

    @warned.setter
    def warned(self, yes: bool) -> None:
        self._figures()[WARNED] = int(yes)

    @property
    def changed(self) -> bool:
        """Since it was last written down."""
        return bool(self._figures()[CHANGED])

    @changed.setter
    def changed(self, yes: bool) -> None:
        self._figures()[CHANGED] = int(yes)

    def sum(self, now: float) -> int:
        """Spent in the window that ends now, and held."""
        figures = self._figures()
        self._forget(figures, now)
        return figures[SUM] + figures[HELD]

    def statements(self, now: float) -> int:
        """By how many statements."""
        figures = self._figures()
        self._forget(figures, now)
        return figures[STATEMENTS] + figures[HOLDERS]

    def hold(self, amount: int, statements: int = 1) -> None:
        figures = self._figures()
        figures[HELD] += amount
        figures[HOLDERS] += statements
        figures[CHANGED] = 1

    def release(self, amount: int, statements: int = 1) -> None:
        """Held, and not spent after all."""
        self.hold(-amount, -statements)

    def settle(self, amount: int, now: float, statements: int = 1) -> None:
        """Held, and spent now."""
        self.release(amount, statements)
        self.spend(amount, now, statements)

    def spend(self, amount: int, now: float, statements: int = 1) -> None:
        """Spent now, without having been held."""
        if amount <= 0:
            return
        figures, moments = self._figures(), self._moments
        self._forget(figures, now)
        count = figures[COUNT]
        newest = (figures[FIRST] + count - 1) % RING
        if count and now - moments[BEGAN] < moments[WINDOW] / SLICES:
            if now > moments[LAST + newest]:  # who waited for its turn may come with an earlier moment
                moments[LAST + newest] = now
        else:
            newest = self._new_slice(figures, now)
        self._add(figures, newest, amount, statements)

    def _new_slice(self, figures: Words, moment: float) -> int:
        first = figures[FIRST]
        if figures[COUNT] == RING:  # the window was another one: the oldest amount counts a little longer
            second = (first + 1) % RING
            figures[AMOUNTS + second] += figures[AMOUNTS + first]
            figures[BY + second] += figures[BY + first]
            first = figures[FIRST] = second
            figures[COUNT] -= 1
        newest = (first + figures[COUNT]) % RING
        figures[COUNT] += 1
        figures[AMOUNTS + newest] = figures[BY + newest] = 0
        self._moments[BEGAN] = self._moments[LAST + newest] = moment
        return newest

    def _add(self, figures: Words, at: int, amount: int, statements: int) -> None:
        figures[AMOUNTS + at] += amount
        figures[BY + at] += statements
        figures[SUM] += amount
        figures[STATEMENTS] += statements
        figures[CHANGED] = 1

    def _forget(self, figures: Words, now: float) -> None:
        """What has left the window."""
        while figures[COUNT]:
            first = figures[FIRST]
            if self._moments[LAST + first] > now - self._moments[WINDOW]:
                return
            figures[SUM] -= figures[AMOUNTS + first]
            figures[STATEMENTS] -= figures[BY + first]
            figures[FIRST] = (first + 1) % RING
            figures[COUNT] -= 1

    def allow(self, caller: str, amount: int, until: float) -> bool:
        """``caller`` may go so much further. Whether there is room for one more such allowance."""
        if self.many or not self._keep([*self._allowances(), (caller, amount, until)]):
            return False
        self._figures()[CHANGED] = 1
        return True

    def allowed(self, caller: str, now: float) -> int:
        """How much further ``caller`` may go."""
        return sum(amount for who, amount, _ in self._still_allowed(now) if who == caller)

    def _still_allowed(self, now: float) -> list[Allowed]:
        known = self._allowances()
        still = [one for one in known if one[2] > now]
        if len(still) < len(known):
            self._keep(still)
        return still

    def _allowances(self) -> list[Allowed]:
        return self._allowed

    def _keep(self, allowed: list[Allowed]) -> bool:
        self._allowed = allowed
        return True

    def resets(self, now: float) -> float | None:
        """When everything that is spent now will have left the window; None while something is held."""
        figures, moments = self._figures(), self._moments
        self._forget(figures, now)
        if not figures[COUNT] or figures[HELD]:
            return None
        return moments[LAST + (figures[FIRST] + figures[COUNT] - 1) % RING] + moments[WINDOW]

    def empty(self, now: float) -> bool:
        return not self.sum(now) and not self.holders and not self._still_allowed(now)

    def saved(self, now: float) -> tuple[list[Entry], list[Allowed]]:
        """What has to be known of it after a restart. FAIL CLOSED: what is held may be committed by then."""
        figures, moments = self._figures(), self._moments
        self._forget(figures, now)
        slices = [(figures[FIRST] + number) % RING for number in range(figures[COUNT])]
        spent = [(moments[LAST + at], figures[AMOUNTS + at], figures[BY + at]) for at in slices]
        held = [(now, figures[HELD], figures[HOLDERS])] if figures[HELD] else []
        return spent + held, list(self._allowances())

    def restore(self, spent: Iterable[Entry], allowed: Iterable[Allowed], now: float) -> None:
        """What was ``saved``, with its moments on the clock of now. One that lies ahead of it counts as now."""
        figures = self._figures()
        for moment, amount, statements in sorted(spent):
            self._add(figures, self._new_slice(figures, min(moment, now)), amount, statements)
        for caller, amount, until in allowed:
            self.allow(caller, amount, until)


class Accounts:
    """All accounts of a node, shared by all its sessions."""

    def __init__(self) -> None:
        self._all: dict[Place, Account] = {}
        self._swept: set[Place] = set()
        self.warnings: list[str] = []  # for the log

    def enter(self) -> None:
        """Every look at any account begins here."""

    def give_back(self) -> None:
        """The present step of the event loop looks at no account any more."""

    def find(self, place: Place) -> Account | None:
        """The account in which ``place`` is counted."""
        self.enter()
        account = self._all.get(place)
        return account if account is not None else self._all.get((place[0], place[1], OTHERS))

    def open(self, place: Place, window: float) -> Account:
        """The same, made if there is none."""
        account = self.find(place)
        if account is None:
            account = self._make(place)
        account.window = window
        return account

    def _make(self, place: Place) -> Account:
        account = self._all[place] = Account()
        account.many = place[2] == OTHERS
        return account

    def each(self) -> Iterator[tuple[Place, Account]]:
        self.enter()
        yield from sorted(self._all.items(), key=lambda one: one[0])

    def sweep(self, now: float) -> None:
        """Forget what no longer counts."""
        self.enter()
        empty = [place for place, account in self._all.items() if account.empty(now)]
        if empty:
            self._drop(empty)
            self._swept.update(empty)

    def _drop(self, places: list[Place]) -> None:
        for place in places:
            del self._all[place]

    def changes(self) -> dict[Place, Account | None]:
        """The accounts that changed since this was asked last; None: it is not there any more."""
        self.enter()
        changed: dict[Place, Account | None] = {place: self._all.get(place) for place in self._swept}
        self._swept = set()
        for place, account in self._all.items():
            if account.changed:
                account.changed = False
                changed[place] = account
        return changed

    def mark(self, places: Iterable[Place]) -> None:
        """These are among the next ``changes`` again."""
        self.enter()
        for place in places:
            account = self._all.get(place)
            if account is not None:
                account.changed = True
            else:
                self._swept.add(place)
