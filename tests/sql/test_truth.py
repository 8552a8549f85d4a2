"""Formulas that hold whatever their atoms are, and those that only look like it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pgguard.sql.truth import FALSE, MAX_ATOMS, TRUE, Formula, holds


def plain(name: str) -> Formula:
    return ("is", ("atom", name, None), "=")


def x(orders: str, number: int) -> Formula:
    return ("is", ("value", "x", Decimal(number)), orders)


def text(orders: str) -> Formula:
    return ("is", ("value", "x", "a"), orders)


P, Q = plain("p"), plain("q")


@pytest.mark.parametrize(
    "formula",
    [
        TRUE,
        ("not", FALSE),
        ("and", []),
        ("or", [P, ("not", P)]),
        ("or", [("and", [P, Q]), ("not", P), ("not", Q)]),
        ("or", [x(">", 0), x("<=", 0)]),
        ("or", [x(">", 0), x("<", 5)]),
        ("or", [x("<>", 1), x("<>", 2)]),
        ("not", ("and", [x(">", 5), x("<", 3)])),
        ("or", [text("<"), text("="), text(">")]),
    ],
)
def test_holds_under_every_assignment(formula: Formula) -> None:
    assert holds(formula)


@pytest.mark.parametrize(
    "formula",
    [
        FALSE,
        ("or", []),
        P,
        ("or", [P, ("not", Q)]),
        ("and", [P, ("not", P)]),
        ("or", [x("<", 0), x(">", 0)]),
        ("or", [x(">", 5), x("<", 5)]),
        ("or", [x(">", 5), x("<", 3)]),
        ("or", [text("<"), text(">")]),
        ("or", [x("=", 1), ("is", ("value", "y", Decimal(1)), "<>")]),
    ],
)
def test_fails_under_some_assignment(formula: Formula) -> None:
    assert not holds(formula)


def test_twelve_atoms_are_decided_and_thirteen_are_not_known() -> None:
    def all_of_three_orders(count: int) -> Formula:
        pairs = [("pair", str(number), None) for number in range(count)]
        return ("and", [("or", [("is", pair, "<>"), ("is", pair, "=")]) for pair in pairs])

    assert holds(all_of_three_orders(MAX_ATOMS))
    assert not holds(all_of_three_orders(MAX_ATOMS + 1))
