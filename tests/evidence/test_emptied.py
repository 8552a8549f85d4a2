"""The rows that a TRUNCATE takes, counted behind its lock by a real server."""

from __future__ import annotations

from typing import Any

import pytest

from pgguard.errors import ProtocolViolation
from pgguard.evidence import emptied
from pgguard.sql.read import read
from pgguard.sql.statement import Statement

SETTING = """
create table w.few (id int); insert into w.few select generate_series(1, 7);
create table w.held (id int); insert into w.held values (1), (2); delete from w.held;
create table w.many (id int); insert into w.many select generate_series(1, 1001);
create table w.secret (id int); insert into w.secret values (1);
alter table w.secret enable row level security; alter table w.secret force row level security;
create table w.child () inherits (w.few); insert into w.child values (8);
create table w."Odd ""one" (id int); insert into w."Odd ""one" values (1);
create schema other; create table other.few (id int);
"""
# What runs in front in the same transaction, a TRUNCATE, and the rows that were counted of each table.
CASES: list[tuple[str, str, dict[str, int]]] = [
    ("", "truncate w.empty", {"w.empty": 0}),
    ("", "truncate table w.few", {"w.few": 7, "w.child": 1}),
    ("", "truncate w.held, w.empty restart identity", {"w.held": 0, "w.empty": 0}),
    ("", "truncate w.p", {}),
    ("", "truncate w.many", {}),
    ("", "truncate w.secret, w.empty", {"w.empty": 0}),
    ("", 'truncate w."Odd ""one"', {'w."Odd ""one"': 1}),
    ("set local search_path = other, w", "truncate few", {"other.few": 0}),
    ("set local search_path = w", "truncate few", {"w.few": 7, "w.child": 1}),
    ("set transaction isolation level repeatable read", "truncate w.few, w.empty", {"w.empty": 0}),
    ("insert into w.empty values (1)", "truncate w.empty", {"w.empty": 1}),
    ("create temp table few (id int)", "truncate few", {}),
    ("", "truncate w.nosuch, w.empty", {}),
    ("", "truncate w.va", {}),
    ("", "truncate only w.few", {"w.few": 7}),
    ("", "truncate only w.few, w.empty", {}),
    ("", "truncate only w.few, only w.child", {"w.few": 7, "w.child": 1}),
    ("", "delete from w.few", {}),
]


def the_statement(text: str) -> Statement:
    (statement,) = read(text.encode()).statements
    return statement


def test_rows_are_counted(shop: Any, subtests: pytest.Subtests) -> None:
    shop.run(SETTING)
    for before, text, expected in CASES:
        with subtests.test(f"{before}; {text}"):
            shop.run(f"begin; {before}")
            try:
                found = counted(shop, the_statement(text))
                assert {name_of(shop, oid): number for oid, number in found.items()} == expected
            finally:
                shop.run("rollback")


def name_of(client: Any, oid: int) -> str:
    return str(client.outside.execute(f"select {oid}::regclass::text").fetchone()[0])


def counted(client: Any, statement: Statement) -> dict[int, int]:
    names = emptied.named(statement)
    tables = emptied.parse_meaning(client.run(emptied.meaning_sql(names)), names) if names else ()
    if not tables:
        return {}
    alone = emptied.only(statement)
    client.run(emptied.lock_sql(tables, alone))
    behind = emptied.parse_sizes(client.run(emptied.sizes_sql(tables, alone)))
    sql = emptied.rows_sql(behind)
    return emptied.parse_rows(behind, client.run(sql) if sql else [])


def test_a_load_that_commits_while_the_lock_is_waited_for_is_counted(shop: Any, connect: Any) -> None:
    """READ COMMITTED counts with a snapshot of behind the lock; a count without it would have said 0."""
    loader = connect("owner")
    loader.run("begin; insert into w.empty select generate_series(1, 15)")
    shop.run("begin; set local lock_timeout = '100ms'")
    names = emptied.named(the_statement("truncate w.empty"))
    tables = emptied.parse_meaning(shop.run(emptied.meaning_sql(names)), names)
    with pytest.raises(Exception, match="lock timeout"):
        shop.run(emptied.lock_sql(tables))
    shop.run("rollback")
    loader.run("commit")
    shop.run("begin")

    assert counted(shop, the_statement("truncate w.empty")) == {shop.oid("w.empty"): 15}
    shop.run("rollback")


@pytest.mark.parametrize(
    "text", ['truncate "a\\b"', "truncate only a, b", "truncate a, only b", "drop table a", "select 1"]
)
def test_what_is_not_counted(text: str) -> None:
    assert emptied.named(the_statement(text)) == ()


def test_an_incomplete_answer_is_no_count() -> None:
    with pytest.raises(ProtocolViolation):
        emptied.parse_sizes([[b"5b315d"]])  # [1]
