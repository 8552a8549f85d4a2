"""Each object leads to what PostgreSQL would look at, and to nothing else."""

from __future__ import annotations

import pytest

from pgguard.catalog.closure import Change, Verb
from pgguard.catalog.roads import ROADS, Road, of_names
from pgguard.sql.read import read
from pgguard.sql.statement import Name

SCHEMA = """
create function f(int) returns int language sql as 'select $1 + 1';
create domain d as int check (f(value) > 0);
create table log (what text);
create table t (id int primary key, v d, w int default f(1), check (f(w) > 1));
create table child (t int references t on delete set null);
create function g() returns trigger language plpgsql as
    $$ begin perform f(1); insert into log values ('x'); return new; end $$;
create trigger fires before insert on t for each row execute function g();
create view seen as select f(id) from t;
create index on t (f(id));
"""


@pytest.fixture
def look(make_database):
    database = make_database(SCHEMA)
    picture = database.picture()
    functions = {f.oid: f.name for f in picture.functions.values() if not f.system}
    relations = {r.oid: r.name for r in picture.relations.values() if not r.system}
    types = {t.oid: t.name for t in picture.types.values() if t.oid >= 16384}
    names = functions | relations | types

    def oid(kind, name):
        kinds = {"function": functions, "type": types}.get(kind, relations)
        return next(oid for oid, known in kinds.items() if known == name)

    def at(kind, key):
        if isinstance(key, Change):
            key = Change(oid(kind, key.relation), key.verb)
        elif kind not in ("call", "column", "operator"):
            key = oid(kind, key)
        steps = list(ROADS[kind](picture, key))
        return {s if isinstance(s, str) else (s.kind, _named(s.key, names)) for s in steps}

    return at


def _named(key, names):
    if isinstance(key, Change):
        return f"{key.verb} {names[key.relation]}"
    return names.get(key, key) if isinstance(key, int) else str(key)


@pytest.mark.parametrize(
    ("kind", "key", "leads_to"),
    [
        ("call", Name("f"), {("function", "f")}),
        ("call", Name("lower"), set()),
        ("call", Name("nosuch"), {"function nosuch is not known"}),
        ("call", Name("d"), {("type", "d")}),
        ("operator", Name("+"), set()),
        ("operator", Name("===="), {"operator ==== is not known"}),
        ("column", "f", {("function", "f")}),
        ("function", "f", {("operator", "+")}),
        ("function", "g", {("call", "f"), ("insert", "log")}),
        ("insert", "log", {("read", "log"), ("change", "insert log")}),
        ("type", "d", {("function", "f")}),
        ("read", "seen", {("function", "f"), ("read", "t"), ("type", "seen")}),
        ("read", "child", {("type", "child")}),
        ("work", "t", {("function", "f"), ("type", "t")}),
        ("change", Change("t", Verb.INSERT), {("function", "g"), ("function", "f")}),
        ("change", Change("t", Verb.DELETE), set()),
    ],
)
def test_where_a_road_leads(look, kind, key, leads_to):
    assert leads_to == look(kind, key)


def test_a_text_leads_to_what_it_names(make_database):
    picture = make_database(SCHEMA).picture()
    (statement,) = read(b"select f(1), x.f, 1::nosuch from t x where id > $1").statements
    steps = set(of_names(picture, statement, (99999, 23)))
    assert {Road("call", Name("f")), Road("column", "f"), "type nosuch is not known", Road("type", 99999)} <= steps
