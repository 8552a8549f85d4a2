"""Backfills of columns that the transaction added, told from updates that overwrite something, by a real server."""

from __future__ import annotations

from typing import Any

import pytest

from pgguard.evidence import overwritten
from pgguard.evidence.ledger import Ledger
from pgguard.sql.read import read
from pgguard.sql.statement import Name, Statement

SETTING = """
create table w.plain (id int primary key, body text, ref int);
insert into w.plain select i, 'body', i from generate_series(1, 100) i;
create table w.stamped (id int primary key, body text);
insert into w.stamped select * from generate_series(1, 100);
create trigger before_it before update on w.stamped for each row execute function w.tf();
create table w.watched (id int primary key, body text);
insert into w.watched select * from generate_series(1, 100);
create trigger after_it after update on w.watched for each row execute function w.tf();
create table w.up (id int primary key, k int unique);
insert into w.up select i, i from generate_series(1, 100) i;
create table w.down (id int primary key, up_k int references w.up (k) on update cascade);
insert into w.down select i, i from generate_series(1, 100) i;
create table w.root (id int, k int unique) partition by list (k);
create table w.root1 partition of w.root for values in (1, 101);
insert into w.root values (1, 1);
create table w.below (id int, k int references w.root (k) on update cascade);
insert into w.below select i, 1 from generate_series(1, 100) i;
create table w.inherits (c text) inherits (w.plain);
insert into w.inherits (id, body, c) select i, 'b', 'old' from generate_series(1, 50) i;
set client_min_messages = error;
"""
ADD = "alter table w.plain add column new text;"
# What runs in one transaction, its last line as one text; the tables whose updates in that last text overwrote nothing.
CASES: list[tuple[list[str], list[str]]] = [
    ([ADD, "update w.plain set new = body"], ["w.inherits", "w.plain"]),
    ([ADD, "update only w.plain set new = body"], ["w.plain"]),
    ([ADD + "update w.plain set new = upper(body) where id < 50"], ["w.inherits", "w.plain"]),
    ([ADD, "update w.plain p set (new) = (select b.id from w.b where b.id = p.id)"], ["w.inherits", "w.plain"]),
    (["alter table w.p add column new int;", "update w.p set new = id"], ["w.p1", "w.p2"]),
    (["alter table w.p add column new int;", "update w.p1 set new = id"], ["w.p1"]),
    ([ADD, "update w.plain set new = body, body = ''"], []),
    ([ADD, "update w.plain set body = new"], []),
    ([ADD + "update w.plain set body = ''; update w.plain set new = 'x'"], []),
    (["", "update w.plain set body = 'x'"], []),
    (["alter table w.plain add column if not exists body text", "update w.plain set body = 'x'"], []),
    # The child had a column of this name before, and keeps its values in it.
    (["alter table w.plain add column c text;", "update w.plain set c = 'x'"], ["w.plain"]),
    # Triggers: one that can change the row, one that only comes behind it, one that is new, one that is switched on.
    (["alter table w.stamped add column new int;", "update w.stamped set new = 1"], []),
    (["alter table w.watched add column new int;", "update w.watched set new = 1"], ["w.watched"]),
    (
        [ADD + "create trigger t after update on w.plain for each row execute function w.tf();",
         "update only w.plain set new = ''"],
        [],
    ),
    (
        ["alter table w.watched disable trigger after_it, add column new int;", "update w.watched set new = 1"],
        [],
    ),
    (
        [ADD + "create rule r as on update to w.plain do also nothing;", "update only w.plain set new = ''"],
        [],
    ),
    # Foreign keys that pass a change on: of the table itself, of another one, of a partition of another one.
    (
        ["alter table w.plain add column n int unique; update w.plain set n = id;"
         " alter table w.plain add foreign key (ref) references w.plain (n) on update cascade;",
         "update only w.plain set n = n + 1000"],
        [],
    ),
    (["alter table w.down add column new int;", "update w.down set new = 1"], ["w.down"]),
    (["alter table w.down add column new int; update w.down set new = 1; update w.up set k = k + 1000"], []),
    (["alter table w.below add column new int;", "update w.below set new = 1"], ["w.below"]),
    (["alter table w.below add column new int; update w.below set new = 1; update w.root set k = 101"], []),
    # Names that meant something else when the UPDATE ran.
    (
        ["alter table w.plain rename body to d; update w.plain set d = ''; alter table w.plain rename d to body;"
         " alter table w.plain add column d text"],
        [],
    ),
    (["create schema n; create view n.plain as select id, body as new from w.plain;" + ADD,
      "set local search_path = n; update plain set new = ''"], []),
    # Beside it a table that no DDL has touched, as migration tools have one for their lock; and a view of its name.
    ([ADD, "update w.down set id = id; update w.plain set new = body"], ["w.inherits", "w.plain"]),
    (["create schema n; create view n.down as select id, body as new from w.plain;" + ADD,
      "update w.down set id = id; update w.plain set new = body"], []),
    # What could be new code, and what is not an UPDATE of one table by its text.
    ([ADD + "create function w.upper(text) returns text language sql as 'select $1';",
      "update only w.plain set new = upper(body)"], []),
    ([ADD, "with gone as (delete from w.b returning 1) update w.plain set new = ''"], []),
    ([ADD, "do $$ begin update w.plain set new = ''; end $$"], []),
    ([ADD + "update w.plain set new = ''; do $$ begin update w.plain set body = ''; end $$"], []),
    ([ADD, "insert into w.plain values (1) on conflict (id) do update set new = ''"], []),
    ([ADD, "prepare x as update w.plain set body = ''; execute x; update w.plain set new = ''; deallocate x"], []),
]  # fmt: skip


def test_what_overwrote_nothing(shop: Any, subtests: pytest.Subtests) -> None:
    shop.run(SETTING)
    for texts, expected in CASES:
        with subtests.test(texts[-1]):
            assert filled(shop, texts) == expected


def filled(client: Any, texts: list[str]) -> list[str]:
    client.flush()
    client.run("begin")
    try:
        ledger = Ledger()
        ledger.start()
        for text in texts:
            client.run(text)
            reading, outside, inside = client.look()
            ledger.record(reading)
        updates = [(s, targets(client, s)) for s in read(texts[-1].encode()).statements]
        found = overwritten.filled(ledger.step, updates, outside, inside, reading.catalogs)
        return sorted(reading.names[oid] for oid in found)
    finally:
        client.run("rollback")


def targets(client: Any, statement: Statement) -> frozenset[int]:
    """What the catalog as committed says that the text can mean, in any schema."""
    rows = client.outside.execute(
        "select oid::int from pg_class where relkind in ('r', 'p', 'v') and relname = any(%s)",
        [[write.relation.name for write in statement.writes]],
    )
    return frozenset(oid for (oid,) in rows)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alter table t alter a type int using 0", True),
        ("alter table t add b int, alter a set data type text", True),
        ("alter table t alter a set expression as (1)", True),
        ("alter table t add column a int default 5", False),
        ("alter table t alter a set not null, alter a set default 1, set logged", False),
        ("cluster t; update t set a = 1", False),
    ],
)
def test_what_can_give_a_column_a_type(text: str, expected: bool) -> None:
    assert overwritten.retypes(read(text.encode()).statements) is expected


MADE = [
    ("create table w.n (id serial primary key, a text default 'x' check (a <> ''), at date default now())", True),
    ("create table w.n (like w.a including all)", True),
    ("create table w.n as select * from w.a; create index on w.n (lower(t))", True),
    ("create table w.n (id int primary key, a int references w.a on update cascade)", True),
    ("create table w.n (id int, m w.mood)", False),
    ("create table w.n (id w.positive)", False),
    ("create table w.n (id int default w.f())", False),
    ("create table w.n (id int check (id > w.f()))", False),
    ("create table w.n (id int); create trigger t before insert on w.n for each row execute function w.tf()", False),
    ("create table w.n (id int); create rule r as on insert to w.n do also nothing", False),
    ("create table w.n (id int); create policy p on w.n using (true)", False),
    ("create view w.n as select 1 as id", False),
    ("create temp table n (id int)", False),
    ("lock table w.a", False),
]


def test_tables_of_its_own_making_that_run_nothing(shop: Any, subtests: pytest.Subtests) -> None:
    shop.run("set client_min_messages = error")
    for text, expected in MADE:
        with subtests.test(text):
            shop.flush()
            shop.run(f"begin; {text}")
            _, outside, inside = shop.look()
            shop.run("rollback")
            assert overwritten.plain(outside, inside) == ({Name("n", "w")} if expected else frozenset())


@pytest.mark.parametrize(
    ("text", "effects", "reads", "writes"),
    [
        ("insert into n select * from a", {"read"}, ["a"], []),
        ("update n set x = 1 from a", {"read"}, ["a"], []),
        ("update a set x = 1 from n", {"read", "update"}, [], ["a"]),
        ("with g as (delete from n returning *) update a set x = 1", {"read", "update"}, [], ["a"]),
        ("with g as (delete from n returning *) delete from a", {"read", "delete"}, [], ["a"]),
        ("truncate n, a", {"truncate"}, [], ["a"]),
        ("alter table n add column c int", {"read"}, [], []),
        ("select * from a", {"read"}, ["a"], []),
    ],
)
def test_what_remains_of_a_statement(text: str, effects: set[str], reads: list[str], writes: list[str]) -> None:
    (statement,) = read(text.encode()).statements
    rest = overwritten.without(statement, lambda name: name.name == "n")

    assert {effect.value for effect in rest.effects} | {"read"} == effects | {"read"}
    assert [str(name) for name in rest.reads] == reads
    assert [str(write.relation) for write in rest.writes] == writes
