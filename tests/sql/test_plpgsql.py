"""Every expression and statement of a body is found, and what is not in its place ends the reading."""

from __future__ import annotations

import pytest

from pgguard.sql import grammar
from pgguard.sql.plpgsql import PlPgSql
from pgguard.sql.words import Unexpected


def read(text: str) -> PlPgSql:
    return PlPgSql(text.encode(), grammar.scan(text.encode()) or [])


def found(text: str) -> list[str]:
    return [piece.decode() for piece in read(text).found]


@pytest.mark.parametrize(
    ("body", "pieces"),
    [
        ("begin x := f(1); end", ["SELECT f(1)"]),
        ("begin x[i + 1].y = 2 + g(); end", ["SELECT x[i + 1].y", "SELECT 2 + g()"]),
        ("begin $1 := f(); end", ["SELECT f()"]),
        ("begin perform f() union select g(); end", ["SELECT f() union select g()"]),
        ("begin select a, b into strict x, y.z from t; end", ["select a, b from t"]),
        ("begin select into x a from t; end", ["select a from t"]),
        ("begin insert into t values (1) returning id into x; end", ["insert into t values (1) returning id "]),
        ("begin with a as (insert into t values (1)) select 1 into x; end",
         ["with a as (insert into t values (1)) select 1 "]),
        ("begin for i in reverse f()..g() by h() loop null; end loop; end", ["SELECT f()", "SELECT g()", "SELECT h()"]),
        ("begin for a, b in select 1, 2 loop null; end loop; end", ["select 1, 2"]),
        ("begin case f() when 1, g() then null; end case; end", ["SELECT f()", "SELECT NULL = NULL", "SELECT 1, g()"]),
        ("declare a public.t.c%type; b t%rowtype[]; c a%type; begin null; end", ["SELECT NULL::public.t",
                                                                                "SELECT NULL::t"]),
        ("declare a varchar(10) collate \"C\" not null := f(); begin null; end", ["SELECT NULL::varchar(10)",
                                                                                 "SELECT f()"]),
        ("begin raise exception 'a % %', f(), (select 1) using message = g(), hint = h(); end",
         ["SELECT f()", "SELECT (select 1)", "SELECT g()", "SELECT h()"]),
        ("begin return query select f(); return next g(); return; end", ["select f()", "SELECT g()"]),
        ("begin if (case when a then b end) then null; end if; end", ["SELECT (case when a then b end)"]),
        ("begin perform := f(); elsif = g(); exception.x := h(); end", ["SELECT f()", "SELECT g()", "SELECT h()"]),
    ],
)  # fmt: skip
def test_every_piece_of_sql_is_found(body: str, pieces: list[str]) -> None:
    assert pieces == found(body)


@pytest.mark.parametrize(
    "body",
    [
        "", "select 1", "begin", "begin end x y", "begin null end", "begin null; end; select 1",
        "begin execute 'x'; end",
        "begin call p(); end", "begin do 'x'; end", "begin commit; end", "begin rollback; end", "begin open c; end",
        "begin fetch c into x; end", "begin move c; end", "begin close c; end", "begin update t set a = 1; end",
        "begin delete from t; end", "begin truncate t; end", "begin set a = 1; end", "begin lock t; end",
        "begin create table t (); end", "begin import foreign schema x; end",
        "declare c cursor for select 1; begin end",
        "declare c no scroll cursor for select 1; begin null; end",
        "begin for x in execute 'y' loop null; end loop; end",
        "begin return query execute 'x'; end", "begin x := ; end", "begin x := 1 end", "begin (x) := 1; end",
        "begin select 1 into x into y; end", "begin if a then end; end", "begin loop null; end; end",
        "begin <<a; null; end", "begin x := (1; 2); end", "begin if[1] := 2; end", "begin nosuch; end",
        "declare a int, b int; begin null; end", "begin loop.x := 1; end",
        "begin if case when a then b end then null; end if; end",  # ends at the first THEN, as in PL/pgSQL
        "begin get diagnostics a[f()] = row_count; end", "begin raise notice 'x', ; end", "#nosuch x\nbegin null; end",
        "begin " * 60 + "null; " + "end; " * 60,
    ],
)  # fmt: skip
def test_what_has_no_place_ends_the_reading(body: str) -> None:
    with pytest.raises(Unexpected):
        read(body)


def test_what_happens_to_the_row_of_a_trigger() -> None:
    body = (
        "declare n alias for $1; begin new.a := 1; fires.new.b := 2; old.c[1] := 3; select 1 into new.d; x.y := 1;"
        " {} end"
    )
    for last, any_row in (("return new;", False), ("return null;", False), ("return;", False), ("return x;", True),
                          ("new := x; return new;", True), ("return coalesce(new, old);", True)):  # fmt: skip
        reader = read(body.format(last))
        assert set("abcd") == reader.sets
        assert any_row == reader.any_row
