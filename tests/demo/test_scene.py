"""The judge of the tour: whatever went otherwise than it must is a problem, in words."""

from __future__ import annotations

import pytest

from pgguard.demo.client import Answer
from pgguard.demo.company import Content, State
from pgguard.demo.scene import Approve, Loop, Run, Step, judge

BEFORE = State({"accounts": Content(2000, "1"), "orders": Content(9, "2")}, frozenset({"view stock", "trigger t O"}))
REFUSED = Answer(1, "", 'ERROR:  PGG02: approval required: request 17, rule "people", 2000 rows (limit 100)\n')
DENIED = Answer(1, "", "ERROR:  42501: permission denied for table accounts\n")
RAN = Answer(0, "DELETE 2000\n")


def state(objects: frozenset[str] = BEFORE.objects, **tables: Content) -> State:
    return State({**BEFORE.tables, **tables}, objects)


def test_a_refusal_that_left_everything_is_right() -> None:
    step = Run("ann", "delete from accounts", "PGG02", ("2000 rows",))

    assert judge(step, REFUSED, BEFORE, BEFORE) == ()
    assert REFUSED.request == 17


@pytest.mark.parametrize(
    ("step", "answer", "after", "problem"),
    [
        (Run("ann", "x", "PGG02"), RAN, BEFORE, "SQLSTATE none, expected PGG02"),
        (Run("ann", "x", "PGG02"), DENIED, BEFORE, "SQLSTATE 42501, expected PGG02"),
        (Run("ann", "x", "PGG02"), Answer(1, "", "ERROR:  PGG02: no"), BEFORE, "no request was named"),
        (Run("ann", "x"), REFUSED, BEFORE, "SQLSTATE PGG02, expected none"),
        (Run("ann", "x"), Answer(2, "", "psql: error: connection refused"), BEFORE, "psql ended with 2"),
        (Run("ann", "x", "PGG02", ("9 rows",)), REFUSED, BEFORE, "it did not say '9 rows'"),
        (Run("ann", "x", "PGG02"), REFUSED, state(accounts=Content(0)), "accounts: 2000 rows became 0, expected 2000"),
        (Run("ann", "x", "PGG02"), REFUSED, state(accounts=Content(2000, "9")), "accounts: rows were overwritten"),
        (Run("ann", "x"), RAN, state(orders=Content(8)), "orders: 9 rows became 8, expected 9"),
        (Run("ann", "x", changes={"orders": -1}), RAN, BEFORE, "orders: 9 rows became 9, expected 8"),
        (Run("ann", "x", "PGG02"), REFUSED, State({"accounts": Content(2000, "1")}, BEFORE.objects), "orders is gone"),
        (Run("ann", "x"), RAN, state(extra=Content(0)), "extra is new"),
        (Run("ann", "x"), RAN, state(frozenset({"trigger t O"})), "view stock is lost or changed"),
        (Run("ann", "x"), RAN, state(BEFORE.objects | {"trigger t D"}), "trigger t D is new or changed"),
        (Loop("ann", "x {key}", range(3), "PGG02"), Answer(0, "3 ran"), BEFORE, "SQLSTATE none, expected PGG02"),
        (Loop("ann", "x {key}", range(3), "PGG02", ("1 request",)), REFUSED, BEFORE, "it did not say '1 request'"),
        (Loop("ann", "x {key}", range(3), "PGG02"), REFUSED, state(orders=Content(8)),
         "orders: 9 rows became 8, expected 9"),
        (Approve("ann", may=False), Answer(0, ""), BEFORE, "ann could approve"),
        (Approve("bob", may=True), Answer(1, ""), BEFORE, "bob could not approve"),
        (Approve("bob", may=True), Answer(0, ""), state(orders=Content(0)), "orders: 9 rows became 0, expected 9"),
    ],
)
def test_what_went_wrong_is_said(step: Step, answer: Answer, after: State, problem: str) -> None:
    assert problem in judge(step, answer, BEFORE, after)


def test_an_expected_change_is_right() -> None:
    step = Run("app", "x", changes={"orders": -1, "accounts": 0})

    assert judge(step, RAN, BEFORE, state(orders=Content(8, "5"), accounts=Content(2000, "6"))) == ()


def test_the_sqlstate_of_a_script_is_found() -> None:
    assert Answer(3, "BEGIN\n", "psql:<stdin>:2: ERROR:  PGG01: refused\nDETAIL:  x\n").sqlstate == "PGG01"
    assert Answer(0, "", "NOTICE:  00000: table does not exist, skipping\n").sqlstate == ""
