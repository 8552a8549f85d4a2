"""What cannot be measured can be approved where the policy says so, and the evidence says what it lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from live.pgguard import Pgguard, policy_file
from live.postgres import Postgres
from live.refusals import VERBOSE, Refused, from_psql, from_psycopg
from live.second_person import approve, ended, say, told

pytestmark = pytest.mark.live

POLICY = """
version: 1
approvers: {dba: {roles: [dba]}}
approval: {by: dba, expires: 30m}
unmeasured: approve
limits:
  - {name: small, rows: 10, beyond: approve}
rules:
  - {name: destroys, match: {destroys: any}, then: approve}
"""
UNREAD = """
create function public.unread(i int) returns int language plpgsql immutable as
    $$ begin execute 'select 1'; return i; end $$;
alter function public.unread owner to ann;
create index unread_i on notes (public.unread(id));
"""
UNKNOWN = "not measured: what it does is known only when it is done"


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    with postgres.fresh_database() as name:
        postgres.sql(UNREAD, dbname=name)
        yield name


@pytest.fixture(scope="module")
def guard(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pgguard]:
    found = Pgguard(postgres, policy_file(tmp_path_factory.mktemp("policy"), POLICY)).start()
    yield found
    found.stop()


def run(guard: Pgguard, database: str, text: str, *, user: str = "ann") -> str | Refused:
    ran = guard.psql(user=user, dbname=database, args=[*VERBOSE, "-c", text])
    return from_psql(ran) if ran.returncode else ran.stdout.strip()


def held(guard: Pgguard, database: str, text: str, *, user: str = "ann") -> int:
    answer = run(guard, database, text, user=user)
    assert isinstance(answer, Refused), answer
    assert answer.sqlstate == "PGG02", answer
    return answer.request


def verdicts(guard: Pgguard, number: int, last: str) -> list[str]:
    """All of a request's, once the ``last`` of them was recorded."""
    records = guard.records_with(lambda record: (record["approval"], record["verdict"]) == (number, last))
    return [record["verdict"] for record in records if number in (record["approval"], record["request"])]


FILES = "select relname, relfilenode from pg_class where relfilenode <> 0"


def test_maintenance_over_unread_code(guard: Pgguard, postgres: Postgres, database: str) -> None:
    for text in (
        "vacuum full notes",
        "reindex index concurrently unread_i",
        "create index concurrently more on notes (public.unread(n))",
    ):
        files = postgres.sql(FILES, dbname=database)
        number = held(guard, database, text)
        assert postgres.sql(FILES, dbname=database) == files, text
        before = told(guard, number)
        assert before["rows"] == UNKNOWN
        assert "function public.unread runs EXECUTE" in before["rule"]
        approve(guard, number)

        assert not isinstance(run(guard, database, text), Refused), text
        assert ended(guard, number) == "committed"
        assert verdicts(guard, number, "committed") == ["hold", "approve", "unmeasured", "committed"]
        assert held(guard, database, text) != number, text  # once


def test_databases_and_the_server(guard: Pgguard, postgres: Postgres, database: str) -> None:
    postgres.sql("alter role ann createdb")
    postgres.sql("create database spare owner ann")
    try:
        number = held(guard, database, "drop database spare")
        assert told(guard, number)["rule"] == "destroys: destroys database spare"
        assert isinstance(run(guard, database, "drop database if exists spare"), Refused)
        approve(guard, number)
        assert isinstance(run(guard, database, f"drop database {database}"), Refused)
        assert run(guard, database, "drop database spare") == "DROP DATABASE"

        text = "alter system set work_mem = '5MB'"
        number = held(guard, database, text, user="postgres")
        assert postgres.value("select count(*) from pg_file_settings where name = 'work_mem'") == 0
        approve(guard, number)
        assert run(guard, database, text, user="postgres") == "ALTER SYSTEM"
        assert isinstance(run(guard, database, text.replace("5MB", "6MB"), user="postgres"), Refused)
    finally:
        postgres.sql("alter system reset work_mem")
        postgres.sql("drop database if exists spare")
        postgres.sql("alter role ann nocreatedb")


@pytest.mark.parametrize("extended", [False, True])
def test_one_that_fails_is_not_said_to_be_rolled_back(
    guard: Pgguard, postgres: Postgres, database: str, extended: bool
) -> None:
    """What it had done until then may stay: an index that is not valid, tables vacuumed before the one that failed."""
    text = "create unique index concurrently twice on notes (public.unread(n))"

    def tried() -> Refused:
        with guard.connect("ann", database) as ann, pytest.raises(psycopg.Error) as error:
            ann.execute(text, prepare=extended)
        return from_psycopg(error.value)

    number = tried().request
    approve(guard, number)
    assert tried().sqlstate == "23505"
    assert ended(guard, number) == "failed; what it had done until then may stay"
    assert verdicts(guard, number, "failed")[-1] == "failed"
    valid = "select indisvalid from pg_index where indexrelid = 'twice'::regclass"
    assert postgres.value(valid, dbname=database) is False


def test_where_the_policy_does_not_say_so_nobody_can_approve_it(
    postgres: Postgres, start_guard: Callable[..., Pgguard], tmp_path: Path, database: str
) -> None:
    guard = start_guard(postgres, policy_file(tmp_path, POLICY.replace("unmeasured: approve", "unmeasured: refuse")))
    answer = run(guard, database, "vacuum full notes")

    assert isinstance(answer, Refused)
    assert answer.sqlstate == "PGG05"
    assert say(guard, "show requests") == []
