"""Which budgets count what for whom, what is beyond, and what decide makes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pgguard.evidence.measurement import Measurement
from pgguard.policy import explain
from pgguard.policy.account import Accounts
from pgguard.policy.binding import Filed
from pgguard.policy.budget import Spent, blame, counting, duration, limit, spent, supposed
from pgguard.policy.decide import decide, speaks_of
from pgguard.policy.model import Budget, Policy
from pgguard.policy.verdict import Allow, Caller, Evidence, Hold, Measure, Refuse
from tests.policy.making import asked, lost, measured, policy, statement, table

ANN = Caller("ann", "shop", "psql", role="ann")
SLOW: dict[str, Any] = {"name": "slow-bleed", "match": {"caller": "people"}, "per": ["caller", "database"], "rows": 500,
                        "window": "10m", "beyond": "approve"}  # fmt: skip
SHARE = {"rows": None, "share": "20%", "at_least": 50, "per": ["table"]}
REFUSALS = {"rows": None, "refusals": 3}


def budget(**more: Any) -> Policy:
    return policy(budgets=[{k: v for k, v in {**SLOW, **more}.items() if v is not None}])


def of(which: Policy, found: Measurement, before: int = 0, size: int | None = None) -> Evidence:
    known = supposed(counting(which, ANN), {"slow-bleed": before}, found)
    return Evidence(measurement=found, spent=tuple(replace(one, size=size) for one in known))


def rows(number: int, *more: Any) -> Measurement:
    evidence = measured(table("public.orders", deleted=number), *more)
    assert evidence.measurement is not None
    return evidence.measurement


@pytest.mark.parametrize(
    ("more", "before", "found", "beyond"),
    [
        ({}, 480, rows(20), False),
        ({}, 480, rows(21), True),
        ({}, 900, rows(0), False),  # what loses nothing is never stopped
        ({"rows": 0}, 0, rows(1), True),
        ({"match": {"table": "users"}}, 900, rows(5), False),
        ({"match": {"table": "ord*"}}, 498, rows(5), True),
        (REFUSALS, 3, rows(1), False),
        (REFUSALS, 4, rows(1), True),
        (REFUSALS, 4, rows(0), False),
        (REFUSALS, 4, rows(0, lost("table public.t")), True),
    ],
)
def test_what_is_beyond(more: dict[str, Any], before: int, found: Measurement, beyond: bool) -> None:
    which = budget(**more)
    verdict = decide(which, asked(statement("delete", "orders")), of(which, found, before))

    assert isinstance(verdict, Hold) is beyond
    assert isinstance(verdict, Allow) is not beyond


@pytest.mark.parametrize(
    ("number", "size", "beyond"), [(50, 60, False), (51, 1000, False), (201, 1000, True), (51, None, True)]
)
def test_a_share_needs_the_size_of_its_table(number: int, size: int | None, beyond: bool) -> None:
    which = budget(**SHARE)

    assert isinstance(decide(which, asked(), of(which, rows(number), size=size)), Hold) is beyond


def test_the_tables_of_one_transaction_have_an_account_each_where_that_is_asked_for() -> None:
    tables = (table("public.a", deleted=3), table("public.b", updated=4), table("public.c", inserted=9))
    found = measured(*tables).measurement
    assert found is not None
    (per_table,) = counting(budget(per=["caller", "table"]), ANN)
    (per_caller,) = counting(budget(), ANN)

    assert {dict(place[2])["table"]: n for place, n in per_table.amounts(found).items()} == {
        "shop.public.a": 3, "shop.public.b": 4,
    }  # fmt: skip
    assert list(per_caller.amounts(found).values()) == [7]


def test_an_account_is_kept_by_whatever_the_policy_says() -> None:
    (one,) = counting(budget(per=["caller", "role", "application", "database"]), replace(ANN, role="owner"))

    place = one.place()
    assert place == (
        "slow-bleed", "rows", (("caller", "ann"), ("role", "owner"), ("application", "psql"), ("database", "shop"))
    )  # fmt: skip


def test_it_speaks_of_its_callers_alone() -> None:
    assert speaks_of(budget(), ANN)
    assert not speaks_of(budget(), Caller("app", "shop"))
    assert counting(budget(), Caller("app", "shop")) == ()


def test_without_evidence_it_is_measured_and_a_bound_that_does_not_fit_as_well() -> None:
    which = budget()
    delete = asked(statement("delete", "orders"))

    assert isinstance(decide(which, delete, Evidence()), Measure)
    assert isinstance(decide(which, delete, Evidence(bound=1)), Allow)
    over = supposed(counting(which, ANN), {"slow-bleed": 500}, rows(1))
    assert isinstance(decide(which, delete, Evidence(bound=1, spent=over)), Measure)


def test_limits_and_rules_come_first() -> None:
    """A request about a statement must not change with what was spent before it."""
    people = {"name": "people", "match": {"caller": "people"}, "rows": 10, "beyond": "approve"}
    which = policy(people, budgets=[SLOW])
    verdict = decide(which, asked(statement("delete", "orders")), of(which, rows(20), before=490))

    assert isinstance(verdict, Hold)
    assert [b.rule for b in verdict.blames] == ["people"]
    assert verdict.over is None


def test_of_two_the_one_that_refuses_is_named_first() -> None:
    which = policy(budgets=[SLOW, {**SLOW, "name": "wall", "rows": 100, "beyond": "refuse"}])
    verdict = decide(which, asked(statement("delete", "orders")), of(which, rows(501)))

    assert isinstance(verdict, Refuse)
    assert [b.rule for b in verdict.blames] == ["wall", "slow-bleed"]
    assert verdict.sqlstate == "PGG03"
    assert "stop what is running" in explain.refusal(verdict).hint


def test_the_message_says_what_is_going_on() -> None:
    which = budget()
    accounts = Accounts()
    counts = counting(which, ANN)
    place = counts[0].place()
    assert place is not None
    account = accounts.open(place, 600.0)
    for moment in range(127):
        account.spend(4, float(moment))
    known = spent(counts, rows(4), accounts, 127.0, {})
    verdict = decide(which, asked(statement("delete", "orders")), Evidence(measurement=rows(4), spent=known))
    assert isinstance(verdict, Hold)

    refusal = explain.refusal(verdict, request=Filed(17))
    assert refusal.message == (
        'approval required: request 17, rule "slow-bleed", 512 rows in 10 minutes by 128 statements (limit 500)'
    )
    assert "slow-bleed counts by caller ann, database shop" in refusal.detail
    assert "pgguard approve 17. It lets you go 500 rows further." in refusal.hint
    assert explain.nearly_spent(counts[0].spent(place, 0, account, 127.0)) == (
        'budget "slow-bleed" is spent: 508 rows in 10 minutes by 127 statements (limit 500)',
        "slow-bleed counts by caller ann, database shop",
    )


@pytest.mark.parametrize(
    ("more", "before", "size", "says"),
    [
        (REFUSALS, 4, None, "4 refusals in 10 minutes (limit 3)"),
        (SHARE, 0, 1000, "201 of 1000 rows of public.orders in 10 minutes (limit 20%)"),
        (SHARE, 0, None, "201 rows of public.orders, whose size is not known, in 10 minutes (limit 20%)"),
    ],
)
def test_the_words_of_the_others(more: dict[str, Any], before: int, size: int | None, says: str) -> None:
    which = budget(**more)
    (one,) = of(which, rows(201), before, size).spent

    assert blame(one).says == says


@given(before=st.integers(0, 2000), adds=st.integers(0, 50), allowed=st.integers(0, 1000))
def test_nothing_passes_beyond_the_limit_and_what_was_allowed(before: int, adds: int, allowed: int) -> None:
    one = Spent(budget().budgets[0], ("slow-bleed", "rows", ()), before, adds, allowed=allowed)

    assert one.beyond is (adds > 0 and before + adds > 500 + allowed)


def test_what_is_its_own_does_not_count_twice() -> None:
    accounts = Accounts()
    counts = counting(budget(), ANN)
    place = counts[0].place()
    assert place is not None
    accounts.open(place, 600.0).hold(100)

    (one,) = spent(counts, rows(120), accounts, 0.0, {place: 100})
    assert (one.before, one.sum) == (0, 120)


def test_an_approval_is_bound_to_the_budget_and_its_key() -> None:
    one = Spent(budget().budgets[0], ("slow-bleed", "rows", (("caller", "ann"),)), 0, 1)

    assert one.digest == replace(one, before=99, adds=7).digest
    assert one.digest != replace(one, place=("slow-bleed", "rows", (("caller", "eve"),))).digest
    assert one.digest != replace(one, budget=budget(rows=501).budgets[0]).digest


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"rows": None}, "one of rows, refusals or share"),
        ({"refusals": 3}, "one of rows, refusals or share"),
        ({"rows": None, "share": "20%", "per": ["table"]}, "share and at_least belong together"),
        ({**SHARE, "per": ["caller"]}, "per needs table as well"),
        ({**REFUSALS, "per": ["table"]}, "refusals cannot be counted by table"),
        ({"warn": 500}, "warn needs a number below the limit"),
        ({"match": {"kind": "delete"}}, "a budget speaks of every statement"),
        ({"per": []}, "an empty list"),
        ({"window": "10"}, "a duration such as 30m"),
        ({"match": {"caller": "peple"}}, 'did you mean "people"'),
    ],
)
def test_mistakes_have_a_sentence(more: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says.replace("(", r"\(")):
        budget(**more)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(1, "1 second"), (90, "90 seconds"), (600, "10 minutes"), (3600, "1 hour"), (86400, "1 day")],
)
def test_durations_are_said_in_their_largest_unit(seconds: int, said: str) -> None:
    assert duration(float(seconds)) == said


def test_a_limit_in_words() -> None:
    found: list[Budget] = [budget().budgets[0], budget(**SHARE).budgets[0], budget(**REFUSALS).budgets[0]]

    assert [limit(one) for one in found] == ["500", "20%", "3"]
