"""What a program does with asyncpg, printed line by line; ``refused`` prints what its user sees of a refusal."""

from __future__ import annotations

import asyncio
import io
import sys

import asyncpg


def told(error: asyncpg.PostgresError) -> str:
    parts = [type(error).__name__, error.sqlstate, error.message, error.detail, error.position, error.table_name,
             error.constraint_name]  # fmt: skip
    return " / ".join(str(part) for part in parts if part)


async def ordinary() -> None:
    connection = await asyncpg.connect()  # reads PG* from the environment, PGSSLMODE and PGSSLROOTCERT too
    print("tls", connection._protocol.is_ssl, connection.get_settings().server_encoding)
    print(await connection.fetchrow("select $1::text, $2::int, $3::int[], $4::bytea", "é", 42, [1, 2], b"\0\xff"))
    prepared = await connection.prepare("update notes set n = n + $1 where id = $2")
    for i in range(8):
        await prepared.fetch(i, 1)
    print(
        "prepared",
        prepared.get_statusmsg(),
        prepared.get_parameters(),
        await connection.fetchval("select n from notes where id = 1"),
    )
    async with connection.transaction():
        print(await connection.execute("update notes set n = 5 where id <= 40"))
        try:
            async with connection.transaction():
                await connection.execute("insert into notes values (1)")
        except asyncpg.UniqueViolationError as error:
            print(told(error))
    for isolation in ("serializable", "repeatable_read"):
        transaction = connection.transaction(isolation=isolation)
        await transaction.start()
        print(await connection.execute("delete from notes where id between $1 and $2", 10, 19))
        await transaction.rollback()
    print("left", await connection.fetchrow("select count(*), sum(n) from notes"))
    await connection.executemany("insert into notes values ($1, $2)", [(i, "many") for i in range(4000, 4100)])
    await connection.executemany("update notes set n = 3 where id = $1", [(i,) for i in range(1, 41)])
    try:
        await connection.executemany("insert into notes values ($1)", [(8000,), (8001,), (1,), (8002,)])
    except asyncpg.PostgresError as error:
        print("many", told(error))
    records = [(i, "copied " * 20, 0) for i in range(5000, 6500)]
    print(await connection.copy_records_to_table("notes", records=records))
    print(await connection.copy_to_table("notes", source=io.BytesIO(b"7000,x,1\n"), format="csv"))
    out = io.BytesIO()
    print(await connection.copy_from_query("select * from notes where id >= $1", 5000, output=out), len(out.getvalue()))
    try:
        await connection.copy_to_table("notes", source=io.BytesIO(b"not a number\n"))
    except asyncpg.PostgresError as error:
        print("copy", told(error))
    async with connection.transaction():
        cursor = await connection.cursor("select id from notes order by id")
        print(
            "cursor",
            await cursor.fetch(3),
            len([one async for one in connection.cursor("select 1 from notes", prefetch=7)]),
        )
    try:
        await connection.fetch("select pg_sleep(60)", timeout=0.7)
    except TimeoutError:
        print("cancelled", await connection.fetchval("select 1"))
    heard: asyncio.Queue[str] = asyncio.Queue()
    await connection.add_listener("news", lambda _connection, _pid, _channel, payload: heard.put_nowait(payload))
    other = await asyncpg.connect()
    await other.execute("notify news, 'from another'")
    await other.close()
    await connection.execute("notify news, 'from myself'")
    print("notified", sorted([await asyncio.wait_for(heard.get(), 60), await asyncio.wait_for(heard.get(), 60)]))
    connection.add_log_listener(lambda _connection, message: print("notice", told(message)))
    await connection.execute("do $$ begin raise notice 'hello'; end $$")
    await connection.execute("drop table if exists nowhere")
    for text in ("selec 1", "select * from nowhere", "insert into orders values (9999, 9999)", "select 'x'::int"):
        for run in (connection.execute, connection.fetch):
            try:
                await run(text)
            except asyncpg.PostgresError as error:
                print(told(error))
    print(await connection.execute("create type mood as enum ('sad', 'ok'); create table made (id int, mood mood)"))
    await connection.execute("insert into made values ($1, $2)", 1, "ok")  # asks the catalog for the type
    print(await connection.fetch("select * from made"), await connection.fetchval("select row(1, 'ok'::mood)"))
    print("large", len(await connection.fetchval("select repeat($1, 3)", "x" * 500_000)))
    await connection.reset()
    await connection.close()
    async with asyncpg.create_pool(min_size=1, max_size=3) as pool:
        print("pool", await asyncio.gather(*(pool.fetchval("select $1::int", i) for i in range(9))))


async def refused() -> None:
    connection = await asyncpg.connect()
    for text, parameters in (("delete from notes", ()), ("delete from notes where id > $1", (0,))):
        try:
            await connection.execute(text, *parameters)
        except asyncpg.PostgresError as error:
            print("seen", type(error).__name__, error.sqlstate, error)
    try:
        await connection.executemany("delete from notes where id > $1", [(5000,), (0,)])
    except asyncpg.PostgresError as error:
        print("seen", error.sqlstate, error)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("insert into notes values (9000)")
    try:
        await connection.execute("delete from notes")
    except asyncpg.PostgresError as error:
        print("seen", error.sqlstate, error)
    try:
        await connection.fetch("select 1")
    except asyncpg.PostgresError as error:
        print(told(error))
    await transaction.rollback()
    print("left", await connection.fetchval("select count(*) from notes"))
    await connection.close()


if __name__ == "__main__":
    if sys.argv[1] == "version":
        print(asyncpg.__version__)
    else:
        asyncio.run({"ordinary": ordinary, "refused": refused}[sys.argv[1]]())
