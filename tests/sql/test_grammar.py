"""The native library answers as PostgreSQL would, and its numbers are asked for, not remembered."""

from __future__ import annotations

from pgguard.sql import grammar


def test_parse_gives_the_tree_or_the_error() -> None:
    tree, error = grammar.parse(b"select 1")

    assert ("", True) == (error, b'"SelectStmt"' in tree)
    assert (b"", 'syntax error at or near "selec"') == grammar.parse(b"selec 1")


def test_scan_gives_spans_of_bytes_comments_included() -> None:
    text = "select 'é' -- x\n, a".encode()
    tokens = grammar.scan(text)

    assert tokens is not None
    assert [b"select", "'é'".encode(), b"-- x", b",", b"a"] == [
        text[grammar.varint(start) : grammar.varint(end)] for start, end, _ in tokens
    ]


def test_what_cannot_be_scanned_is_none() -> None:
    assert grammar.scan(b"select 'open") is None
    assert [] == grammar.scan(b"")


def test_long_texts_keep_their_offsets() -> None:
    """Offsets above 127 and above 16383 are longer varints."""
    text = b"select " + b"a, " * 20_000 + b"last"
    tokens = grammar.scan(text)

    assert tokens is not None
    assert (40_002, b"last") == (len(tokens), text[grammar.varint(tokens[-1][0]) : grammar.varint(tokens[-1][1])])
