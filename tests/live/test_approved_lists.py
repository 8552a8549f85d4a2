"""Transactions of several writes: the request holds their list, and exactly this list is let through again, with psql,
with a file that is sent once more, and with drivers that pipeline."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import psycopg
import pytest
from live.endpoint import password_of
from live.pgguard import Pgguard, policy_file
from live.postgres import Postgres
from live.refusals import VERBOSE, Refused, from_psql, from_psycopg

pytestmark = pytest.mark.live

POLICY = """
version: 1
approvers: {dba: {roles: [dba]}}
approval: {by: dba, expires: 30m}
limits:
  - {name: small, rows: 100, beyond: approve}
"""
LIST = [f"update notes set n = n + 1 where id between {at} and {at + 39}" for at in (1, 101, 201)]
OTHER = [LIST[0], LIST[2], LIST[1]]
FILE = "begin;\n" + ";\n".join(LIST) + ";\ncommit;\n"


@pytest.fixture
def guard(postgres: Postgres, start_guard: Callable[..., Pgguard], tmp_path: Path) -> Pgguard:
    return start_guard(postgres, policy_file(tmp_path, POLICY))


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    with postgres.fresh_database() as name:
        yield name


def changed(server: Postgres, database: str) -> int:
    number: int = server.value("select sum(n) from notes", dbname=database)
    return number


def file_sent(guard: Pgguard, database: str, text: str = FILE) -> Refused | None:
    ran = guard.psql(text, user="ann", dbname=database, args=[*VERBOSE, "-v", "ON_ERROR_STOP=1", "-f", "-"])
    return from_psql(ran) if "ERROR" in ran.stderr else None


def statements(guard: Pgguard, number: int) -> list[str]:
    told = json.loads(guard.cli("requests", str(number), "--json").stdout)
    found: list[str] = told["statement"]
    return found


def test_a_file_sent_again(guard: Pgguard, postgres: Postgres, database: str) -> None:
    answer = file_sent(guard, database)
    assert answer is not None
    assert answer.message == f'approval required: request {answer.request}, rule "small", 120 rows (limit 100)'
    assert [text.rstrip(";") for text in statements(guard, answer.request)] == LIST
    assert changed(postgres, database) == 0
    guard.approve(answer.request)

    other = file_sent(guard, database, "begin;\n" + ";\n".join(OTHER) + ";\ncommit;\n")
    assert other is not None  # another order is another list
    assert other.request != answer.request
    assert file_sent(guard, database) is None
    assert changed(postgres, database) == 120
    assert file_sent(guard, database) is not None  # once
    assert changed(postgres, database) == 120


def test_more_than_the_list_is_asked_for_again(guard: Pgguard, postgres: Postgres, database: str) -> None:
    """What comes behind the approved list counts by itself."""
    answer = file_sent(guard, database)
    assert answer is not None
    guard.approve(answer.request)
    longer = FILE.replace("commit", "update notes set n = n + 1 where id between 301 and 500;\ncommit")
    more = file_sent(guard, database, longer)
    assert more is not None
    assert more.message.endswith('rule "small", 200 rows (limit 100)')
    assert changed(postgres, database) == 0
    guard.approve(more.request)

    assert file_sent(guard, database, longer) is None
    assert changed(postgres, database) == 320


def test_one_string(guard: Pgguard, postgres: Postgres, database: str) -> None:
    text = "; ".join(LIST)
    ran = guard.psql(user="ann", dbname=database, args=[*VERBOSE, "-c", text])
    guard.approve(from_psql(ran).request)

    assert guard.psql(user="ann", dbname=database, args=["-c", text]).returncode == 0
    assert changed(postgres, database) == 120


def test_refused_by_the_sum_at_its_commit(guard: Pgguard, postgres: Postgres, database: str) -> None:
    """A deferred trigger destroys more than all statements did."""
    postgres.sql(
        "create function later() returns trigger language plpgsql as "
        "$$ begin update public.notes set n = n + 1 where id > 500; return null; end $$", dbname=database,
    )  # fmt: skip
    postgres.sql("create constraint trigger later after update on invoices deferrable initially deferred "
                 "for each row execute function later()", dbname=database)  # fmt: skip
    text = "begin;\nupdate invoices set amount = 0 where id = 1;\nupdate notes set n = 5 where id = 7;\ncommit;\n"
    answer = file_sent(guard, database, text)
    assert answer is not None
    assert "502 rows" in answer.message
    assert [line.rstrip(";") for line in statements(guard, answer.request)] == [
        "update invoices set amount = 0 where id = 1", "update notes set n = 5 where id = 7",
    ]  # fmt: skip
    guard.approve(answer.request)

    assert file_sent(guard, database, text) is None
    assert changed(postgres, database) == 505


def test_psycopg_in_a_pipeline(guard: Pgguard, postgres: Postgres, database: str) -> None:
    def work() -> None:
        with (
            guard.connect("ann", database, autocommit=False) as connection, connection.pipeline(),
            connection.cursor() as cursor,
        ):  # fmt: skip
            for at in (1, 101, 201):
                cursor.execute("update notes set n = n + 1 where id between %s and %s", (at, at + 39))

    with pytest.raises(psycopg.Error) as first:
        work()
    number = from_psycopg(first.value).request
    assert len(statements(guard, number)) == 3
    assert changed(postgres, database) == 0
    guard.approve(number)
    work()
    assert changed(postgres, database) == 120
    with pytest.raises(psycopg.Error):
        work()
    assert changed(postgres, database) == 120


def test_asyncpg(guard: Pgguard, postgres: Postgres, database: str) -> None:
    async def work(last: int = 201) -> None:
        connection = await asyncpg.connect(
            host=guard.host, port=guard.port, user="ann", password=password_of("ann"), database=database
        )
        try:
            async with connection.transaction():
                sql = "update notes set n = n + 1 where id between $1 and $2"
                await connection.executemany(sql, [(at, at + 39) for at in (1, 101, last)])
        finally:
            await connection.close()

    with pytest.raises(asyncpg.PostgresError, match=r"request \d+") as first:
        asyncio.run(work())
    number = int(str(first.value).split("request ")[1].split(",")[0])
    guard.approve(number)
    with pytest.raises(asyncpg.PostgresError, match="approval required"):
        asyncio.run(work(last=301))  # another parameter
    assert changed(postgres, database) == 0
    asyncio.run(work())
    assert changed(postgres, database) == 120


def migrated(guard: Pgguard, database: str, took: int) -> Refused | None:
    """As migration tools do: a lock, their table, a row in front and one behind that are others in each run, and the
    file as one text."""
    with guard.connect("ann", database, autocommit=False) as connection:
        try:
            connection.execute("create table if not exists migrations (version int primary key, took int)")
            connection.commit()
            connection.execute("select pg_advisory_xact_lock(4711)")
            connection.execute("insert into migrations values (6, %s)", (took,))
            connection.execute(("alter table notes add column if not exists seen int; " + "; ".join(LIST)).encode())
            connection.execute("insert into migrations values (7, %s)", (took,))
            connection.commit()
        except psycopg.Error as error:
            return from_psycopg(error)
    return None


def test_a_migration_tool_that_sends_the_file_again(guard: Pgguard, postgres: Postgres, database: str) -> None:
    answer = migrated(guard, database, 12)
    assert answer is not None
    assert postgres.sql("select took from migrations", dbname=database) == []
    again = migrated(guard, database, 13)
    assert again is not None
    assert again.request == answer.request
    guard.approve(answer.request)

    assert migrated(guard, database, 14) is None
    assert changed(postgres, database) == 120
    assert postgres.sql("select took from migrations", dbname=database) == [(14,), (14,)]


def test_a_file_in_one_transaction(guard: Pgguard, postgres: Postgres, database: str) -> None:
    """psql -1 puts BEGIN and COMMIT around it, and comments and white space may differ."""
    def sent(text: str) -> Refused | None:
        ran = guard.psql(text, user="ann", dbname=database, args=[*VERBOSE, "-v", "ON_ERROR_STOP=1", "-1", "-f", "-"])
        return from_psql(ran) if "ERROR" in ran.stderr else None

    answer = sent(";\n".join(LIST) + ";\n")
    assert answer is not None
    guard.approve(answer.request)
    assert sent(";\n".join([LIST[0], *LIST]) + ";\n") is not None  # one of them twice
    assert changed(postgres, database) == 0
    assert sent("-- as agreed\n" + ";\n\n".join(text.replace("set", "  set /* n */") for text in LIST) + ";\n") is None
    assert changed(postgres, database) == 120


def test_a_pipeline_without_a_block(guard: Pgguard, postgres: Postgres, database: str) -> None:
    """Between two Syncs PostgreSQL has a transaction of its own making."""
    def sent() -> None:
        with guard.connect("ann", database) as connection, connection.pipeline():
            for text in LIST:
                connection.execute(text.encode())

    with pytest.raises(psycopg.Error) as error:
        sent()
    number = from_psycopg(error.value).request
    assert changed(postgres, database) == 0
    assert [text.rstrip(";") for text in statements(guard, number)] == LIST
    guard.approve(number)
    sent()
    assert changed(postgres, database) == 120
    with pytest.raises(psycopg.Error):
        sent()
    assert changed(postgres, database) == 120
