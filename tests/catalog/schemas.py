"""Random small schemas with rows in them, and statements on it: keys, types, cascades, partitions, triggers."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

# Column type -> values as a text may write them. Several of them are one to some comparison and two to another.
_KEYS = {
    "int": ("1", "2", "7", "'1'", "1.0", "1::float8", "'1'::text", "1::bigint", "null", "(select 1)", "abs(1)"),
    "bigint": ("1", "9007199254740993", "9007199254740993::float8", "'1'", "1.5", "1::numeric"),
    "text": ("'a'", "'A'", "'a'::varchar", "'a'::name", "'a' collate \"C\"", "lower('A')", "'a'::char(5)"),
    "numeric": ("1", "1.0", "'1.00'", "1::float8", "'NaN'"),
    "char(3)": ("'a'", "'a  '", "'a'::text"),
    "timestamp": ("'2026-03-29 03:30'", "'2026-03-29 03:30'::timestamptz", "'2026-03-29'::date"),
    "mood": ("'sad'", "'ok'"),
    "small": ("1", "2", "1::small"),
}
_ROWS = {
    "int": "g", "bigint": "9007199254740990 + g", "text": "chr(96 + g)", "numeric": "g", "char(3)": "chr(96 + g)",
    "timestamp": "timestamp '2026-03-29 00:30' + g * interval '1 hour'", "mood": "(array['sad', 'ok'])[g]::mood",
    "small": "g",
}  # fmt: skip
_ACTIONS = ("cascade", "no action", "set null", "set default", "restrict")
_BODIES = (
    "delete from log; return coalesce(new, old)",
    "new.v := 5; return new",
    "new.k := (select max(k) from a); return new",
    "insert into log values ('x'); return coalesce(new, old)",
    "perform takes(1); return coalesce(new, old)",
    "perform count(*) from log; return coalesce(new, old)",
    "perform reads(1), adds(2); return coalesce(new, old)",
    "update log set what = 'z'; return coalesce(new, old)",
    "execute 'delete from log'; return coalesce(new, old)",
    "insert into b (v) select v from a; return coalesce(new, old)",
    "new.fk := null; return new",
    "return null",
    "return old",
)
_START = """
create schema s; set local search_path = s, public;
create type mood as enum ('sad', 'ok'); create domain small as int check (value < 100);
create table log (what text); insert into log select 'x' from generate_series(1, 30);
create function reads(int) returns bigint language sql stable as 'select count(*) from log';
create function folds(int) returns int language sql immutable as 'select $1 / 2';
create function adds(int) returns int language sql as 'insert into log values (''y''); select 1';
create function takes(int) returns int language sql as 'delete from log; select 1';
"""


@dataclass(frozen=True)
class Scene:
    schema: str
    statements: list[str]


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    kind = draw(st.sampled_from(("int", "int", "int", *_KEYS)))
    schema = [_START, *_table(draw, "a", kind), *_table(draw, "b", kind)]
    # Every row of a table refers to the first of the other, so that an action of a key changes many.
    schema += ["update b set fk = (select min(k) from only a);", "update a set fk = (select min(k) from only b);"]
    schema += [
        f"alter table {child} add foreign key (fk) references {parent} (k) on delete {draw(st.sampled_from(_ACTIONS))}"
        f" on update {draw(st.sampled_from(_ACTIONS))} {draw(st.sampled_from(('', 'deferrable')))};"
        for child, parent in (("b", "a"), ("a", "b"))
        if draw(st.sampled_from((True, True, False)))
    ]
    for number in range(draw(st.sampled_from((1, 2, 3, 0)))):
        body = draw(st.sampled_from(_BODIES))
        when = draw(st.sampled_from(("before", "after")))
        events = draw(st.sampled_from(("insert or update or delete", "update", "delete", "insert", "update of v")))
        each = draw(st.sampled_from(("row", "statement")))
        table = draw(st.sampled_from(("a", "b", "log")))
        schema.append(
            f"create function f{number}() returns trigger language plpgsql as $$ begin {body}; end $$;"
            f"create trigger f{number} {when} {events.replace(' of v', ' of what') if table == 'log' else events}"
            f" on {table} for each {each} execute function f{number}();"
        )
    return Scene(
        "\n".join(_guarded(part) for part in schema), draw(st.lists(_statements(kind), min_size=12, max_size=12))
    )


def _guarded(part: str) -> str:
    """What PostgreSQL refuses (a foreign key to what is not unique) is left out of the schema."""
    if part is _START:
        return part
    quoted = part.replace("$$", "$f$")
    return f"do $guard$ begin {quoted} exception when others then null; end $guard$;"


def _table(draw: st.DrawFn, name: str, kind: str) -> list[str]:
    unique = draw(st.sampled_from(
        (*(4 * ["primary key (k)"]), "unique (k)", "unique (k) deferrable", "unique (k, v)", "check (true)")
    ))  # fmt: skip
    columns = (
        f"k {kind}, fk {kind}, v int default {draw(st.sampled_from(('1', '1', 'reads(1)', 'adds(1)', 'takes(1)')))}"
    )
    shape = draw(st.sampled_from(("plain", "plain", "plain", "plain", "partitioned", "inherited")))
    rows = f"insert into {name} (k, v) select {_ROWS[kind]}, g from generate_series(1, {2 if kind == 'mood' else 5}) g;"
    made = [f"create table {name} ({columns}, {unique});"]
    if shape == "partitioned":
        made = [
            f"create table {name} ({columns}, {unique}) partition by {draw(st.sampled_from(('list (k)', 'list (v)')))};"
            f"create table {name}_1 partition of {name} default;",
            f"create table {name} ({columns}, {unique});",
        ]
    made.append(rows)
    if shape == "inherited":
        made.append(f"create table {name}_c () inherits ({name}); insert into {name}_c (k, v) select k, v from {name};")
    made.append(f"create view {name}_v as select k, v, reads(v) from {name};")
    return made


@st.composite
def _statements(draw: st.DrawFn, kind: str) -> str:
    table = draw(st.sampled_from(("a", "a", "a", "a", "b", "only a", "a_v")))
    first = _KEYS[kind][0]
    value, other = (draw(st.sampled_from((first, first, first, *_KEYS[kind]))) for _ in range(2))
    where = draw(st.sampled_from((
        *(5 * [f"k = {value}"]), f"k in ({value}, {other})", f"{value} = k and v > 0", f"k = {value} or v = 1",
        f"k = {value} and v = 1", f"k = {value} and v in (1, 2)", f"k = {value} and adds(v) = 1", "v = 1", "true",
        f"k = any(array[{value}])", f"k = {value} and takes(v) = 1", f"k is not distinct from {value}",
    )))  # fmt: skip
    sets = draw(
        st.sampled_from(
            ("v = v + 1", "v = v + 1", f"k = {other}", "v = default", f"fk = {value}", "v = reads(v)", "v = takes(v)")
        )
    )
    return draw(st.sampled_from((
        *(4 * [f"update {table} set {sets} where {where}"]),
        *(4 * [f"delete from {table} where {where}"]),
        f"insert into {table.removeprefix('only ')} (k, v) values ({value}, 77)",
        f"insert into {table.removeprefix('only ')} (k) values ({other}) on conflict do nothing",
        f"insert into {table.removeprefix('only ')} (k) values ({other}) on conflict (k) do update set v = 5",
        f"select reads(1), adds(2), v from {table} where {where}",
        f"select v from {table} where {where} for update",
        f"with x as (delete from {table} where {where} returning v) select * from x",
        "create index on b (folds(v))",
        f"explain analyze update {table} set {sets} where {where}",
    )))  # fmt: skip
