"""The changes that a text asks for, on every relation that its names can mean."""

from __future__ import annotations

import pytest

from pgguard.catalog.closure import Verb
from pgguard.catalog.targets import changes
from pgguard.sql.read import read

SCHEMA = "create table t (id int primary key, v int); create schema s; create table s.t (v int)"


@pytest.mark.parametrize(
    ("sql", "expected", "unknown"),
    [
        ("delete from t", {("public.t", Verb.DELETE), ("s.t", Verb.DELETE)}, ""),
        ("delete from s.t", {("s.t", Verb.DELETE)}, ""),
        ("insert into public.t values (1) on conflict (id) do update set v = 1",
         {("public.t", Verb.INSERT), ("public.t", Verb.UPDATE)}, ""),
        ("merge into s.t using public.t u on t.v = u.v when matched then delete"
         " when not matched then insert values (1)",
         {("s.t", Verb.INSERT), ("s.t", Verb.DELETE)}, ""),
        ("with x as (delete from s.t returning v) insert into public.t select v from x",
         {("s.t", Verb.DELETE), ("public.t", Verb.INSERT)}, ""),
        ("truncate s.t", {("s.t", Verb.TRUNCATE)}, ""),
        ("select * from t", set(), ""),
        ("delete from other.t", set(), "other.t"),
        ("update nosuch set v = 1", set(), "nosuch"),
        ("create table n (a int)", set(), ""),
    ],
)  # fmt: skip
def test_changes(make_database, sql, expected, unknown):
    picture = make_database(SCHEMA).picture()
    (statement,) = read(sql.encode()).statements
    found, missing = changes(statement, picture)
    assert expected == {(picture.relations[c.relation].qualified, c.verb) for c in found}
    assert unknown == missing


def test_columns_are_numbers_and_unknown_ones_mean_any(make_database):
    picture = make_database(SCHEMA).picture()
    (statement,) = read(b"update public.t set v = 1").statements
    assert [frozenset({2})] == [c.columns for c in changes(statement, picture)[0]]
    (statement,) = read(b"update public.t set nosuch = 1").statements
    assert [None] == [c.columns for c in changes(statement, picture)[0]]
