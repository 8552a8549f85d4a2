"""A second person says yes: the same statement then runs, once, as far as it was approved, and nobody else's does."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from live import frontend as f
from live.pgguard import Pgguard, policy_file
from live.postgres import Postgres
from live.raw import Raw
from live.refusals import CLAIM, VERBOSE, Refused, from_psql, from_psycopg, from_raw, unharmed
from live.second_person import approve

pytestmark = pytest.mark.live

DELETE = "delete from notes where n = 0"
SHORT = """
version: 1
approvers: {dba: {roles: [dba]}}
approval: {by: dba, needs: 1, expires: 5s}
limits:
  - {name: small, rows: 10, beyond: approve}
"""


def run(
    guard: Pgguard, database: str, text: str, *, env: dict[str, str] | None = None, user: str = "ann"
) -> str | Refused:
    """One string through psql: what psql printed, or the refusal."""
    ran = guard.psql(user=user, dbname=database, args=[*VERBOSE, "-c", text], env=env)
    return from_psql(ran) if ran.returncode else ran.stdout.strip()


def refused(guard: Pgguard, server: Postgres, database: str, text: str, *, user: str = "ann") -> Refused:
    with unharmed(server, database):
        answer = run(guard, database, text, user=user)
        assert isinstance(answer, Refused), answer
        return answer


def count(server: Postgres, database: str, table: str = "notes") -> int:
    number: int = server.value(f"select count(*) from {table}", dbname=database)
    return number


def test_once_and_only_once(guard: Pgguard, server: Postgres, database: str) -> None:
    request = refused(guard, server, database, DELETE).request
    guard.approve(request)

    assert run(guard, database, DELETE) == "DELETE 1000"
    assert count(server, database) == 0
    server.sql("insert into notes select i from generate_series(1, 1000) i", dbname=database)
    again = refused(guard, server, database, DELETE)
    assert again.sqlstate == "PGG02"
    assert again.request != request


def test_comments_and_white_space_do_not_matter_and_everything_else_does(
    guard: Pgguard, server: Postgres, database: str
) -> None:
    guard.approve(refused(guard, server, database, DELETE).request)

    for other in (
        "delete from notes where n = 00",
        "delete from notes where n >= 0",
        "delete from notes",
        DELETE.upper(),
    ):
        if "NOTES" not in other:
            refused(guard, server, database, other)
    refused(guard, server, database, DELETE, user="bob")
    assert run(guard, database, "/* trace 17 */ delete from  notes\n where n=0 -- x") == "DELETE 1000"


def test_the_parameters_are_part_of_it(guard: Pgguard, server: Postgres, database: str) -> None:
    text = "delete from notes where id > $1"

    def execute(value: str) -> list[str]:
        with Raw.connect(guard, "ann", database) as raw:
            messages = raw.ask(f.run(text, [value]), f.sync())
            if any(message.kind == "E" for message in messages):
                return [from_raw(messages).sqlstate, str(from_raw(messages).request)]
            return [message.tag for message in messages if message.kind == "C"]

    with unharmed(server, database):
        first = execute("500")
        guard.approve(int(first[1]))
        assert execute("400")[0] == "PGG02"
    assert execute("500") == ["DELETE 500"]
    assert count(server, database) == 500


def test_more_than_was_approved_is_refused(guard: Pgguard, server: Postgres, database: str) -> None:
    guard.approve(refused(guard, server, database, "delete from notes where n = 7 or id <= 500").request)
    server.sql("update notes set n = 7 where id = 501", dbname=database)

    assert refused(guard, server, database, "delete from notes where n = 7 or id <= 500").sqlstate in ("PGG02", "PGG04")
    server.sql("update notes set n = 0 where id = 501", dbname=database)
    server.sql("delete from notes where id = 500", dbname=database)
    assert run(guard, database, "delete from notes where n = 7 or id <= 500") == "DELETE 499"


def test_the_cascades_are_part_of_it(guard: Pgguard, server: Postgres, database: str) -> None:
    text = "delete from accounts where id <= 20"
    guard.approve(refused(guard, server, database, text).request)
    server.sql("insert into inventory values (90001, 1, 'new')", dbname=database)

    refused(guard, server, database, text)
    server.sql("delete from inventory where id = 90001", dbname=database)
    assert run(guard, database, text) == "DELETE 20"
    assert count(server, database, "inventory") == 1800


def test_a_failed_run_spends_nothing_it_did_not_use(guard: Pgguard, server: Postgres, database: str) -> None:
    guard.approve(refused(guard, server, database, DELETE).request)
    with guard.connect("ann", database, autocommit=False) as connection:
        connection.execute(DELETE)
        connection.rollback()

    assert count(server, database) == 1000
    assert run(guard, database, DELETE) == "DELETE 1000"


def test_in_a_block(guard: Pgguard, server: Postgres, database: str) -> None:
    with guard.connect("ann", database, autocommit=False) as connection:
        connection.execute("insert into notes values (5000, 'x', 0)")
        with pytest.raises(psycopg.Error) as error:
            connection.execute(DELETE)
        connection.rollback()
        guard.approve(from_psycopg(error.value).request)
        connection.execute("insert into notes values (5000, 'x', 0)")
        connection.execute(DELETE)
        connection.commit()

    assert count(server, database) == 0


@pytest.mark.parametrize("text", ["drop table invoices", "truncate invoices", "select drop_hidden()"])
def test_objects(guard: Pgguard, server: Postgres, database: str, text: str) -> None:
    with unharmed(server, database):
        answer = run(guard, database, text, env=CLAIM)
        assert isinstance(answer, Refused)
        guard.approve(answer.request)

    assert not isinstance(run(guard, database, text, env=CLAIM), Refused)
    gone = server.value("select to_regclass('invoices') is null", dbname=database)
    assert gone or count(server, database, "invoices") == 0


def test_nobody_approves_for_herself(guard: Pgguard, server: Postgres, database: str) -> None:
    hers = refused(guard, server, database, DELETE).request
    his = refused(guard, server, database, "delete from invoices", user="bob").request

    for user, number in (("ann", hers), ("eve", hers), ("bob", his)):
        ran = guard.cli("approve", str(number), user=user)
        assert (ran.returncode, "Traceback" in ran.stderr) == (1, False), ran
    refused(guard, server, database, DELETE)
    refused(guard, server, database, "delete from invoices", user="bob")


def test_a_wrong_password_or_nobody_listening(guard: Pgguard, server: Postgres, database: str) -> None:
    hers = refused(guard, server, database, DELETE).request
    dsn = f"postgresql://bob:wrong@{guard.host}:{guard.port}/pgguard"

    assert guard.cli("approve", str(hers), "--dsn", dsn).returncode in (1, 2, 3)
    assert guard.cli("requests", "--dsn", "postgresql://bob:x@127.0.0.1:1/pgguard").returncode == 3
    refused(guard, server, database, DELETE)


def test_denied(guard: Pgguard, server: Postgres, database: str) -> None:
    request = refused(guard, server, database, DELETE).request
    ran = guard.cli("deny", str(request), "--reason", "ask the shop first")
    assert ran.returncode == 0, ran.stderr

    answer = refused(guard, server, database, DELETE)
    assert answer.sqlstate == "PGG04"
    assert "ask the shop first" in answer.message + answer.detail + answer.hint
    assert guard.cli("approve", str(request)).returncode == 1


def test_the_listing(guard: Pgguard, server: Postgres, database: str) -> None:
    request = refused(guard, server, database, "delete from accounts").request
    ran = guard.cli("requests", "--json")

    assert ran.returncode == 0, ran.stderr
    assert request in [int(row.get("request", row.get("number", -1))) for row in json.loads(ran.stdout)]
    shown = guard.psql(user="bob", dbname="pgguard", args=["-x", "-c", f"show request {request}"])
    assert shown.returncode == 0, shown.stderr
    assert "ann" in shown.stdout
    assert re.search(r"inventory: 2000 rows deleted", shown.stdout)


def test_approved_in_the_console(guard: Pgguard, server: Postgres, database: str) -> None:
    request = refused(guard, server, database, DELETE).request
    assert guard.psql(user="ann", dbname="pgguard", args=["-c", f"approve {request}"]).returncode == 1
    assert guard.psql(user="bob", dbname="pgguard", args=["-c", f"approve {request}"]).returncode == 0

    assert run(guard, database, DELETE) == "DELETE 1000"


def test_expiry(postgres: Postgres, start_guard: Callable[..., Pgguard], tmp_path: Path) -> None:
    guard = start_guard(postgres, policy_file(tmp_path, SHORT))
    with postgres.fresh_database() as database:
        approve(guard, refused(guard, postgres, database, DELETE).request)  # at once: a program takes its time
        time.sleep(5.5)

        assert refused(guard, postgres, database, DELETE).sqlstate in ("PGG02", "PGG04")


def token(guard: Pgguard, server: Postgres, database: str) -> str:
    printed = guard.approve(refused(guard, server, database, DELETE).request, "--token")
    found = re.search(r"[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}", printed)
    assert found, printed
    return found.group(0)


@pytest.mark.parametrize("way", ["set", "pgoptions", "comment"])
def test_handed_over_as_a_token(guard: Pgguard, server: Postgres, database: str, way: str) -> None:
    given = token(guard, server, database)
    assert refused(guard, server, database, DELETE).sqlstate in ("PGG02", "PGG04")  # not without it

    def with_token() -> tuple[str, str]:
        script, env = DELETE + ";\n", {}
        if way == "set":
            script = f"set pgguard.token = '{given}';\n{script}"
        elif way == "pgoptions":
            env = {"PGOPTIONS": f"-c pgguard.token={given}"}
        else:
            script = f"/* pgguard: token={given} */ {script}"
        ran = guard.psql(script, user="ann", dbname=database, args=VERBOSE, env=env)
        return ran.stdout, ran.stderr

    assert "DELETE 1000" in with_token()[0]
    server.sql("insert into notes select i from generate_series(1, 1000) i", dbname=database)
    with unharmed(server, database):
        assert "PGG04" in with_token()[1]
    if way == "comment":  # the token must not get into the server's log or pg_stat_activity
        assert given not in server.log()


def test_a_token_for_something_else(guard: Pgguard, server: Postgres, database: str) -> None:
    given = token(guard, server, database)
    for spoiled in (given[:-4] + "AAAA", "rubbish", given):
        text = "delete from invoices" if spoiled == given else DELETE
        answer = refused(guard, server, database, f"/* pgguard: token={spoiled} */ {text}")
        assert answer.sqlstate == "PGG04"


def test_two_sessions_race_for_one_approval(guard: Pgguard, server: Postgres, database: str) -> None:
    """Neither sees the other's rows gone before it commits; only one of them may commit."""
    guard.approve(refused(guard, server, database, "update notes set body = body || '!'").request)
    raws = [Raw.connect(guard, "ann", database) for _ in range(4)]
    for raw in raws:
        raw.send(f.query("update notes set body = body || '!'"))
    answers = [raw.until_ready() for raw in raws]
    for raw in raws:
        raw.close()

    assert sum(any(message.kind == "C" for message in messages) for messages in answers) == 1
    assert server.value("select max(length(body) - length(rtrim(body, '!'))) from notes", dbname=database) == 1
