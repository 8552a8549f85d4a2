"""Shared accounts over memory that a test has at hand, and an event loop whose steps end when the test says so."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pgguard.policy.shared_account import SharedAccounts, size


class Steps:
    """What ``later`` is told, until the step is over."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def later(self, call: Callable[[], None]) -> None:
        self.waiting.append(call)

    def over(self) -> None:
        waiting, self.waiting = self.waiting, []
        for call in waiting:
            call()


def sights(number: int, accounts: int = 100) -> tuple[list[SharedAccounts], Steps]:
    """The accounts as several processes see them, all in this one: they get the lock again and again."""
    memory, lock, steps = memoryview(bytearray(size(accounts))), threading.RLock(), Steps()
    return [SharedAccounts(memory, lock, steps.later) for _ in range(number)], steps


def shared() -> SharedAccounts:
    return sights(1)[0][0]
