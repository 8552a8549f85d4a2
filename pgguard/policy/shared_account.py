"""The accounts of all processes of a node, in memory that they share: as exact as those of one process.

What makes one process exact is that nothing happens between two steps of its event loop: whether something fits is
asked and held in one step. So the first look at any account in a step takes the lock of all processes, and it is given
back when the step is over: a step is one critical section.

The memory holds a record for each account: its figures, and as text its place, so that every
process knows what another opened, and its allowances. Behind them each record has a number: 0 where it is
free, and one that was never there before for each new account. They are looked through when some were made or swept.

FAIL CLOSED: what has no room is counted more strictly. A place that is too long, or comes when no record is free, is
counted in one account of its budget, together with all others like it, and so is every newcomer as long as that account
is there. A share of a table is exceeded there, as no size is known, and nobody is allowed to go further. Where there is
no room for that account either, and where the lock is not to be had, AccountsUnavailable is raised.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, Protocol

from pgguard.errors import AccountsUnavailable
from pgguard.policy.account import OTHERS, Account, Accounts, Allowed, Place
from pgguard.policy.figures import MOMENTS, WORDS, Words

ACCOUNTS: Final = 8192  # for so many there is room; memory that was never used costs nothing
RESERVED: Final = 64  # of them for those that count what found no room
RECORD: Final = 4096  # bytes, a page of memory
PATIENCE: Final = 5.0  # seconds; nobody holds the lock for longer than a step

# A record: the figures, the lengths of both texts, the moments, then the texts.
_PLACE: Final = WORDS
_ALLOWED: Final = WORDS + 1
_WORDS_END: Final = (WORDS + 2) * 8
_TEXTS: Final = _WORDS_END + MOMENTS * 8
_TEXT: Final = (RECORD - _TEXTS) // 2  # bytes of each

# Behind all records: their numbers, then these.
_VERSION: Final = 0  # the highest number; goes up with every record that is made or swept
_USED: Final = 1  # no record from here on was ever used
_HEAD: Final = 2


class Lock(Protocol):
    """As ``multiprocessing.Lock`` makes them."""

    def acquire(self, *, timeout: float) -> bool: ...

    def release(self) -> None: ...


def size(accounts: int = ACCOUNTS) -> int:
    """Bytes of memory, all zero, for so many accounts."""
    return accounts * (RECORD + 8) + _HEAD * 8


class SharedAccount(Account):
    """An account whose figures are in a record. Of one that was swept nothing is held, so nobody has it any more."""

    __slots__ = ("_accounts", "_texts", "at", "gone", "number", "place")

    def __init__(self, accounts: SharedAccounts, at: int, number: int) -> None:
        record = accounts.record(at)
        super().__init__(record[:_WORDS_END].cast("q"), record[_WORDS_END:_TEXTS].cast("d"))
        self._accounts = accounts
        self._texts = record[_TEXTS:]
        self.at = at
        self.number = number
        self.gone = False
        budget, what, key = json.loads(self._read(self._words[_PLACE], 0))
        self.place: Place = (budget, what, tuple((per, value) for per, value in key))
        self.many = self.place[2] == OTHERS

    def _figures(self) -> Words:
        if not self._accounts.inside:
            self._accounts.enter()
        if self.gone:
            raise AccountsUnavailable(f"an account of budget {self.place[0]} was used after it was swept")
        return self._words

    def _read(self, length: int, at: int) -> str:
        return str(self._texts[at : at + length], "utf-8", "surrogatepass")

    def _allowances(self) -> list[Allowed]:
        length = self._figures()[_ALLOWED]
        return [(who, amount, until) for who, amount, until in json.loads(self._read(length, _TEXT))] if length else []

    def _keep(self, allowed: list[Allowed]) -> bool:
        figures = self._figures()
        text = _encoded(allowed) if allowed else b""
        if len(text) > _TEXT:
            return False
        self._texts[_TEXT : _TEXT + len(text)] = text
        figures[_ALLOWED] = len(text)
        return True


class SharedAccounts(Accounts):
    """One process's sight of them. ``memory``: of ``size`` bytes; ``later`` calls what it is given when the present
    step of the event loop is over."""

    def __init__(
        self, memory: memoryview, lock: Lock, later: Callable[[Callable[[], None]], Any], *, patience: float = PATIENCE
    ) -> None:
        super().__init__()
        records = (len(memory) - _HEAD * 8) // (RECORD + 8)
        self._records = memory[: records * RECORD]
        self._numbers = memory[records * RECORD : records * (RECORD + 8)].cast("q")
        self._head = memory[records * (RECORD + 8) :].cast("q")
        self._lock = lock
        self._later = later
        self._patience = patience
        self._stuck = False
        self._due = False  # ``later`` has something to call
        self._version = 0
        self._at: dict[int, SharedAccount] = {}
        self.inside = False

    def enter(self) -> None:
        """From here to the end of the step no other process looks at any account."""
        if self.inside:
            return
        if not self._lock.acquire(timeout=0.0 if self._stuck else self._patience):
            self._stuck = True  # nobody waits so long for the same again
            raise AccountsUnavailable("another process holds the accounts of budgets and does not give them back")
        self._stuck = False
        self.inside = True
        try:
            if not self._due:
                self._later(self._step_is_over)
                self._due = True
            if self._head[_VERSION] != self._version:
                self._look_through()
        except BaseException:
            self.give_back()
            raise

    def give_back(self) -> None:
        """The step is over. It is called then in any case; who knows of it earlier lets the others wait less."""
        if self.inside:
            self.inside = False
            self._lock.release()

    def _step_is_over(self) -> None:
        self._due = False
        self.give_back()

    def _make(self, place: Place) -> SharedAccount:
        """A new account; under ``OTHERS`` where there is no room for it."""
        text = _encoded(place)
        used = self._head[_USED]
        at = used if len(self._at) == used else self._numbers[:used].tolist().index(0)
        rest = len(self._numbers) - at
        if place[2] != OTHERS and (len(text) > _TEXT or rest <= RESERVED):
            return self._make((place[0], place[1], OTHERS))
        if not rest or len(text) > _TEXT:
            raise AccountsUnavailable(f"there is no room for another account of budget {place[0]}")
        record = self.record(at)
        record[:_TEXTS] = bytes(_TEXTS)
        record[:_WORDS_END].cast("q")[_PLACE] = len(text)
        record[_TEXTS : _TEXTS + len(text)] = text
        head = self._head
        head[_USED] = max(used, at + 1)
        self._version = head[_VERSION] = self._numbers[at] = head[_VERSION] + 1
        return self._know(at, self._version)

    def _drop(self, places: list[Place]) -> None:
        for place in places:
            account = self._all[place]
            assert isinstance(account, SharedAccount)
            self._numbers[account.at] = 0
        self._head[_VERSION] += 1
        self._look_through()

    def _look_through(self) -> None:
        """Know what was made and swept since the last time."""
        numbers = self._numbers[: self._head[_USED]].tolist()
        for account in [one for one in self._at.values() if one.number != numbers[one.at]]:
            account.gone = True
            del self._at[account.at], self._all[account.place]
        for at, number in enumerate(numbers):
            if number and at not in self._at:
                self._know(at, number)
        self._version = self._head[_VERSION]

    def _know(self, at: int, number: int) -> SharedAccount:
        account = self._at[at] = SharedAccount(self, at, number)
        self._all[account.place] = account
        return account

    def record(self, at: int) -> memoryview:
        return self._records[at * RECORD : (at + 1) * RECORD]


def _encoded(what: object) -> bytes:
    return json.dumps(what, ensure_ascii=False).encode("utf-8", "surrogatepass")
