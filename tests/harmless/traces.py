"""What a database holds: its objects and its rows, read by the superuser, to be compared with another database."""

from __future__ import annotations

from typing import Any

import psycopg
from harmless.play import steady

_MINE = "n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'"
OBJECTS = {
    "relations": "select c.oid::regclass::text, c.relkind, c.relowner::regrole::text, c.relrowsecurity, c.reloptions,"
    f" c.relpersistence, c.relacl::text from pg_class c join pg_namespace n on n.oid = c.relnamespace where {_MINE}",
    "columns": "select a.attrelid::regclass::text, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,"
    " pg_get_expr(d.adbin, d.adrelid) from pg_attribute a join pg_class c on c.oid = a.attrelid"
    " join pg_namespace n on n.oid = c.relnamespace"
    " left join pg_attrdef d on (d.adrelid, d.adnum) = (a.attrelid, a.attnum)"
    f" where {_MINE} and a.attnum > 0 and not a.attisdropped",
    "constraints": "select k.conrelid::regclass::text, k.conname, pg_get_constraintdef(k.oid), k.convalidated"
    f" from pg_constraint k join pg_namespace n on n.oid = k.connamespace where {_MINE}",
    "indexes": "select pg_get_indexdef(i.indexrelid), i.indisvalid from pg_index i"
    f" join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace where {_MINE}",
    "triggers": "select tgrelid::regclass::text, tgname, tgenabled from pg_trigger where not tgisinternal",
    "functions": "select p.oid::regprocedure::text, md5(p.prosrc), p.provolatile from pg_proc p"
    f" join pg_namespace n on n.oid = p.pronamespace where {_MINE}",
    "types": "select t.oid::regtype::text, (select array_agg(e.enumlabel order by e.enumsortorder)::text from pg_enum e"
    f" where e.enumtypid = t.oid) from pg_type t join pg_namespace n on n.oid = t.typnamespace where {_MINE}"
    " and t.typtype in ('e', 'd', 'c', 'r')",
    "views": "select schemaname, viewname, definition from pg_views where schemaname not in"
    " ('pg_catalog', 'information_schema')",
    "comments": "select d.objoid::regclass::text, d.objsubid, d.description from pg_description d"
    " join pg_class c on c.oid = d.objoid join pg_namespace n on n.oid = c.relnamespace"
    f" where d.classoid = 'pg_class'::regclass and {_MINE}",
    "schemas": f"select n.nspname, n.nspacl::text from pg_namespace n where {_MINE}",
    "extensions": "select extname from pg_extension",
    "sequences": "select schemaname, sequencename, last_value from pg_sequences",
}

_ALL = " union all ".join(f"select '{what} ' || q::text from ({query}) q" for what, query in OBJECTS.items())
_TABLES = (
    "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    f" where (c.relkind = 'r' or c.relkind = 'm' and c.relispopulated) and {_MINE} order by 1"
)
_VARIES = (
    r"\d{4}-\d\d-\d\d.\d\d:\d\d:\d\d\.\d+([+-]\d\d)?"
    "|[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)


def objects(connection: psycopg.Connection[Any]) -> list[str]:
    """A line for each object with its definition."""
    lines = "\n".join(_column(connection, _ALL))
    return sorted(steady(lines, connection.info.dbname).splitlines())


def rows(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """Each table's rows as one number that does not depend on their order."""
    parts = (f"select sum(hashtextextended(t::text, 1)) from only {table} t" for table in _column(connection, _TABLES))
    return dict(zip(_column(connection, _TABLES), _column(connection, " union all ".join(parts)), strict=True))


def steady_rows(connection: psycopg.Connection[Any], table: str) -> list[str]:
    """A table's rows, in order, without what differs between any two runs."""
    query = f"select regexp_replace(t::text, '{_VARIES}', '?', 'g') from only {table} t order by 1"
    return _column(connection, query)


def _column(connection: psycopg.Connection[Any], query: str) -> list[Any]:
    return [row[0] for row in connection.execute(query.encode()).fetchall()]
