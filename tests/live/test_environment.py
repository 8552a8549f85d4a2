"""The wrong environment: people are told which one this is, wrong claims stop everything, wrong servers are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from live.line import Line
from live.pgguard import PRODUCTION, Pgguard, policy_file, run_pgguard
from live.postgres import Postgres
from live.raw import Raw

pytestmark = pytest.mark.live

Start = Callable[..., Pgguard]
TOLD = 'NOTICE:  this is "production"\n'
BOTH_NAMES = 'this is "production", the session claims "staging"'


@pytest.fixture
def company(postgres: Postgres) -> Iterator[str]:
    with postgres.fresh_database() as name:
        yield name


@pytest.fixture(scope="module")
def guard(postgres: Postgres) -> Iterator[Pgguard]:
    started = Pgguard(postgres).start()
    yield started
    started.stop()


def psql(guard: Pgguard, database: str, command: str = "select 1", **env: str) -> str:
    """What psql complains of when somebody looks around."""
    ran = guard.psql(user="ann", dbname=database, args=["-c", command], env={"PGAPPNAME": "psql", **env})
    assert ran.returncode == 0, ran.stderr
    return ran.stderr


def test_a_person_is_told(guard: Pgguard, company: str) -> None:
    assert psql(guard, company) == TOLD
    assert psql(guard, company, PGOPTIONS="-c pgguard.environment=production") == ""
    assert psql(guard, company, PGOPTIONS="-c client_min_messages=warning") == ""
    assert psql(guard, company, PGAPPNAME="nightly") == ""
    assert psql(guard, "pgguard", "show version") == ""


def test_drivers_hear_nothing_new(guard: Pgguard, company: str) -> None:
    for parameters in ({}, {"application_name": "shop"}):
        with Raw.connect(guard, "ann", company, parameters=parameters) as raw:
            assert [message.kind for message in raw.query("select 1")] == ["T", "D", "C", "Z"]
    with Raw(guard.host, guard.port) as raw:
        said = raw.sign_in("ann", company, "ann-secret", {"application_name": "psql"})
    assert [message.kind for message in said][-2:] == ["N", "Z"]
    assert said[-2].fields == {"S": "NOTICE", "V": "NOTICE", "C": "00000", "M": 'this is "production"'}


def test_nobody_is_told_where_nothing_is_stopped(
    postgres: Postgres, company: str, start_guard: Start, tmp_path: Path
) -> None:
    assert psql(start_guard(postgres, PRODUCTION, "--observe"), company) == ""
    off = policy_file(tmp_path, "version: 1\nenvironment: production\nenvironment_notice: off\n")
    assert psql(start_guard(postgres, off), company) == ""


def test_a_migration_for_elsewhere_is_stopped_before_its_first_statement(
    postgres: Postgres, company: str, guard: Pgguard
) -> None:
    claim = {"PGOPTIONS": "-c pgguard.environment=staging"}
    migration = "create table step_one (id int);\nalter table accounts add column step_two int;\n"
    for arguments in (["-1"], [], ["-v", "ON_ERROR_STOP=1"]):
        ran = guard.psql(migration, user="ann", dbname=company, args=arguments, env=claim)
        assert BOTH_NAMES in ran.stderr
        assert ran.stdout == ""
    with guard.connect("ann", company, autocommit=False, options="-c pgguard.environment=staging") as connection:
        with pytest.raises(psycopg.Error, match=BOTH_NAMES) as refused:
            connection.execute("select 1")  # psycopg's own BEGIN goes first, and is refused
        assert refused.value.sqlstate == "PGG01"
        connection.rollback()

    assert postgres.value("select to_regclass('step_one') is null", dbname=company)


def test_started_in_front_of_another_server(postgres: Postgres, tmp_path: Path) -> None:
    text = 'version: 1\nserver: {name: shop-primary, system_identifier: "7710169664855417377"}\n'
    ran = run_pgguard(
        "serve", "--listen", "127.0.0.1:0", "--upstream", f"{postgres.host}:{postgres.port}",
        "--policies", str(policy_file(tmp_path, text)), "--state", f"sqlite:///{tmp_path}/state.db",
        "--admin-dsn", postgres.dsn("pgguard_admin"),
    )  # fmt: skip

    identifier = postgres.value("select system_identifier::text from pg_control_system()")
    assert ran.returncode == 2
    assert f"is for system_identifier 7710169664855417377, this server is {identifier}" in ran.stderr


def test_another_server_behind_the_address(postgres15: Postgres, postgres18: Postgres, start_guard: Start) -> None:
    """Sessions that are there go on; nobody new gets in, whoever he is, until the right server is back."""
    with Line(postgres15) as line:
        guard = start_guard(postgres15, PRODUCTION, "--upstream", f"{line.host}:{line.port}")
        with guard.connect("ann", "company") as before:
            line.lead_to(postgres18)
            with pytest.raises(psycopg.OperationalError, match="not the server that pgguard is for"):
                guard.connect("ann", "company")
            assert before.execute("select count(*) from accounts").fetchone() == (200,)
        line.lead_to(postgres15)
        guard.connect("ann", "company").close()


def test_another_server_behind_pgguards_own_connection(
    postgres15: Postgres, postgres18: Postgres, start_guard: Start
) -> None:
    """What it says is of another server: nothing is judged by it."""
    with Line(postgres15) as line:
        dsn = postgres15.dsn("pgguard_admin").replace(f":{postgres15.port}/", f":{line.port}/")
        guard = start_guard(postgres15, PRODUCTION, "--admin-dsn", dsn)
        with guard.connect("ann", "company") as connection:
            connection.execute("select count(*) from accounts")
            line.lead_to(postgres18)
            line.cut()
            with pytest.raises(psycopg.Error, match="its system_identifier is") as refused:
                connection.execute("delete from accounts")
            assert refused.value.sqlstate == "PGG06"
            line.lead_to(postgres15)
            line.cut()
            with pytest.raises(psycopg.Error) as refused:
                connection.execute("delete from accounts")
            assert refused.value.sqlstate == "PGG02"
