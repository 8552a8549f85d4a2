"""Words are walked along as PostgreSQL's scanner splits them."""

from __future__ import annotations

import pytest

from pgguard.sql import grammar
from pgguard.sql.words import Unexpected, Words


def words(text: bytes) -> Words:
    tokens = grammar.scan(text)
    assert tokens is not None
    return Words(text, tokens, frozenset(("then", "loop")))


def test_keywords_are_taken_without_comments_and_case() -> None:
    row = words(b"IF /* then */ a -- then\n THEN")

    assert row.take("if")
    assert row.until("then") == b"a"
    row.expect("then")
    assert row.word == ""


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (b"New.Name", ("new", "name")),
        (b'"New" . "a""b"', ("New", 'a"b')),
        ("straße".encode(), ("straße",)),
        (b"a$1", ("a$1",)),
    ],
)
def test_names_are_folded_as_postgresql_folds_them(text: bytes, path: tuple[str, ...]) -> None:
    assert path == words(text).path()


@pytest.mark.parametrize("text", [b"then", b"1", b"'x'", b"e'x'", b"$1", b'U&"a"', b"", b"a.loop", b"b'1'", b"(a)"])
def test_what_is_no_name_is_not_taken_for_one(text: bytes) -> None:
    with pytest.raises(Unexpected):
        words(text).path()


def test_a_fragment_ends_outside_brackets_only() -> None:
    row = words(b"f(a then b, c[then]) + 'then' THEN x")

    assert row.until("then") == b"f(a then b, c[then]) + 'then'"


@pytest.mark.parametrize("text", [b"a ; then", b"(a; b) then", b"a) then", b"(a then", b""])
def test_a_fragment_that_does_not_end_is_unexpected(text: bytes) -> None:
    with pytest.raises(Unexpected):
        words(text).until("then")


def test_nothing_stands_behind_the_end() -> None:
    row = words(b"a")
    row.skip()

    assert row.word == row.next_word == ""
    with pytest.raises(Unexpected):
        row.skip()
