"""The names that autovacuum looks up in bodies of functions: from indexes, statistics and types, and no others."""

from __future__ import annotations

from typing import Any

from pgguard.catalog import later
from pgguard.catalog.proof import Harmless, Unproved

SCHEMA = """
create function below(text) returns text immutable language sql as 'select lower($1::varchar)';
create function over(text) returns text immutable language plpgsql as 'begin return below($1) || $1; end';
create function apart(text) returns text immutable language sql as 'select upper($1)';
create function bound(text) returns text immutable return initcap($1);
create table t (id int primary key, a text, b text default apart('b'), check (apart(b) <> ''));
"""
NEW = "create function f() returns int language sql as 'select 1'"


def test_without_a_users_function_there_is_none(database: Any) -> None:
    database.run(SCHEMA)
    assert later.names(database.picture()) == frozenset()
    assert isinstance(database.prove(NEW), Harmless)


def test_bodies_are_followed(database: Any) -> None:
    database.run(f"{SCHEMA} create index on t (over(a))")
    found = later.names(database.picture())
    assert {"below", "||", "lower", "varchar"} <= found
    assert not {"upper", "apart"} & found
    assert isinstance(database.prove(NEW), Unproved)
    assert isinstance(database.prove("create table u (id int)"), Harmless)


def test_a_standard_body_is_bound_already(database: Any) -> None:
    database.run(f"{SCHEMA} create index on t (bound(a))")
    assert later.names(database.picture()) == frozenset()


def test_statistics_and_domains(database: Any) -> None:
    database.run(f"{SCHEMA} create statistics st on (apart(a)), id from t")
    database.run("create domain d as text check (over(value) <> '')")
    assert {"upper", "below"} <= later.names(database.picture())
