"""One text into statements: exact offsets, and an answer for every text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgguard.sql import read as reading
from pgguard.sql.read import read
from pgguard.sql.statement import Effect, StatementKind


@pytest.mark.parametrize("tail", ["", ";", " ; ", ";;\n-- end\n;"])
def test_offsets_are_bytes_and_cut_exactly_the_statement(tail: str) -> None:
    """Multi-byte characters, comments and empty statements between: each slice is the statement and no semicolon."""
    pieces = ["select 'é;ü' as \"名前\"", "delete from 表 where a = $$;$$", "update t set a = e'\\';'", "begin"]
    text = ("  /* é; */ " + " ;; -- ö;\n".join(pieces) + tail).encode()

    statements = read(text).statements

    assert pieces == [text[s.start : s.start + s.length].decode() for s in statements]
    assert ["select", "delete", "update", "transaction"] == [s.kind for s in statements]


@pytest.mark.parametrize("text", [b"", b" \n\t", b";", b"; ;", b"-- nothing", b"/* nothing; */"])
def test_an_empty_text_has_no_statements(text: bytes) -> None:
    assert ((), "") == (read(text).statements, read(text).error)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"selec 1", 'syntax error at or near "selec"'),
        (b"select 1; selec 2", 'syntax error at or near "selec"'),
        (b"select '\xff'", "the text is not valid UTF-8"),
        (b"select 1\0; delete from t", "the text contains a NUL byte"),
        (b"select " + b"1+" * 800 + b"1", "the text is too deeply nested"),
    ],
)
def test_what_cannot_be_read_is_one_opaque_statement(text: bytes, error: str) -> None:
    result = read(text)
    (statement,) = result.statements

    assert error == result.error == statement.trouble
    assert (StatementKind.OPAQUE, {Effect.OPAQUE}) == (statement.kind, statement.effects)
    assert (0, len(text)) == (statement.start, statement.length)


def test_a_tree_of_unknown_shape_is_opaque(monkeypatch: pytest.MonkeyPatch) -> None:
    """A later libpg_query that spells its tree otherwise must not raise through a connection."""
    for tree in (b'{"stmts":[{}]}', b'{"stmts":[{"stmt":{"DeleteStmt":{}}}]}', b"[]", b"nonsense", b'{"stmts":[1]}'):
        monkeypatch.setattr(reading.grammar, "parse", lambda text, tree=tree: (tree, ""))

        assert "unknown shape" in read(b"select 1").error


def test_constants_of_a_large_text_are_left_out_and_nothing_else() -> None:
    """The shortcut for bulk INSERTs must not touch what looks like a constant inside a string."""
    lookalike = '{"A_Const":{"ival":{"ival":1},"location":9}}'
    rows = ", ".join(f"({number}, '{lookalike}', null, true, f_{number % 3}(1.5))" for number in range(4_000))

    result = read(f"insert into t values {rows}".encode())

    assert "" == result.error
    assert {"f_0", "f_1", "f_2"} == {call.name for call in result.statements[0].calls}


def test_rows_that_name_the_same_are_read_once() -> None:
    """Bulk INSERTs with casts and calls in them: rows that differ in their constants only are left out of the tree."""
    row = "(%d, now(), '%d ]}},{'::date, default, array[%d, 2], e'a', pg_catalog.\"q]\"(1))"
    rows = ", ".join(row % (n, n, n) for n in range(3_000))
    other = "(1, evil(), current_date, null, '{}', upper('x'), 2)"

    (statement,) = read(f"insert into t values {rows}, {other}, {rows} on conflict (id) do nothing".encode()).statements

    assert ["now", "pg_catalog.q]", "evil", "upper"] == [str(call) for call in statement.calls]
    assert ["date"] == [str(name) for name in statement.types]


def test_a_row_is_left_out_only_where_it_says_nothing_new() -> None:
    """Whatever stands between, in front of and behind the equal rows, what is named is what a short text would name."""
    rows = ["(1, f(2))", "(1, g(2))", "(3, (select max(a) from s))", "('x', array[array[h(1)]])"]
    small = read(f"insert into t values {', '.join(rows)}".encode()).statements[0]

    large = read(f"insert into t values {', '.join(row for row in rows for _ in range(2_500))}".encode()).statements[0]

    assert (set(small.calls), set(small.reads)) == (set(large.calls), set(large.reads))


def test_many_ctes_are_opaque() -> None:
    """What each CTE sees is a set: the cost is the square of their number."""
    text = "with " + ", ".join(f"a{number} as (select 1)" for number in range(1_500)) + " select 1"

    assert "a WITH of more than 1000 queries" == read(text.encode()).statements[0].trouble


WORDS = st.sampled_from(
    """select delete from where update set t a = ( ) , ; 1 'x' $1 and or not insert into values with as union join on
    case when then end drop table alter column explain analyze copy to stdin merge using matched begin commit . :: [ ]
    -- /* */ $$ " ' || between in like is null create function prepare execute""".split()
)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))))
def test_no_text_raises(text: bytes) -> None:
    assert read(text) is not None


@settings(max_examples=400, deadline=None)
@given(st.lists(WORDS, max_size=25).map(" ".join))
def test_no_sql_like_text_raises_and_offsets_stay_inside(text: str) -> None:
    raw = text.encode()
    end = 0
    for statement in read(raw).statements:
        assert end <= statement.start <= statement.start + statement.length <= len(raw)
        end = statement.start + statement.length
