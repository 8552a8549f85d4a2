"""Bodies become statements, or trouble in words."""

from __future__ import annotations

import pytest

from pgguard.sql.bodies import MAX_BYTES, read_body
from pgguard.sql.statement import Name, StatementKind


def test_a_body_in_sql_is_its_statements() -> None:
    body = read_body("sql", b"select f($1); insert into log values ($1)")

    assert [StatementKind.SELECT, StatementKind.INSERT] == [s.kind for s in body.statements]
    assert Name("f") in body.statements[0].calls
    assert not body.trouble


def test_a_body_in_plpgsql_is_its_pieces() -> None:
    body = read_body("plpgsql", b"begin new.at := now(); insert into log values (f(new.v)); return new; end")

    assert {Name("now"), Name("f")} == {call for s in body.statements for call in s.calls}
    assert [Name("log")] == [w.relation for s in body.statements for w in s.writes]
    assert frozenset(("at",)) == body.sets


def test_the_row_can_be_another_one() -> None:
    assert read_body("plpgsql", b"begin return x; end").sets is None


@pytest.mark.parametrize(
    ("language", "source", "trouble"),
    [
        ("plperl", b"", "is written in plperl"),
        ("plpgsql", b"begin execute 'x'; end", "runs EXECUTE"),
        ("plpgsql", b"begin x := (1; end", "cannot be read: ; was expected"),
        ("plpgsql", b"begin x := 1 2 3; end", "cannot be read: syntax error"),
        ("sql", b"selec 1", "cannot be read: syntax error"),
        ("sql", b"select '\\'", "has a backslash in front of a quote"),
        ("sql", b"select 1 -- " + b"x" * MAX_BYTES, f"is longer than {MAX_BYTES} bytes"),
        ("sql", b"select " + b"+-" * 5000 + b"1", "is too much to read"),
        ("plpgsql", b"begin x := '; end", "cannot be read"),
        ("sql", b"select '\xff'", "cannot be read: the text is not valid UTF-8"),
    ],
)
def test_what_cannot_be_read_says_why(language: str, source: bytes, trouble: str) -> None:
    body = read_body(language, source)

    assert body.trouble.startswith(trouble), body.trouble
    assert not body.statements


def test_a_constant_or_variable_alone_needs_no_reading() -> None:
    assert not read_body("plpgsql", b"begin x := 1; y := z; end").statements
