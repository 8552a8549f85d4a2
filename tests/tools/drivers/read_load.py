"""What a BI tool does all day, printed: catalogs, cursors, extracts in temporary tables."""

from __future__ import annotations

import sys

import psycopg

SETTINGS = """
set application_name to 'Some Reports 2024.1'; set datestyle to 'ISO'; set extra_float_digits to 2;
set client_min_messages to warning; set timezone to 'Europe/Berlin'; set statement_timeout to 60000;
show transaction_isolation; select version() is not null, current_schemas(true);
"""
CATALOGS = [
    "select table_schema, table_name, table_type from information_schema.tables where table_schema = %s order by 1, 2",
    "select table_name, column_name, data_type, is_nullable from information_schema.columns where table_schema = %s"
    " order by 1, ordinal_position",
    "select constraint_name, constraint_type, table_name from information_schema.table_constraints"
    " where table_schema = %s and constraint_name not like '%%not_null' order by 3, 1",
    "select routine_name, data_type from information_schema.routines where routine_schema = %s order by 1",
    "select table_name, view_definition from information_schema.views where table_schema = %s order by 1",
    "select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid),"
    " col_description(c.oid, a.attnum), obj_description(c.oid, 'pg_class') from pg_class c join pg_namespace n on"
    " n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 left join pg_attrdef d on"
    " d.adrelid = c.oid and d.adnum = a.attnum where n.nspname = %s and c.relkind in ('r', 'p', 'v')"
    " order by 1, a.attnum",
    "select t.relname, i.relname, pg_get_indexdef(x.indexrelid), indisunique from pg_index x join pg_class i on"
    " i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid join pg_namespace n on n.oid = t.relnamespace"
    " where n.nspname = %s order by 1, 2",
    "select conrelid::regclass, confrelid::regclass, pg_get_constraintdef(oid) from pg_constraint where contype = 'f'"
    " and connamespace = %s::regnamespace order by 1, 2, 3",
]
REPORTS = [
    "select a.status, count(*), sum(o.n), percentile_cont(0.5) within group (order by o.n) from accounts a join lateral"
    " (select count(*) as n from orders where account_id = a.id) o on true group by rollup (a.status) order by 1",
    "with recursive days(d) as (select date '2024-01-01' union all select d + 1 from days where d < '2024-01-10')"
    " select d, count(e.id), row_number() over (order by d) from days left join events e on e.at = d group by d"
    " order by d",
    "select account_id, array_agg(item order by id), string_agg(item, ',' order by id) from inventory group by 1"
    " order by 1"
    " limit 3",
    "explain (costs off, format json) select * from accounts join orders on orders.account_id = accounts.id",
    "explain (analyze, costs off, timing off, summary off, buffers off) select count(*) from order_items",
    "select * from accounts tablesample system (100) order by id limit 2",
]


def ordinary() -> None:
    connection = psycopg.connect(autocommit=True)
    cursor = connection.execute(SETTINGS)
    while cursor.nextset():
        pass
    for _ in range(8):
        for text in CATALOGS:
            rows = connection.execute(text, ["public"]).fetchall()
            print(len(rows), rows[:2], rows[-1:])
    for text in REPORTS:
        print(connection.execute(text).fetchall())
    connection.autocommit = False
    for size in (10, 700):
        with connection.cursor(name="report") as named:  # DECLARE, FETCH FORWARD, CLOSE
            named.itersize = size
            named.execute("select * from inventory order by id")
            print("cursor", sum(1 for _ in named))
        with connection.cursor(name="scrolling", scrollable=True) as named:
            named.execute("select id from notes order by id")
            named.scroll(size)
            print(named.fetchone(), named.fetchmany(2))
        connection.rollback()
    connection.autocommit = True
    connection.execute("declare extract cursor with hold for select id, body from notes order by id")
    while rows := connection.execute("fetch 300 from extract").fetchall():
        print("held", len(rows), rows[0])
    connection.execute("close extract")
    connection.execute("set session characteristics as transaction read only")
    try:
        connection.execute("delete from notes")
    except psycopg.Error as error:
        print(error.sqlstate, error)
    connection.execute("set session characteristics as transaction read write")
    connection.execute("create temp table extract as select id, n from notes")
    connection.execute("create index on extract (id)")
    connection.execute("analyze extract")
    print(connection.execute("delete from extract").rowcount, connection.execute("drop table extract").statusmessage)
    connection.execute("discard all")
    print(connection.execute("select count(*) from notes").fetchone())


if __name__ == "__main__":
    print(psycopg.__version__) if sys.argv[1] == "version" else ordinary()
