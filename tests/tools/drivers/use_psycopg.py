"""What a program does with psycopg, printed line by line; ``refused`` prints what its user sees of a refusal."""

from __future__ import annotations

import logging
import sys
import threading
import time

import psycopg
from psycopg import errors, sql

# Whether psycopg warns that a pipeline had failed already depends on how soon the error arrives.
logging.getLogger("psycopg").setLevel(logging.CRITICAL)


def connect(**options: object) -> psycopg.Connection:
    return psycopg.connect(autocommit=True, **options)  # libpq reads PG* from the environment


def told(error: psycopg.Error) -> str:
    diag = error.diag
    parts = [type(error).__name__, error.sqlstate, diag.message_primary, diag.message_detail, diag.statement_position,
             diag.table_name, diag.constraint_name]  # fmt: skip
    return " / ".join(str(part) for part in parts if part)


def cancel_its_sleep(connection: psycopg.Connection) -> None:
    asleep = "select wait_event = 'PgSleep' from pg_stat_activity where pid = %s"
    with connect() as other:
        while not other.execute(asleep, [connection.info.backend_pid]).fetchone()[0]:
            time.sleep(0.05)
    connection.cancel_safe()


def ordinary() -> None:
    connection = connect()
    cursor = connection.cursor()
    print("tls", connection.pgconn.ssl_in_use, "encoding", connection.info.encoding)
    row = ("text é", 42, None, [1, 2], b"\0\xff", 1.5)
    print(cursor.execute("select %s::text, %s::int, %s::text, %s::int[], %s::bytea, %s::float8", row).fetchone())
    for i in range(8):  # prepared at the sixth
        cursor.execute("update notes set n = n + %s where id = %s", [i, 1], prepare=i > 2)
    print("prepared", cursor.execute("select n from notes where id = 1").fetchone())
    print(
        "binary", connection.cursor(binary=True).execute("select n, now() > '2020-01-01' from notes limit 1").fetchone()
    )
    with connection.transaction():
        cursor.execute("update notes set n = 5 where id <= 40")
        print("rows", cursor.rowcount)
        try:
            with connection.transaction():
                cursor.execute("insert into notes values (1)")
        except errors.UniqueViolation as error:
            print(told(error))
        print(connection.info.transaction_status.name)
    with connection.transaction(force_rollback=True):
        cursor.execute("delete from notes where id between 10 and 19")
    print("left", cursor.execute("select count(*), sum(n) from notes").fetchone())
    with connection.pipeline() as pipeline:
        several = [connection.execute("update notes set n = 7 where id = %s returning id", [i]) for i in range(1, 30)]
        several.append(connection.execute("update notes set n = 8 where id <= 20"))
        pipeline.sync()
        print("pipeline", [one.rowcount for one in several])
    try:
        with connection.pipeline():
            connection.execute("insert into notes values (3001)")
            connection.execute("select 1/0")
            connection.execute("insert into notes values (3002)")
    except psycopg.Error as error:
        print("pipeline", told(error))
    cursor.executemany("insert into notes values (%s, %s)", [(i, "many") for i in range(4000, 4100)])
    with cursor.copy("copy notes (id, body) from stdin") as copy:
        for i in range(5000, 6500):
            copy.write_row((i, "copied " * 20))
    with cursor.copy("copy notes (id, n) from stdin (format binary)") as copy:
        copy.set_types(["int4", "int4"])
        copy.write_row((7000, 1))
    with cursor.copy("copy (select id, body from notes where id >= 5000 order by id) to stdout") as copy:
        print("copied", sum(len(data) for data in copy))
    try:
        with cursor.copy("copy notes from stdin") as copy:
            copy.write("not a number\n")
    except psycopg.Error as error:
        print("copy", told(error))
    with connection.transaction(), connection.cursor(name="by_and_by") as named:
        named.execute("select id from notes order by id")
        print("cursor", named.fetchmany(3), len(named.fetchall()))
    threading.Thread(target=cancel_its_sleep, args=(connection,)).start()
    try:
        connection.execute("select pg_sleep(60)")
    except psycopg.Error as error:
        print("cancelled", told(error))
    connection.execute("listen news")
    with connect() as other:
        other.execute("select pg_notify('news', 'from another')")
    time.sleep(0.1)
    connection.execute("notify news, 'from myself'")
    print("notified", [note.payload for note in connection.notifies(timeout=60, stop_after=2)])
    connection.add_notice_handler(lambda diag: print("notice", diag.severity, diag.sqlstate, diag.message_primary))
    connection.execute("do $$ begin raise notice 'hello' using errcode = '01234'; end $$")
    connection.execute("drop table if exists nowhere")
    for text in ("selec 1", "select * from nowhere", "insert into orders values (9999, 9999)", "select 'x'::int"):
        try:
            connection.execute(sql.SQL(text))
        except psycopg.Error as error:
            print(told(error))
    connection.execute("create table made (id int generated always as identity primary key, body text)")
    print(connection.execute("insert into made (body) select 'x' from generate_series(1, 3) returning id").fetchall())
    connection.execute("alter table made add column more int default 1")
    connection.execute("create index concurrently on made (more)")
    connection.execute("create temp table gone on commit drop as select 1")
    print("large", len(connection.execute("select repeat(%s, 3)", ["x" * 500_000]).fetchone()[0]))
    print(connection.execute("select 1; select 2").fetchone(), connection.info.transaction_status.name)


def refused() -> None:
    connection = connect()
    for parameters in (None, [0]):
        try:
            connection.execute("delete from notes where id > %s" if parameters else "delete from notes", parameters)
        except psycopg.Error as error:
            print("seen", type(error).__name__, error.sqlstate, error)
    try:
        with connection.pipeline():
            connection.execute("update notes set n = 1 where id = 1")
            connection.execute("update notes set n = 2")
            connection.execute("select 1")
    except psycopg.Error as error:
        print("seen", error.sqlstate, error)
    connection.autocommit = False
    connection.execute("insert into notes values (9000)")
    try:
        connection.execute("delete from notes")
    except psycopg.Error as error:
        print("seen", error.sqlstate, error)
    print(connection.info.transaction_status.name)
    connection.rollback()
    print("left", connection.execute("select count(*) from notes").fetchone()[0])


if __name__ == "__main__":
    if sys.argv[1] == "version":
        print(psycopg.__version__, "libpq", psycopg.pq.version_pretty(psycopg.pq.version()))
    else:
        {"ordinary": ordinary, "refused": refused}[sys.argv[1]]()
