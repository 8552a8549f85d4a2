"""A request in words: what an approver reads is what will run and what it would destroy."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.console.words import budget_row, listing_row, moment, printable, request_lines
from pgguard.evidence.particulars import Particulars, Sample
from pgguard.policy.account import Account, Place
from pgguard.policy.binding import Binding, BoundStatement, NewRequest, shortened
from pgguard.policy.consent import Terms, Vote
from pgguard.policy.model import Budget
from pgguard.policy.verdict import Blame
from pgguard.store.request import Request, State
from tests.console.stand import MEASURED, request

FILED = Request(17, "d", State.OPEN, request("delete from accounts"), 3, filed=0.0, expires=86400.0, last_rows=52001)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("delete  from\tt", "delete from t"),
        ("delete from t where id = 1 --\r or true", "delete from t where id = 1 -- \\n or true"),
        ("a\r\n\n b ", "a \\n  \\n b"),
        ("\x1b[1A\u202e\u00a0\x00", "\\u001b[1A\\u202e\\u00a0\\u0000"),
        ("größer = 'ß'", "größer = 'ß'"),
        ("x = 1 --\\n or true", "x = 1 --\\\\n or true"),  # no line break: what follows is still a comment
        ("x ~ '\\d+\\\\n\\w'", "x ~ '\\d+\\\\\\\\n\\w'"),
        ("\\\x1b[2J\\u202e", "\\\\\\u001b[2J\\\\u202e"),
        ("a\u3164\u2800\ufe0fb", "a\\u3164\\u2800\\ufe0fb"),  # nothing to see, and printable
    ],
)
def test_text_that_cannot_deceive(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_what_is_shown_is_one_line_of_printable_characters(text: str) -> None:
    assert printable(text).isprintable()


@given(*[st.text(st.sampled_from("\\\\nu\n\x1b202e ax-")).map(str.strip)] * 2)
def test_two_texts_that_differ_look_different(one: str, other: str) -> None:
    """But for white space that means nothing."""
    if printable(one) == printable(other):
        assert [line.split() for line in one.split("\n")] == [line.split() for line in other.split("\n")]


def test_a_request_in_lines() -> None:
    assert request_lines(FILED) == [
        ("request", "17"),
        ("state", "open"),
        ("requester", "ann"),
        ("database", "shop"),
        ("server", "shop/77"),
        ("statement", "delete from accounts"),
        ("rule", "people: 52000 rows (limit 100)"),
        ("rows", "52000"),
        ("table", "accounts: 2000 rows deleted of 2000 (100%)"),
        ("table", "inventory: 50000 rows deleted by cascade or trigger"),
        ("destroyed", "table public.invoices: dropped (about 12000 rows)"),
        ("rows of the latest try", "52001"),
        ("tries", "3"),
        ("approver_group", "dba"),
        ("filed", "1970-01-01 00:00:00Z"),
        ("expires", "1970-01-02 00:00:00Z"),
    ]


def test_what_is_cut_is_said_in_a_field_that_no_text_can_write() -> None:
    long, short = BoundStatement("t", "", "/* " + "x" * 30_000 + " */ drop table t"), BoundStatement("u", "", "drop")
    many, last = BoundStatement("v", "", "y" * 10_000), BoundStatement("w", "", "delete\nnot_shown")
    texts = shortened([*[long] * 8, *[short] * 15, *[many] * 13, last])
    asked = replace(request(), binding=replace(request().binding, statements=texts), reason="because " * 1000)
    lines = request_lines(replace(FILED, asked=asked))
    told = [value for field, value in lines if field == "not_shown"]

    assert told[:2] == ["the last 7000 characters of the reason", "the last 20019 characters of statement 1"]
    assert told[-1] == "the last 16 characters of statement 37"
    assert [value for field, value in lines if field == "statement"][-1] == "(nothing of it is shown)"
    assert sum(len(value) for _, value in lines) < 210_000
    assert len(listing_row(replace(FILED, asked=asked))[6] or "") == 100


def test_a_request_in_a_row() -> None:
    assert listing_row(FILED) == (
        "17", "open", "ann", "shop", "52000", "people", "delete from accounts", "dba", "3",
        "1970-01-01 00:00:00Z", "1970-01-02 00:00:00Z",
    )  # fmt: skip


def test_no_moment_is_no_text() -> None:
    assert moment(None) == ""


PLACE: Place = ("slow-bleed", "rows", (("caller", "ann"), ("application", "p\x1bsql")))


def test_a_row_of_the_budgets() -> None:
    budget = Budget.model_validate(
        {"name": "slow-bleed", "per": ["caller", "application"], "rows": 500, "window": "10m", "beyond": "approve"}
    )
    account = Account()
    account.window = 600.0
    account.spend(480, 100.0)
    row = ("slow-bleed", "caller ann, application p\\u001bsql", "480", "500", "10 minutes")

    assert budget_row(budget, PLACE, account, 130.0, 60.0) == (*row, "1970-01-01 00:10:30Z")
    account.hold(3)
    assert budget_row(budget, PLACE, account, 130.0, 60.0)[-1] is None


def test_a_request_to_go_beyond_a_budget() -> None:
    """It has no statement: what it is about is the budget, and the number is the sum."""
    asked = NewRequest(
        Binding((), "ann", "ann", "shop", 0, "shop/77", ("d",), "slow-bleed: caller ann"), MEASURED,
        (Blame("slow-bleed", "504 rows in 10 minutes by 126 statements (limit 500)", "d"),), (), "dba", 1800.0,
        spent=504,
    )  # fmt: skip
    filed = Request(17, "d", State.OPEN, asked, 3, filed=0.0, expires=86400.0, last_rows=504)

    assert listing_row(filed)[4:7] == ("504", "slow-bleed", "budget slow-bleed: caller ann")
    lines = request_lines(filed)
    assert ("budget", "slow-bleed: caller ann") in lines
    assert ("rows", "504") in lines


def test_what_several_people_said_and_what_is_left() -> None:
    two = replace(FILED.asked, by=("dba", "security"), needs=2)
    votes = (Vote("bob", frozenset({"dba"})), Vote("k\x1bim", frozenset({"dba"}), Terms(500, 3, 7200.0)))
    lines = request_lines(replace(FILED, asked=two, votes=votes))

    assert ("approver_group", "dba, security") in lines
    assert ("needs", '2 members of "dba" and 2 members of "security"') in lines
    assert [value for field, value in lines if field == "approved_by"] == [
        "bob", "k\\u001bim (at most 500 rows, 3 uses, for 2 hours)"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("used", "outcome", "told"),
    [
        (None, "", []),
        (90_000.0, "", ["spent; how its COMMIT ended was not seen"]),
        (90_000.0, "committed", ["committed"]),
    ],
)
def test_what_became_of_it(used: float | None, outcome: str, told: list[str]) -> None:
    lines = request_lines(replace(FILED, used=used, outcome=outcome, uses=5, remaining=3))

    assert [value for field, value in lines if field == "outcome"] == told
    assert ("uses", "3 of 5 left") in lines


def test_rows_of_a_table_are_not_for_everybody() -> None:
    sample = Sample("public.accounts", ((("email", "a@b.c"),),))
    asked = replace(FILED.asked, particulars=Particulars(samples=(sample,)))

    assert ("sample", "shown to its approvers") in request_lines(replace(FILED, asked=asked))
    assert ("sample", "accounts: email=a@b.c") in request_lines(replace(FILED, asked=asked), samples=True)


def test_what_has_to_be_reviewed_does_not_expire() -> None:
    assert listing_row(replace(FILED, state=State.REVIEW))[-1] == ""


def test_the_approval_of_a_budget_has_no_commit_of_its_own() -> None:
    budget = replace(FILED.asked, binding=replace(FILED.asked.binding, statements=(), budget="slow-bleed"))

    assert "outcome" not in dict(request_lines(replace(FILED, asked=budget, used=90_000.0)))
