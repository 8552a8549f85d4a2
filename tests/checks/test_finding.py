"""One sentence out of several words, with the tables that the statement names as its targets."""

from __future__ import annotations

from pgguard.checks.finding import Finding, said
from pgguard.sql.read import read

SENTENCES = {"a": "does this", "b": "does that", "c": "does this"}


def test_every_word_with_a_sentence_is_said_once() -> None:
    (statement,) = read(b"alter table s.t add x int, add y int").statements

    assert Finding("check", "the statement does this and does that (s.t)") == said(
        "check", statement, ["a", "z", "b", "c"], SENTENCES
    )


def test_without_a_target_no_table_is_named_and_without_a_word_nothing_is_said() -> None:
    (statement,) = read(b"vacuum full").statements

    assert Finding("check", "the statement does that") == said("check", statement, ["b"], SENTENCES)
    assert said("check", statement, ["z"], SENTENCES) is None
