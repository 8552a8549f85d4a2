"""Sums over a window, against the plainest way to say what they are; and what is known of them after a restart."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.policy.account import OTHERS, Account, Accounts, Place, words
from pgguard.policy.figures import SLICES
from tests.policy.sharing import shared

Make = Callable[[], Accounts]
both = pytest.mark.parametrize("make", [Accounts, shared])
WINDOW = 600.0
PLACE: Place = ("slow-bleed", "rows", (("caller", "ann"), ("database", "shop")))

# (seconds since the last, what happens, how much)
STEPS = st.lists(
    st.tuples(st.integers(0, 200), st.sampled_from(["hold", "settle", "release", "spend"]), st.integers(1, 50)),
    max_size=60,
)


def opened(make: Make) -> Account:
    return make().open(PLACE, WINDOW)


@both
@given(STEPS)
def test_what_is_held_counts_and_what_was_settled_counts_for_a_window(
    make: Make, steps: list[tuple[int, str, int]]
) -> None:
    account = opened(make)
    now, held = 1000.0, 0
    spent: list[tuple[float, int]] = []
    for seconds, what, amount in steps:
        now += seconds
        amount = amount if what in ("hold", "spend") else min(amount, held)
        if what == "hold":
            account.hold(amount)
            held += amount
        elif what == "release":
            account.release(amount)
            held -= amount
        elif what == "settle":
            account.settle(amount, now)
            held -= amount
        else:
            account.spend(amount, now)
        if what in ("settle", "spend"):
            spent.append((now, amount))

        least = held + sum(amount for moment, amount in spent if moment > now - WINDOW)
        most = held + sum(amount for moment, amount in spent if moment > now - WINDOW - WINDOW / SLICES)

        assert least <= account.sum(now) <= most  # never less: it would let something through


@both
@given(STEPS)
def test_a_restart_forgets_nothing_and_knows_no_more(make: Make, steps: list[tuple[int, str, int]]) -> None:
    account = opened(make)
    now = 1000.0
    for seconds, what, amount in steps:
        now += seconds
        if what in ("hold", "spend"):
            getattr(account, what)(amount, *([now] if what == "spend" else []))
    account.allow("ann", 500, now + 60)

    again = opened(make)
    again.restore(*account.saved(now), now)

    assert again.sum(now) == account.sum(now)
    assert again.statements(now) == account.statements(now)
    assert again.allowed("ann", now) == 500
    assert again.sum(now + WINDOW + 1) == 0


@both
@given(STEPS)
def test_memory_is_bounded_whatever_happens(make: Make, steps: list[tuple[int, str, int]]) -> None:
    account = opened(make)
    now = 0.0
    for seconds, _, amount in steps * 20:
        now += seconds / 100
        account.spend(amount, now)
        account.sum(now)

    assert len(account.saved(now)[0]) <= SLICES + 1


@both
def test_statements_are_counted_and_leave_with_what_they_spent(make: Make) -> None:
    account = opened(make)
    account.hold(3)
    account.settle(3, 0.0)
    account.hold(2)

    assert account.statements(10.0) == 2
    assert account.statements(WINDOW + 10) == 1


@both
def test_nothing_that_lies_ahead_is_believed(make: Make) -> None:
    """A clock that was set back between two runs."""
    account = opened(make)
    account.restore([(10_000.0, 7, 1)], [], now=100.0)

    assert account.sum(100.0) == 7
    assert account.sum(100.0 + WINDOW) == 0


@both
def test_an_allowance_is_its_callers_own_and_ends(make: Make) -> None:
    account = opened(make)
    account.allow("ann", 500, until=100.0)
    account.allow("ann", 5, until=200.0)

    assert account.allowed("ann", 50.0) == 505
    assert account.allowed("eve", 50.0) == 0
    assert account.allowed("ann", 150.0) == 5
    assert not account.empty(150.0)
    assert account.empty(200.0)


@both
def test_when_all_of_it_will_have_left_the_window(make: Make) -> None:
    account = opened(make)
    assert account.resets(0.0) is None
    account.spend(1, 5.0)
    account.spend(1, 50.0)

    assert account.resets(60.0) == 50.0 + WINDOW
    account.hold(1)
    assert account.resets(60.0) is None


@both
def test_accounts_are_found_listed_and_swept(make: Make) -> None:
    accounts = make()
    assert accounts.find(PLACE) is None
    accounts.open(PLACE, WINDOW).spend(3, 0.0)

    assert accounts.open(PLACE, WINDOW) is accounts.find(PLACE)
    assert [place for place, _ in accounts.each()] == [PLACE]
    accounts.sweep(1.0)
    assert accounts.find(PLACE) is not None
    accounts.sweep(WINDOW + 1)
    assert accounts.find(PLACE) is None


@both
def test_what_changed_is_told_once(make: Make) -> None:
    accounts = make()
    account = accounts.open(PLACE, WINDOW)
    assert not accounts.changes()
    for change in (
        lambda: account.hold(3),
        lambda: account.release(1, 0),
        lambda: account.settle(2, 0.0),
        lambda: account.spend(1, 0.0),
        lambda: account.allow("ann", 1, 5.0),
        lambda: accounts.mark([PLACE]),
    ):
        change()
        assert accounts.changes() == {PLACE: account}
        assert not accounts.changes()
    accounts.sweep(WINDOW + 1)
    assert accounts.changes() == {PLACE: None}
    accounts.mark([PLACE])
    assert accounts.changes() == {PLACE: None}
    assert not accounts.changes()


@both
def test_a_window_that_was_another_one_forgets_nothing_too_early(make: Make) -> None:
    account = opened(make)
    for moment in range(SLICES):
        account.spend(1, moment * WINDOW / SLICES)
    account.window = 100 * WINDOW
    moments = [WINDOW + more for more in range(0, 6000, 60)]
    for moment in moments:
        account.spend(1, moment)

    assert account.sum(moments[-1]) == SLICES + len(moments)
    assert account.statements(moments[-1]) == SLICES + len(moments)
    assert account.sum(moments[0] + 100 * WINDOW - 1) >= len(moments)


@both
def test_who_waited_for_its_turn_shortens_nothing(make: Make) -> None:
    """Between processes, a moment may be read before another's and come after it."""
    account = opened(make)
    account.spend(5, 100.0)
    account.spend(1, 99.0)

    assert account.sum(99.5 + WINDOW) == 6


@both
def test_what_counts_for_all_others_is_counted_strictly(make: Make) -> None:
    others: Place = ("slow-bleed", "rows", OTHERS)
    accounts = make()
    accounts.open(PLACE, WINDOW).spend(1, 0.0)
    account = accounts.open(others, WINDOW)
    account.spend(7, 0.0)
    account.size = 1000
    eve: Place = ("slow-bleed", "rows", (("caller", "eve"), ("database", "shop")))

    assert accounts.find(eve) is account
    assert accounts.open(eve, WINDOW) is account
    assert accounts.find(PLACE) is not account
    assert accounts.find(("slow-bleed", "refusals", eve[2])) is None
    assert account.size is None
    assert not account.allow("eve", 500, 60.0)
    accounts.sweep(WINDOW + 1)
    assert accounts.find(eve) is None


def test_the_words_of_a_key() -> None:
    assert words(PLACE) == "caller ann, database shop"
