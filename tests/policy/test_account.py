"""Sums over a window, against the plainest way to say what they are; and what is known of them after a restart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pgguard.policy.account import SLICES, Account, Accounts, Place, words

WINDOW = 600.0
PLACE: Place = ("slow-bleed", "rows", (("caller", "ann"), ("database", "shop")))

# (seconds since the last, what happens, how much)
STEPS = st.lists(
    st.tuples(st.integers(0, 200), st.sampled_from(["hold", "settle", "release", "spend"]), st.integers(1, 50)),
    max_size=60,
)


@given(STEPS)
def test_what_is_held_counts_and_what_was_settled_counts_for_a_window(steps: list[tuple[int, str, int]]) -> None:
    account = Account(WINDOW)
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


@given(STEPS)
def test_a_restart_forgets_nothing_and_knows_no_more(steps: list[tuple[int, str, int]]) -> None:
    account = Account(WINDOW)
    now = 1000.0
    for seconds, what, amount in steps:
        now += seconds
        if what in ("hold", "spend"):
            getattr(account, what)(amount, *([now] if what == "spend" else []))
    account.allow("ann", 500, now + 60)

    again = Account(WINDOW)
    again.restore(*account.saved(now), now)

    assert again.sum(now) == account.sum(now)
    assert again.statements(now) == account.statements(now)
    assert again.allowed("ann", now) == 500
    assert again.sum(now + WINDOW + 1) == 0


@given(STEPS)
def test_memory_is_bounded_whatever_happens(steps: list[tuple[int, str, int]]) -> None:
    account = Account(WINDOW)
    now = 0.0
    for seconds, _, amount in steps * 20:
        now += seconds / 100
        account.spend(amount, now)
        account.sum(now)

    assert len(account.saved(now)[0]) <= SLICES + 1


def test_statements_are_counted_and_leave_with_what_they_spent() -> None:
    account = Account(WINDOW)
    account.hold(3)
    account.settle(3, 0.0)
    account.hold(2)

    assert account.statements(10.0) == 2
    assert account.statements(WINDOW + 10) == 1


def test_nothing_that_lies_ahead_is_believed() -> None:
    """A clock that was set back between two runs."""
    account = Account(WINDOW)
    account.restore([(10_000.0, 7, 1)], [], now=100.0)

    assert account.sum(100.0) == 7
    assert account.sum(100.0 + WINDOW) == 0


def test_an_allowance_is_its_callers_own_and_ends() -> None:
    account = Account(WINDOW)
    account.allow("ann", 500, until=100.0)
    account.allow("ann", 5, until=200.0)

    assert account.allowed("ann", 50.0) == 505
    assert account.allowed("eve", 50.0) == 0
    assert account.allowed("ann", 150.0) == 5
    assert not account.empty(150.0)
    assert account.empty(200.0)


def test_when_all_of_it_will_have_left_the_window() -> None:
    account = Account(WINDOW)
    assert account.resets(0.0) is None
    account.spend(1, 5.0)
    account.spend(1, 50.0)

    assert account.resets(60.0) == 50.0 + WINDOW
    account.hold(1)
    assert account.resets(60.0) is None


def test_accounts_are_found_listed_and_swept() -> None:
    accounts = Accounts()
    assert accounts.find(PLACE) is None
    accounts.open(PLACE, WINDOW).spend(3, 0.0)

    assert accounts.open(PLACE, WINDOW) is accounts.find(PLACE)
    assert [place for place, _ in accounts.each()] == [PLACE]
    accounts.changed.clear()
    accounts.sweep(1.0)
    assert accounts.find(PLACE) is not None
    accounts.sweep(WINDOW + 1)
    assert accounts.find(PLACE) is None
    assert accounts.changed == {PLACE}


def test_the_words_of_a_key() -> None:
    assert words(PLACE) == "caller ann, database shop"
