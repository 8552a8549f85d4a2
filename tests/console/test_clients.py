"""psql, psycopg and asyncpg talk to the console as to any server."""

from __future__ import annotations

import asyncio
import os
import shutil

import asyncpg
import psycopg
import pytest

from tests.console.stand import Console

pytestmark = pytest.mark.live


async def psql(console: Console, *arguments: str, user: str = "bob", stdin: str = "") -> tuple[int, str, str]:
    program = shutil.which("psql")
    assert program, "psql is needed"
    process = await asyncio.create_subprocess_exec(
        program, "-X", "-w", console.dsn(user), *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PGCLIENTENCODING": "UTF8"},
    )  # fmt: skip
    out, err = await process.communicate(stdin.encode())
    return process.returncode or 0, out.decode(), err.decode()


async def test_psql_lists_shows_and_approves(console: Console) -> None:
    number = await console.file()
    code, out, err = await psql(console, "-At", "-c", "show requests;")

    assert (code, err) == (0, "")
    assert out.startswith(f"{number}|open|ann|shop|52000|people|delete from accounts|dba|1|")

    code, out, _ = await psql(console, "-At", "-c", f"SHOW REQUEST {number}")

    assert "table|accounts: 2000 rows deleted of 2000 (100%)\n" in out
    assert "table|inventory: 50000 rows deleted by cascade or trigger\n" in out
    assert "destroyed|table public.invoices: dropped (about 12000 rows)\n" in out

    code, out, err = await psql(console, "-At", "-c", f"approve {number} at most 60000")

    assert (code, err) == (0, "")
    assert out.startswith(f"{number}|approved|bob|")


async def test_psql_is_told_why_not(console: Console) -> None:
    number = await console.file()
    code, _, err = await psql(console, "-c", f"approve {number}", user="ann")

    assert code == 1
    assert f"ERROR:  you cannot approve your own request {number}" in err

    code, _, err = await psql(console, "-c", f"approve {number}", user="eve")

    assert f'ERROR:  request {number} needs approver group "dba"' in err

    code, _, err = await psql(console, "-c", "drop table accounts")

    assert code == 1
    assert "ERROR:  this is not a command of the pgguard console" in err
    assert "HINT:  Commands are: SHOW REQUESTS," in err


async def test_psql_conninfo_several_commands_and_a_script_work(console: Console) -> None:
    script = "\\conninfo\n\\encoding\nshow version; show help;\n\\echo done\nset x = 1;\n;\n"
    code, out, err = await psql(console, "-At", stdin=script)

    assert (code, err) == (0, "")
    # psql 18 prints a table where older ones print a sentence.
    assert 'database "pgguard" as user "bob"' in out or "Database|pgguard\nClient User|bob" in out
    assert "UTF8\npgguard 0.1.0\nSHOW REQUESTS|" in out
    assert out.endswith("done\nSET\n")


async def test_what_psql_asks_of_a_catalog_finds_nothing(console: Console) -> None:
    """\\d and its kin, and tab completion, ask for catalogs, of which there are none here."""
    asked = ("\\d", "\\d accounts", "\\l", "\\l+", "\\du", "\\dt accounts", "\\dn", "\\df", "\\dx", "\\dp", "\\db")
    completion = "SELECT pg_catalog.quote_ident(c.relname) FROM pg_catalog.pg_class c WHERE c.relkind IN ('r') LIMIT 9;"
    script = "".join(f"{line}\n" for line in (*asked, completion, "\\x", "show version;", "begin;", "commit;"))
    code, out, err = await psql(console, "-At", stdin=script)

    assert code == 0
    assert [line for line in err.splitlines() if "Did not find" not in line and "WARNING" not in line] == []
    assert "version|pgguard 0.1.0" in out
    code, _, err = await psql(console, "-c", "select count(*) from accounts")
    assert "ERROR:  this is not a command of the pgguard console" in err


async def test_commands_without_rows_are_no_trouble_to_drivers(console: Console) -> None:
    async with await psycopg.AsyncConnection.connect(console.dsn(), autocommit=True) as connection:
        for prepare in (False, True):
            with pytest.raises(psycopg.errors.FeatureNotSupported):
                await connection.execute("resume", prepare=prepare)
    async with asyncpg.create_pool(console.dsn(), min_size=1, max_size=1) as pool:
        with pytest.raises(asyncpg.FeatureNotSupportedError):
            await pool.fetch("reload")
        assert await pool.fetchval("show version") == "pgguard 0.1.0"


async def test_psycopg_works_with_and_without_autocommit(console: Console) -> None:
    number = await console.file()
    async with await psycopg.AsyncConnection.connect(console.dsn(), autocommit=True) as connection:
        rows = await (await connection.execute("show requests")).fetchall()

        assert rows[0][0] == str(number)

        cursor = await connection.execute("deny %s %s", (number, "it's too much"))

        assert await cursor.fetchone() == (str(number), "denied", "bob", "it's too much")
        assert cursor.statusmessage == "DENY"

    async with await psycopg.AsyncConnection.connect(console.dsn()) as connection:
        cursor = await connection.execute("show all requests")

        assert [column.name for column in cursor.description or ()][:3] == ["request", "state", "requester"]
        assert len(await cursor.fetchall()) == 1

        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute("approve %b", (await console.file("x", caller="bob"),))
        assert await (await connection.execute("show version", binary=True)).fetchone() == ("pgguard 0.1.0",)


async def test_psycopg_pipeline_stops_at_an_error_and_goes_on_after_sync(console: Console) -> None:
    number = await console.file()
    async with await psycopg.AsyncConnection.connect(console.dsn(), autocommit=True) as connection:
        with pytest.raises(psycopg.Error):
            async with connection.pipeline():
                await connection.execute("show request 999")
                await connection.execute(f"approve {number}")
        assert (await console.store.show(number)).state == "open"  # type: ignore[union-attr]
        assert await (await connection.execute("show version")).fetchone() == ("pgguard 0.1.0",)


async def test_asyncpg_works_with_a_pool(console: Console) -> None:
    numbers = [await console.file(f"delete {n}") for n in range(3)]
    async with asyncpg.create_pool(console.dsn(), min_size=1, max_size=1) as pool:
        rows = await pool.fetch("show requests")

        assert [row["request"] for row in rows] == [str(n) for n in reversed(numbers)]

        row = await pool.fetchrow("show requests")

        assert row["statement"] == "delete 2"

        row = await pool.fetchrow("approve $1 at most $2 token", str(numbers[0]), "7")

        assert row["state"] == "approved"
        assert row["token"].count(".") == 2

        with pytest.raises(asyncpg.UndefinedObjectError, match="there is no request 99"):
            await pool.fetch("show request 99")
        with pytest.raises(asyncpg.InvalidTextRepresentationError):
            await pool.fetch("show request $1", "seven")
        assert await pool.fetchval("show version") == "pgguard 0.1.0"


async def test_without_a_proof_of_who_asks_it_is_read_only(console: Console) -> None:
    number = await console.file()
    console.proved = False
    code, out, err = await psql(console, "-At", "-c", "show requests")

    assert code == 0
    assert out.startswith(str(number))

    for command in (f"approve {number}", f"deny {number} 'no'"):
        code, out, err = await psql(console, "-c", command)

        assert code == 1
        assert "the server let you in without asking for a password" in err
    assert (await console.store.show(number)).state == "open"  # type: ignore[union-attr]
