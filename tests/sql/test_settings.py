"""SET in all its spellings."""

from __future__ import annotations

import pytest

from pgguard.sql.read import read
from pgguard.sql.statement import Setting


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("set a.b = 'x'", Setting("a.b", "x")),
        ("set local a.b = 1.5", Setting("a.b", "1.5", local=True)),
        ("set session a = on", Setting("a", "on")),
        ("set a = 0", Setting("a", "0")),
        ("set a = ''", Setting("a", "")),
        ("set a = -5", Setting("a", "-5")),
        ("set search_path = \"A\", b", Setting("search_path", "A, b")),
        ("set local a to default", Setting("a", None, local=True)),
        ("set role 'x'", Setting("role", "x")),
        ("set local role x", Setting("role", "x", local=True)),
        ("reset role", Setting("role", None)),
        ("reset session authorization", Setting("session_authorization", None)),
        ("set session authorization x", Setting("session_authorization", "x")),
        ("set time zone default", Setting("timezone", None)),
        ("set transaction read only", Setting("transaction", "transaction_read_only = 1", local=True)),
    ],
)
def test_settings(sql: str, expected: Setting) -> None:
    assert expected == read(sql.encode()).statements[0].setting


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select set_config('Role', 'x', false)", (Setting("role", "x"),)),
        ("select 1 from t where pg_catalog.set_config('a', 'b'::text, true) = ''", (Setting("a", "b", local=True),)),
        ("copy (select set_config('a', 'b', false), set_config('c', 'd', false)) to stdout",
         (Setting("a", "b"), Setting("c", "d"))),
        ("with x as (select set_config('a', 'b', false)) select 1", (Setting("a", "b"),)),
        ("prepare p as select set_config('a', 'b', false)", ()),
        ("select set_config('a', b, false)", ()),
        ("select set_config('a', $1, false), set_config('a')", ()),
    ],
)  # fmt: skip
def test_calls_of_set_config(sql: str, expected: tuple[Setting, ...]) -> None:
    assert expected == read(sql.encode()).statements[0].calls_to_set


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT set_config('search_path', $1, false)", Setting("search_path", None)),
        ("SELECT pg_catalog.set_config('search_path', 'a, b', true)", Setting("search_path", "a, b", local=True)),
        ("select current_setting('jit') as cur, set_config('jit', 'off', false) as new", Setting("jit", "off")),
        ("select set_config('jit', $1, false)", Setting("jit", None)),
        ("select current_setting(f()), set_config('jit', 'off', false)", None),
        ("select set_config('jit', 'off', false), set_config('role', 'x', false)", None),
        ("select current_setting('jit')", None),
        ("select set_config('role', 'x', false)", None),
        ("select set_config($1, 'x', false)", None),
        ("select set_config('search_path', f(), false)", None),
        ("select set_config('search_path', $1::w.domain, false)", None),
        ("select set_config('search_path', 'x', f())", None),
        ("select set_config('search_path', 'x', false), f()", None),
        ("select set_config('search_path', 'x', false) from t", None),
        ("select set_config('search_path', 'x', false) where f()", None),
        ("select set_config('search_path', 'x', false) order by f()", None),
        ("select set_config('search_path', 'x', false) || f()", None),
        ("select set_config('search_path', 'x', false) filter (where f())", None),
        ("select set_config('search_path', 'x', false) union select f()", None),
        ("with x as (delete from t returning 1) select set_config('search_path', 'x', false)", None),
    ],
)
def test_a_select_that_is_a_set(sql: str, expected: Setting | None) -> None:
    (statement,) = read(sql.encode()).statements

    assert statement.setting == expected


@pytest.mark.parametrize(
    "around", ["explain analyze {}", "create table x as {}", "copy ({}) to stdout", "prepare p as {}"]
)
def test_it_is_none_inside_something_else(around: str) -> None:
    (statement,) = read(around.format("select set_config('search_path', 'x', false)").encode()).statements

    assert statement.setting is None
    assert all(inner.setting is None for inner in statement.inner)
