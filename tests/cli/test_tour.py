"""What the tour shows of a step: words as psql printed them, and the counts that changed."""

from __future__ import annotations

import pytest
from rich.console import Console

from pgguard.cli.tour import _show, spoken
from pgguard.demo.client import Answer
from pgguard.demo.company import Content, State
from pgguard.demo.scene import Approve, Played, Run

BEFORE = State({"accounts": Content(2000, "1"), "orders": Content(9, "2")})


def shown(played: Played) -> str:
    console = Console(width=200, highlight=False)
    with console.capture() as capture:
        _show(console, played)
    return capture.get()


def test_answers_are_shown_as_psql_printed_them_without_source_locations() -> None:
    said = "psql:<stdin>:2: ERROR:  PGG01: refused\nDETAIL:  table [orders]: dropped\nLOCATION:  exec, execMain.c:1\n\n"

    assert spoken(said) == ["ERROR:  PGG01: refused", "DETAIL:  table [orders]: dropped"]


def test_statement_answer_counts_and_judgement_are_shown() -> None:
    answer = Answer(1, "", "ERROR:  PGG02: approval required: request 17\nDETAIL:  x[red]y[/red]\n")
    text = shown(Played(Run("ann", "DELETE FROM accounts", "PGG02"), answer, BEFORE, BEFORE, ()))

    assert "ann> DELETE FROM accounts" in text
    assert "  DETAIL:  x[red]y[/red]" in text, "what a server says is never markup"
    assert "every one the same: accounts 2000, orders 9" in text
    assert "✓ as it must" in text


def test_problems_and_lost_tables_are_shown() -> None:
    after = State({"accounts": Content(0)})
    text = shown(Played(Run("ann", "x", claim="staging"), Answer(0, ""), BEFORE, after, ("orders is gone",)))

    assert "ann (claims staging)> x" in text
    assert "accounts 2000 → 0, orders 9 → gone" in text
    assert "✗ orders is gone" in text
    assert "as it must" not in text


@pytest.mark.parametrize(("number", "command"), [(17, "pgguard approve 17"), (None, "pgguard approve ?")])
def test_an_approval_is_shown_as_the_command_it_is(number: int | None, command: str) -> None:
    assert command in shown(Played(Approve("bob", may=True), Answer(0, ""), BEFORE, BEFORE, (), number))
