"""Budgets over many connections at once, over restarts, and in people's hands: counted over a direct connection."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from live import frontend as f
from live.pgguard import Pgguard, policy_file
from live.postgres import Postgres
from live.raw import Raw
from live.refusals import VERBOSE, Refused, from_psql
from live.waiting import wait_until

pytestmark = pytest.mark.live

POLICY = """
version: 1
callers: {{people: {{not_roles: [app]}}}}
approvers: {{dba: {{roles: [dba]}}}}
approval: {{by: dba, expires: 30m}}
limits:
  - {{name: people, match: {{caller: people}}, rows: 100, beyond: approve}}
budgets:
  - {{name: slow-bleed, match: {{caller: people}}, per: [{per}], {what}, window: 10m, beyond: {beyond}{more}}}
"""


def policy(
    directory: Path, what: str = "rows: 50", per: str = "caller, database", beyond: str = "approve", more: str = ""
) -> Path:
    return policy_file(directory, POLICY.format(what=what, per=per, beyond=beyond, more=more))


def notes(server: Postgres, database: str) -> int:
    number: int = server.value("select count(*) from notes", dbname=database)
    return number


def spent(guard: Pgguard) -> list[dict[str, str]]:
    ran = guard.cli("budgets", "--json")
    assert ran.returncode == 0, ran.stderr
    found: list[dict[str, str]] = json.loads(ran.stdout)
    return found


def loop(guard: Pgguard, database: str, keys: range, how: Callable[[psycopg.Connection[Any], int], None]) -> list[str]:
    """Delete by key until the end of ``keys``, whatever is refused on the way; the messages of the refusals."""
    told = []
    with guard.connect("ann", database) as connection:
        for key in keys:
            try:
                how(connection, key)
            except psycopg.Error as refusal:
                if not (refusal.sqlstate or "").startswith("PGG"):
                    raise
                told.append(str(refusal))
    return told


def simple(connection: psycopg.Connection[Any], key: int) -> None:
    connection.execute(f"delete from notes where id = {key}".encode())


def prepared(connection: psycopg.Connection[Any], key: int) -> None:
    connection.execute("delete from notes where id = %s", (key,), prepare=True)


def in_a_block(connection: psycopg.Connection[Any], key: int) -> None:
    with connection.transaction():
        connection.execute(f"delete from notes where id = {key}".encode())
        if key % 3 == 0:
            raise psycopg.Rollback()


def measured(connection: psycopg.Connection[Any], key: int) -> None:
    connection.execute(f"delete from notes where id between {key} and {key + 1}".encode())


def pipelined(connection: psycopg.Connection[Any], key: int) -> None:
    with connection.pipeline():  # not prepared: psycopg believes in a name whose Parse was skipped behind an error
        connection.execute("delete from notes where id = %s", (key,), prepare=False)
        connection.execute("delete from notes where id = %s", (key + 500,), prepare=False)


def emptied(connection: psycopg.Connection[Any], key: int) -> None:
    connection.execute(f"update invoices set amount = 0 where id = {key}".encode())


@pytest.mark.parametrize("hows", [(simple,), (prepared, simple), (in_a_block, measured), (pipelined, measured, simple)])
def test_eight_clients_at_once_never_lose_more_than_the_budget(
    server: Postgres, database: str, tmp_path: Path, start_guard: Callable[..., Pgguard],
    hows: tuple[Callable[[psycopg.Connection[Any], int], None], ...],
) -> None:  # fmt: skip
    guard = start_guard(server, policy(tmp_path))
    told: list[str] = []
    threads = [
        threading.Thread(
            target=lambda n=n: told.extend(loop(guard, database, range(1 + 20 * n, 21 + 20 * n), hows[n % len(hows)]))
        )
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lost = 1000 - notes(server, database)

    assert 40 <= lost <= 50  # a rest that is too small for the next transaction can remain
    assert told, "nobody was refused"
    assert {int(number) for message in told for number in re.findall(r"request (\d+), rule", message)} == {1}
    (row,) = spent(guard)
    assert (row["budget"], row["key"], row["limit"], row["window"]) == (
        "slow-bleed", f"caller ann, database {database}", "50", "10 minutes"
    )  # fmt: skip
    assert int(row["spent"]) == lost


def psql(guard: Pgguard, database: str, text: str) -> str | Refused:
    ran = guard.psql(user="ann", dbname=database, args=[*VERBOSE, "-c", text])
    return from_psql(ran) if ran.returncode else ran.stdout.strip() + ran.stderr.strip()


def test_each_statement_in_a_psql_of_its_own(
    server: Postgres, database: str, tmp_path: Path, start_guard: Callable[..., Pgguard]
) -> None:
    """The founding disaster, small: it stops, files one request, and an approval lets it go on as far again."""
    guard = start_guard(server, policy(tmp_path, "rows: 5", more=", warn: 4"))
    answers = [psql(guard, database, f"delete from notes where id = {n}") for n in range(1, 10)]

    assert notes(server, database) == 995
    assert ["nearly spent: 4 rows in 10 minutes by 4 statements (limit 5)" in str(a) for a in answers].index(True) == 3
    guard.wait_for_log("nearly spent")
    refusals = [answer for answer in answers if isinstance(answer, Refused)]
    assert [refusal.request for refusal in refusals] == [refusals[0].request] * 4
    assert refusals[0].message == (
        f'approval required: request {refusals[0].request}, rule "slow-bleed", '
        "6 rows in 10 minutes by 6 statements (limit 5)"
    )
    shown = guard.cli("requests", str(refusals[0].request)).stdout
    assert re.search(r"budget +slow-bleed: caller ann, database", shown)
    assert re.search(r"tries +4\b", shown)

    guard.approve(refusals[0].request)
    again = [psql(guard, database, f"delete from notes where id = {n}") for n in range(100, 110)]
    assert notes(server, database) == 990
    (other,) = {answer.request for answer in again if isinstance(answer, Refused)}
    assert other != refusals[0].request


def test_what_is_rolled_back_lost_or_not_found_is_not_spent(
    server: Postgres, database: str, tmp_path: Path, start_guard: Callable[..., Pgguard]
) -> None:
    guard = start_guard(server, policy(tmp_path, "rows: 5"))
    with guard.connect("ann", database, autocommit=False) as connection:
        connection.execute("delete from notes where id in (1, 2, 3)")
        connection.execute("delete from notes where id < 6")
        assert spent(guard)[0]["spent"] == "5"
        connection.rollback()
        connection.execute("savepoint a")
        connection.execute("delete from notes where id = 1")
        connection.execute("rollback to a")
        connection.execute("delete from notes where id = 9999")
        connection.commit()
    with Raw.connect(guard, "ann", database) as raw:
        raw.query("begin")
        raw.query("delete from notes where id = 4")
        raw.vanish()
    with guard.connect("ann", database) as connection, pytest.raises(psycopg.Error, match="division"):
        connection.execute("delete from notes where id = 1; select 1/0")
    wait_until(lambda: spent(guard) == [], lambda: spent(guard))
    assert notes(server, database) == 1000


def written(guard: Pgguard) -> int:
    """How much the state knows to be spent; it is written once a second."""
    with contextlib.closing(sqlite3.connect(f"file:{guard.state}?mode=ro", uri=True)) as state:
        rows = state.execute("select content from pgguard_budgets").fetchall()
    return sum(amount for (content,) in rows for _, amount, _ in json.loads(content)[2])


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_restart_forgets_nothing(
    server: Postgres, database: str, tmp_path: Path, start_guard: Callable[..., Pgguard], end: str
) -> None:
    guard = start_guard(server, policy(tmp_path, "rows: 5"))
    for n in range(1, 6):
        psql(guard, database, f"delete from notes where id = {n}")
    if end == "kill":
        wait_until(lambda: written(guard) == 5, lambda: written(guard))
        guard.kill()
    else:
        guard.terminate()
        guard.wait()
    guard.start()

    assert spent(guard)[0]["spent"] == "5"
    assert isinstance(psql(guard, database, "delete from notes where id = 6"), Refused)
    assert psql(guard, database, "insert into notes values (2000)") == "INSERT 0 1"
    assert notes(server, database) == 996


def test_commits_whose_answer_was_lost_stay_spent(
    server: Postgres, database: str, tmp_path: Path, start_guard: Callable[..., Pgguard]
) -> None:
    guard = start_guard(server, policy(tmp_path, "rows: 10"))
    for n in range(1, 30):
        with Raw.connect(guard, "ann", database) as raw:
            raw.send(f.query(f"delete from notes where id = {n}"))
            if n % 2:
                raw.vanish()
    left = f"select from pg_stat_activity where datname = '{database}' and usename = 'ann'"
    server.wait_until(f"select not exists ({left})")
    wait_until(lambda: spent(guard))

    assert 1000 - notes(server, database) <= int(spent(guard)[0]["spent"]) <= 10


def test_a_share_of_a_table_in_small_steps(
    server: Postgres, database: str, tmp_path: Path, start_guard: Callable[..., Pgguard]
) -> None:
    guard = start_guard(server, policy(tmp_path, "share: 20%, at_least: 20", per="table"))
    told = loop(guard, database, range(1, 120), simple)
    loop(guard, database, range(1, 100), emptied)
    lost = server.value("select count(*) from invoices where amount = 0", dbname=database)

    assert not told  # 119 of 1000 notes
    assert 50 <= lost <= 60  # of 300


def test_refusals_come_to_an_end(
    server: Postgres, database: str, tmp_path: Path, start_guard: Callable[..., Pgguard]
) -> None:
    guard = start_guard(server, policy(tmp_path, "refusals: 2", beyond="refuse"))
    for _ in range(3):
        psql(guard, database, "delete from notes")
    answer = psql(guard, database, "delete from notes where id = 1")

    assert isinstance(answer, Refused)
    assert (answer.sqlstate, notes(server, database)) == ("PGG03", 1000)
    assert "3 refusals in 10 minutes (limit 2)" in answer.message
    assert "1000" in str(psql(guard, database, "select count(*) from notes"))
