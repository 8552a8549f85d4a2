"""Digests bind to tokens and to nothing else; the leading comment is read exactly or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.sql.tokens import LeadingComment, leading_comment, token_digest

BASE = b"delete from t where id = 1"


@pytest.mark.parametrize(
    "text",
    [b"delete  from t\n where id=1", b"/* trace */ delete from t -- x\nwhere id = 1", BASE + b" ;; ", b"\n" + BASE],
)
def test_comments_white_space_and_last_semicolons_do_not_count(text: bytes) -> None:
    assert token_digest(BASE) == token_digest(text)


@pytest.mark.parametrize(
    "text",
    [
        b"delete from t where id = 2",
        b"delete from t where id = '1'",
        b'delete from "t" where id = 1',
        b"DELETE from t where id = 1",
        b"delete from t where id = 1 or true",
        b"delete from t where i d = 1",
        b"delete from t where id = 1; select 1",
        b"delete from t where id = '1 -- x'",
        b"delete from t",
        b"",
    ],
)
def test_everything_else_counts(text: bytes) -> None:
    assert token_digest(BASE) != token_digest(text)


def test_what_cannot_be_scanned_is_digested_byte_for_byte() -> None:
    assert token_digest(b"select 'open") != token_digest(b"select  'open")
    assert token_digest(b"select 1\0") != token_digest(b"select 1")
    assert token_digest(b"select /* open") != token_digest(b"select")


def test_a_comment_inside_a_string_is_no_comment() -> None:
    assert token_digest(b"select '/* a */'") != token_digest(b"select '/* b */'")
    assert token_digest(b"select $$-- a\n$$") != token_digest(b"select $$-- b\n$$")


@pytest.mark.parametrize(
    ("comment", "token", "reason"),
    [
        ("/* pgguard: token=abc.def, reason='a, ''b''' */", "abc.def", "a, 'b'"),
        ("/*pgguard:token='a b'*/", "a b", ""),
        (" \n/* pgguard: reason=x , token=y*/", "y", "x"),
        ("/* pgguard: reason='é' */", "", "é"),
    ],
)
def test_the_leading_comment_is_read(comment: str, token: str, reason: str) -> None:
    """The span covers the token's value and nothing else, so that it can be overwritten in place."""
    text = (comment + " delete from t").encode()
    found = leading_comment(text)

    assert found is not None
    assert (token, reason) == (found.token, found.reason)
    assert token.encode() == text[found.start : found.end]


@pytest.mark.parametrize(
    "text",
    [
        "delete from t /* pgguard: token=x */",
        "-- x\n/* pgguard: token=x */ delete from t",
        "/* x */ /* pgguard: token=x */ delete from t",
        "/* pgguard: token=x, token=y */ select 1",
        "/* pgguard: token=x, other=y */ select 1",
        "/* pgguard: token=x /* nested */ */ select 1",
        "/* pgguard: */ select 1",
        "/* pgguard: token=x select 1",
        "/* pgguard: token */ select 1",
        "/* notpgguard: token=x */ select 1",
        "select 1",
        "",
    ],
)
def test_anything_else_is_no_leading_comment(text: str) -> None:
    assert leading_comment(text.encode()) is None


def test_without_a_token_there_is_no_span() -> None:
    assert LeadingComment("", "x", 0, 0) == leading_comment(b"/* pgguard: reason=x */ select 1")


@given(st.binary(max_size=100))
def test_no_text_raises(text: bytes) -> None:
    assert 64 == len(token_digest(text))
    leading_comment(b"/* pgguard:" + text)
