"""Ordinary clients at their ordinary work notice nothing: psql, pg_dump, pgbench, psycopg, asyncpg."""

from __future__ import annotations

import re
import subprocess

import asyncpg
import psycopg
import pytest
from live.endpoint import Endpoint, clean_environment, password_of
from live.pgguard import Pgguard
from live.postgres import Postgres

pytestmark = pytest.mark.live

BACKSLASH = r"""
\d
\d+ accounts
\d active_accounts
\dt+
\di
\dv
\df
\sf purge
\du
\dn+
\dp
\dT
\x
select * from notes where id = 1;
\gdesc
\copy (select id from notes order by id limit 3) to stdout
\copy notes (id) from stdin
7000
\.
\set ON_ERROR_ROLLBACK on
begin;
select 1/0;
insert into notes values (7001);
commit;
\set FETCH_COUNT 10
select id from notes where id < 25 order by id;
\errverbose
"""


def test_psql(server: Postgres, guard: Pgguard, database: str) -> None:
    with server.fresh_database() as other:
        direct = server.psql(BACKSLASH, user="ann", dbname=other)
        guarded = guard.psql(BACKSLASH, user="ann", dbname=database)

    def plain(text: str, name: str) -> str:
        return re.sub(r" +\n", "\n", re.sub(rf"\b{name}\b ?", "DB", text))

    assert plain(guarded.stderr, database) == plain(direct.stderr, other)
    assert plain(guarded.stdout, database) == plain(direct.stdout, other)
    assert "ERROR:  22012: division by zero" in direct.stdout + direct.stderr


def program(endpoint: Endpoint, name: str, *arguments: str) -> str:
    ran = subprocess.run(
        [str(endpoint.bindir / name), "-h", endpoint.host, "-p", str(endpoint.port), "-U", "ann", *arguments],
        check=False, capture_output=True, text=True, timeout=180,
        env=clean_environment({"PGPASSWORD": password_of("ann")}),
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_pg_dump(server: Postgres, guard: Pgguard, database: str) -> None:
    def dump(endpoint: Endpoint) -> list[str]:
        # \restrict carries a random key of its own in each dump
        return [line for line in program(endpoint, "pg_dump", database).splitlines() if "restrict " not in line]

    assert dump(guard) == dump(server)


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_pgbench(guard: Pgguard, server: Postgres, database: str, mode: str) -> None:
    program(server, "pgbench", "-i", "-q", database)
    printed = program(guard, "pgbench", "-n", "-M", mode, "-c", "4", "-t", "20", database)

    assert "80/80" in printed
    assert server.value("select count(*) from pgbench_history", dbname=database) == 80


def test_psycopg(guard: Pgguard, database: str) -> None:
    with guard.connect("ann", database, autocommit=False) as connection:
        cursor = connection.cursor()
        cursor.executemany("insert into notes values (%s, %s)", [(i, "many") for i in range(5000, 5050)])
        with cursor.copy("copy notes (id, body) from stdin") as copy:
            for i in range(6000, 6010):
                copy.write_row((i, "copied"))
        with cursor.copy("copy (select id from notes where id >= 6000) to stdout") as copy:
            assert sum(1 for _ in copy.rows()) == 10
        with connection.cursor(name="server_side") as named:
            named.execute("select id from notes where id >= 5000 order by id")
            assert len(named.fetchmany(7)) == 7
        for _ in range(7):  # psycopg prepares at the sixth
            cursor.execute("update notes set n = n + 1 where id = %s", [1])
        with pytest.raises(psycopg.errors.UniqueViolation), connection.transaction():
            cursor.execute("insert into notes values (1)")
        connection.commit()
        assert cursor.execute("select n from notes where id = 1").fetchone() == (7,)


async def test_asyncpg(guard: Pgguard, database: str) -> None:
    connection = await asyncpg.connect(
        host=guard.host,
        port=guard.port,
        user="ann",
        password=password_of("ann"),
        database=database,
        command_timeout=60,
    )
    try:
        assert await connection.fetchval("select $1::int[] || 4", [1, 2, 3]) == [1, 2, 3, 4]
        await connection.executemany("insert into notes values ($1, $2)", [(i, "many") for i in range(5000, 5050)])
        await connection.copy_records_to_table("notes", records=[(6000 + i, "c", 0) for i in range(10)])
        async with connection.transaction():
            found = [
                record["id"] async for record in connection.cursor("select id from notes order by id", prefetch=50)
            ]
        assert len(found) == 1060
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute("insert into notes values (1)")
        assert await connection.execute("update notes set n = 1 where id = $1", 2) == "UPDATE 1"
        with pytest.raises(asyncpg.PostgresError, match="approval required") as refused:
            await connection.execute("delete from notes")
        assert refused.value.sqlstate == "PGG02"
        assert await connection.fetchval("select count(*) from notes") == 1060
    finally:
        await connection.close()
