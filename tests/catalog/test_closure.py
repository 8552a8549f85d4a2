"""What a write can change: down to partitions, through views, along foreign keys, round cycles, and no further."""

from __future__ import annotations

import pytest

from pgguard.catalog.closure import Change, Verb, closure, moves_rows

SCHEMA = """
create table a (id int primary key, twin int generated always as (id) stored unique, v int);
create table b (id int primary key, a int references a on delete cascade on update cascade, x int);
create table c (id int primary key, b int references b on delete set null);
create table d (c int references c on delete cascade);
create table e (a int references a (twin) on update cascade);
create table f (a int references a);
create table loop (id int primary key, up int references loop on delete cascade);
create table p (id int, k int) partition by range (k);
create table p1 partition of p for values from (0) to (10) partition by range (id);
create table p11 partition of p1 for values from (0) to (10);
create table base (id int); create table child () inherits (base);
create view v as select * from b;
"""


@pytest.mark.parametrize(
    ("name", "verb", "columns", "expected"),
    [
        ("a", Verb.DELETE, None, {"a": "delete", "b": "delete", "c": "update"}),
        ("b", Verb.DELETE, None, {"b": "delete", "c": "update"}),
        ("c", Verb.DELETE, None, {"c": "delete", "d": "delete"}),
        ("c", Verb.UPDATE, None, {"c": "update"}),
        ("a", Verb.INSERT, None, {"a": "insert"}),
        ("a", Verb.UPDATE, {"id"}, {"a": "update", "b": "update", "e": "update"}),
        ("a", Verb.UPDATE, {"v"}, {"a": "update", "e": "update"}),  # a generated column can change with any other
        ("loop", Verb.DELETE, None, {"loop": "delete"}),
        ("p", Verb.INSERT, None, {"p": "insert", "p1": "insert", "p11": "insert"}),
        ("p", Verb.DELETE, None, {"p": "delete", "p1": "delete", "p11": "delete"}),
        ("base", Verb.DELETE, None, {"base": "delete", "child": "delete"}),
        ("base", Verb.INSERT, None, {"base": "insert"}),
        ("v", Verb.DELETE, None, {"v": "delete", "b": "delete", "c": "update"}),
        ("a", Verb.TRUNCATE, None, dict.fromkeys("abcdef", "truncate")),
    ],
)
def test_closure(make_database, name, verb, columns, expected):
    picture = make_database(SCHEMA).picture()
    by_name = {r.name: r for r in picture.relations.values()}
    start = by_name[name]
    numbers = None if columns is None else frozenset(c.number for c in start.columns if c.name in columns)
    found = closure(picture, [Change(start.oid, verb, numbers)])
    assert expected == {picture.relations[c.relation].name: str(c.verb) for c in found.changes}
    assert not found.missing
    assert found.cascades == (len(expected) > 1 and name in "abc") or name in ("loop", "v")


def test_rows_move_only_when_a_partition_key_is_set(make_database):
    picture = make_database(SCHEMA).picture()
    p = next(r for r in picture.relations.values() if r.name == "p")
    numbers = {c.name: frozenset({c.number}) for c in p.columns}
    assert moves_rows(picture, p, None)
    assert moves_rows(picture, p, numbers["k"])
    assert moves_rows(picture, p, numbers["id"])  # the key of a partition below
    assert not moves_rows(picture, p, frozenset())
    verbs = {c.verb for c in closure(picture, [Change(p.oid, Verb.UPDATE, numbers["k"])]).changes}
    assert {Verb.UPDATE, Verb.INSERT, Verb.DELETE} == verbs


def test_foreign_keys_look_at_both_sides(make_database):
    picture = make_database(SCHEMA).picture()
    by_name = {r.name: r.oid for r in picture.relations.values()}
    assert by_name["a"] in closure(picture, [Change(by_name["f"], Verb.INSERT)]).looked_at
    assert by_name["f"] in closure(picture, [Change(by_name["a"], Verb.DELETE)]).looked_at


def test_a_relation_that_is_not_there_is_told(make_database):
    assert closure(make_database(SCHEMA).picture(), [Change(999999, Verb.DELETE)]).missing
