"""One answer holds all that is asked of a long text."""

from __future__ import annotations

from pgguard.sql.examine import examine
from pgguard.sql.limits import MAX_COUNTED
from pgguard.sql.read import read
from pgguard.sql.tokens import token_digest

TEXT = b"select 1; delete from t where a = 1 or a <> 1; delete from s where a is null or a is not null"


def test_it_is_what_each_would_say_by_itself() -> None:
    found = examine(TEXT)

    assert found.statements == read(TEXT).statements
    assert found.digest == token_digest(TEXT)
    assert [f"the WHERE of DELETE on {table} is true for every row whose columns are not NULL" for table in "ts"] == [
        *found.always_true
    ]


def test_it_reads_what_nobody_else_dares_to() -> None:
    text = b"select 1 /*" + b" " * MAX_COUNTED + b"*/"

    assert read(text).error
    assert not examine(text).error


def test_of_what_cannot_be_read_nothing_else_is_said() -> None:
    found = examine(b"selec 1 where a = 1 or a <> 1")

    assert found.error
    assert (found.digest, found.always_true) == ("", ())


def test_a_very_long_text_is_not_searched_for_what_is_always_true() -> None:
    text = b"delete from t where a = 1 or a <> 1 /*" + b" " * 21_000 + b"*/"

    assert examine(text).always_true == ()
    assert not examine(text).error
