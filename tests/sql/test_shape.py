"""Shapes: what is blanked, what has none, and that texts of one shape are the same statement to every judge."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from pgguard.sql.read import read
from pgguard.sql.shape import LONGEST, shape
from pgguard.sql.statement import Statement, StatementKind

CACHED = {StatementKind.SELECT, StatementKind.INSERT, StatementKind.UPDATE, StatementKind.DELETE}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select 1", "select ?"),
        ("select 123456789", "select ?"),
        ("select 1234567890", "select 1234567890"),  # an int8, which is another type
        ("select 1.5", "select 1.5"),
        ("select .5", "select .5"),
        ("select 1e5", "select 1e5"),
        ("select 0x1f", "select 0x1f"),
        ("select 1_000", "select 1_000"),
        ("select a1, t2.c3", "select a1, t2.c3"),
        ("select 1+2-3", "select ?+?-?"),
        ("select -1", "select -?"),
        ("select 'a', ''", "select '?', '?'"),
        ("select 'it''s'", "select '?''?'"),
        ("select '1'", "select '?'"),
        ("select 'a\"b'", "select '?'"),
        ('select "a1 2", "b\'c\'", 3', 'select "a1 2", "b\'c\'", ?'),
        ('select "a""1"', 'select "a""1"'),
        ("select B'10', x'1f', N'a'", "select B'?', x'?', N'?'"),
        ("select a[1]", "select a[?]"),
        ("select caf\u00e91", "select caf\u00e91"),
        ("select 1a", "select 1a"),
        ("", ""),
        (";", ";"),
    ],
)
def test_plain_literals_are_blanked_and_nothing_else(text: str, expected: str) -> None:
    assert shape(text.encode()) == expected.encode()


@pytest.mark.parametrize(
    "text",
    [
        "select 1 -- x", "select /* x */ 1", "select $1", "select $$a$$", "select $a$1$a$", r"select E'\''",
        r"select '\'", r"select U&'\0041'", "select 'open", 'select "open', "select 1\0", "select '\0'", "select '--'",
        "select set_config('a', 'b', true)", "select Set_Config('a', 'b', true)",
        "select '/*'", "select " + "1, " * LONGEST,
    ],
)  # fmt: skip
def test_where_something_could_be_guessed_wrongly_there_is_none(text: str) -> None:
    assert shape(text.encode()) is None


def seen(text: str) -> tuple[bool, tuple[Statement, ...]]:
    """What judges look at: everything but the places in the text."""
    found = read(text.encode())
    if found.error:
        return True, ()  # its words differ; such texts are not kept by shape
    return False, tuple(replace(s, start=0, length=0) for s in found.statements)


TEMPLATES = [
    "delete from t where id = {}", "update t set n = {} where id = {}", "delete from t where id in ({}, {})",
    "delete from t where id = {} and n > {}", "insert into t values ({}, {})", "select * from t where n < {} limit 5",
    "with x as (delete from t where id = {} returning *) select {} from x", "select f({}), {}::text from t",
    "update t set n = {} where id = {}; delete from t where id = {}", "delete from only t where id = int4 '1' + {}",
    "select {} union select {} order by 1", "delete from t where id = {}::int8", "select a.b{}", "delete from t{}",
    "select case when {} = {} then f() end", "delete from t where id = -{}", "select {}{}",
]  # fmt: skip
literals = st.integers(0, 10**11).map(str) | st.text(alphabet="ab1 ;'\"?.%=", max_size=6).map(
    lambda text: "'" + text.replace("'", "''") + "'"
)


three = st.lists(literals, min_size=3, max_size=3)


@given(template=st.sampled_from(TEMPLATES), one=three, two=three)
def test_other_values_of_one_shape_are_the_same_statement(template: str, one: list[str], two: list[str]) -> None:
    first, second = template.format(*one), template.format(*two)
    if shape(first.encode()) is not None and shape(first.encode()) == shape(second.encode()):
        assert seen(first) == seen(second)


fragments = st.sampled_from(
    ["select ", "delete from t where id = ", "1", "22", "'", "''", '"', "a", "e", "E", "u&", "U&", "b", " ", "\n", ";",
     ".", ",", "(", ")", "=", "-", "::int", "?", "x1", "id", "n", " and ", " or ", "_", "'a'", "'x y'", '"t"', "\u00e9"]
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(soup=st.lists(fragments, max_size=14).map("".join), by=st.lists(literals, min_size=1, max_size=4))
@example(soup="delete from t where id = 1", by=["2"])
def test_blanked_literals_can_be_filled_again(soup: str, by: list[str]) -> None:
    """Whatever the text: fill the blanks of its shape with other literals of the same sort, and compare."""
    form = shape(soup.encode())
    assume(form is not None and form != soup.encode() and "?" not in soup)
    assert form is not None
    refilled = form.decode()
    for number in range(refilled.count("?")):
        value = by[number % len(by)]
        at = refilled.index("?")
        quoted = refilled[at - 1 : at] == "'" and refilled[at + 1 : at + 2] == "'"
        plain = value.strip("'").replace("'", "").replace("?", "")
        filled = plain if quoted else "".join(c for c in plain if c.isdigit())[:9] or "7"
        refilled = refilled[:at] + filled + refilled[at + 1 :]
    assume(shape(refilled.encode()) == form)
    error, statements = seen(soup)
    if not error and all(statement.kind in CACHED for statement in statements):
        assert seen(refilled) == (error, statements)


def test_the_escape_character_of_an_identifier_is_not_a_value() -> None:
    one = "delete from U&\"!0074\" uescape '+' where id = 1"
    two = "delete from U&\"!0074\" uescape '!' where id = 1"
    assert seen(one) != seen(two)

    assert shape(one.encode()) is None or shape(one.encode()) != shape(two.encode())
