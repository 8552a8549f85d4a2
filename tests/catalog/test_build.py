"""A picture shows what the catalogs say."""

from __future__ import annotations

SCHEMA = """
create table p (id int primary key, name text not null default 'x', up text generated always as (upper(name)) stored);
create table c (p int references p on delete cascade on update set null deferrable, v varchar(5));
create unique index on c (v) where v > 'a';
create unique index on c (p, v) include (p);
create unlogged table u (); create view w as select * from p; create sequence s;
create table parts (id int, k int) partition by list ((k + 1), id);
"""


def build(make_database):
    schema = SCHEMA.replace("list ((k + 1), id)", "range (id, (k + 1))")
    picture = make_database(schema).picture()
    return picture, {r.name: r for r in picture.relations.values() if r.schema == "public"}


def test_relations_and_columns(make_database):
    picture, found = build(make_database)
    assert ("r", "p", True) == (found["p"].kind, found["p"].persistence, found["p"].heap)
    assert "u" == found["u"].persistence
    assert "v" == found["w"].kind
    assert "S" == found["s"].kind
    assert [("id", 23, True, ""), ("name", 25, True, ""), ("up", 25, False, "s")] == [
        (c.name, c.type, c.not_null, c.generated) for c in found["p"].columns
    ]
    assert (1, 0) == found["parts"].partition_columns
    assert picture.relations[1259].system
    assert picture.server_version >= 150000
    assert found["p"].row_type in picture.types


def test_indexes_and_foreign_keys(make_database):
    _, found = build(make_database)
    (key,) = found["p"].indexes
    assert key.unique
    assert key.usable
    assert key.immediate
    assert key.plain
    assert ((1,), (1976,)) == (key.keys, key.families)
    assert {((2,), False), ((1, 2), True)} == {(i.keys, i.plain) for i in found["c"].indexes}
    (reference,) = found["c"].outgoing
    assert (reference,) == found["p"].incoming
    assert ("c", "n", True) == (reference.on_delete, reference.on_update, reference.deferrable)


def test_names_lead_to_objects(make_database):
    picture, found = build(make_database)
    assert (found["p"].oid,) == picture.relations_by_name["p"]
    assert "pg_catalog" == picture.functions[picture.functions_by_name["now"][0]].schema
    assert picture.operators_by_name["="]
    assert picture.indexes_by_name["p_pkey"][0].table == found["p"].oid
    assert ("plpgsql",) == picture.extensions
