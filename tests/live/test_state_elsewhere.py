"""State in PostgreSQL that is slow, cut off, or alone after a crash; and a state file that came from elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from live import frontend as f
from live.endpoint import password_of
from live.pgguard import Pgguard, policy_file
from live.postgres import Postgres
from live.raw import Raw, cancel
from live.refusals import Refused, from_psycopg
from live.second_person import approve, say, told
from live.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.live

POLICY = """
version: 1
server: {name: shop}
approvers: {dba: {roles: [dba]}}
approval: {by: dba, expires: 30m}
limits:
  - {name: small, rows: 10, beyond: approve}
"""
DELETE = "delete from notes where n = 0"


@pytest.fixture
def state(postgres: Postgres) -> Iterator[str]:
    """A database that keeps states, and nothing of anybody else's."""
    postgres.sql(f"create role keeper login password '{password_of('keeper')}'")
    try:
        with postgres.fresh_database(template="template1") as name:
            postgres.sql(f"alter database {name} owner to keeper")
            yield name
    finally:
        postgres.sql("drop role keeper")


@pytest.fixture
def kept(
    postgres: Postgres, start_guard: Callable[..., Pgguard], state: str, tmp_path: Path
) -> Pgguard:
    """A pgguard with its state in PostgreSQL."""
    options = ("--state", postgres.dsn("keeper", state), "--token-key", str(tmp_path / "key"))
    return start_guard(postgres, policy_file(tmp_path, POLICY), *options)


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    with postgres.fresh_database() as name:
        yield name


def run(guard: Pgguard, database: str, *texts: str) -> str | Refused:
    """What the last one came to."""
    with guard.connect("ann", database) as connection:
        try:
            for text in texts[:-1]:
                connection.execute(text.encode())
            return connection.execute(texts[-1].encode()).statusmessage or ""
        except psycopg.Error as error:
            return from_psycopg(error)


def request(guard: Pgguard, database: str, *texts: str) -> int:
    answer = run(guard, database, *texts)
    assert isinstance(answer, Refused), answer
    assert answer.sqlstate == "PGG02", answer
    return answer.request


def once_it_is_back(guard: Pgguard, database: str, text: str) -> str | Refused:
    """The first answer that is not PGG06."""
    answers: list[str | Refused] = []

    def answered() -> bool:
        answers.append(run(guard, database, text))
        return not isinstance(answers[-1], Refused) or answers[-1].sqlstate != "PGG06"

    wait_until(answered, lambda: answers[-1])
    return answers[-1]


def test_slow_or_cut_off(kept: Pgguard, postgres: Postgres, database: str, state: str) -> None:
    number = request(kept, database, DELETE)
    approve(kept, number)
    with postgres.connect("postgres", state, autocommit=False) as holder:
        holder.execute("lock table pgguard_requests in access exclusive mode")
        answer = run(kept, database, DELETE)
        assert isinstance(answer, Refused)
        assert answer.sqlstate == "PGG06"
        with pytest.raises(psycopg.Error) as late:
            say(kept, "show requests")
        assert from_psycopg(late.value).sqlstate == "PGG06"
        # Whatever needs nothing of it goes on.
        assert run(kept, database, "select count(*) from notes") == "SELECT 1"
        assert run(kept, database, "insert into notes values (5000, 'x', 1)") == "INSERT 0 1"
        assert run(kept, database, "update notes set n = 2 where id = 5000") == "UPDATE 1"
        assert run(kept, database, "update notes set n = 2 where id > 4998") == "UPDATE 1"
        assert postgres.value("select count(*) from notes", dbname=database) == 1001
        holder.rollback()
    postgres.terminate_backends(f"datname = '{state}'")
    # What was late may have spent the approval, and never the other way round: rows without an approval.
    answer = once_it_is_back(kept, database, DELETE)
    if isinstance(answer, Refused):
        approve(kept, answer.request)
        answer = run(kept, database, DELETE)
    assert answer == "DELETE 1000"
    assert told(kept, number)["state"] == "used"


def until_commits_wait(server: Postgres) -> None:
    """For a standby, when the configuration says so: it is the checkpointer that tells the others, some time later."""
    with Raw.connect(server, "postgres", "postgres") as raw:
        raw.query("set synchronous_commit = on")
        waits = f"select wait_event = 'SyncRep' from pg_stat_activity where pid = {raw.pid}"
        while True:
            raw.send(f.query("select pg_logical_emit_message(true, 'is', 'anybody there')"))
            wait_until(lambda: not raw.is_quiet(0.1) or server.value(waits))
            if server.value(waits):
                break
            raw.until_ready()
        cancel(server, raw.pid, raw.key)
        raw.until_ready()


def test_a_crash_between_the_claim_and_the_answer_to_its_commit(
    kept: Pgguard, postgres: Postgres, database: str, state: str
) -> None:
    """The COMMIT waits for a standby that is not there, and pgguard is killed meanwhile."""
    number = request(kept, database, DELETE)
    approve(kept, number)
    postgres.sql("alter system set synchronous_standby_names = 'nobody'")
    postgres.reload()
    try:
        until_commits_wait(postgres)
        with ThreadPoolExecutor(1) as pool:
            ran = pool.submit(run, kept, database, "set synchronous_commit = on", DELETE)
            postgres.wait_until("select count(*) > 0 from pg_stat_activity where wait_event = 'SyncRep'")
            used = postgres.value(f"select state from pgguard_requests where number = {number}", dbname=state)
            assert used == "used"  # before the COMMIT
            kept.kill()
            assert isinstance(ran.result(PATIENCE), Refused)
    finally:
        postgres.sql("alter system reset synchronous_standby_names")
        postgres.reload()
    kept.start()
    request_now = told(kept, number)

    assert (request_now["state"], request_now["outcome"]) == ("used", "spent; how its COMMIT ended was not seen")
    postgres.wait_until("select count(*) = 0 from notes", dbname=database)
    postgres.sql("insert into notes select i from generate_series(1, 1000) i", dbname=database)
    assert request(kept, database, DELETE) != number


def test_a_state_file_of_another_server(
    postgres15: Postgres, postgres18: Postgres, start_guard: Callable[..., Pgguard], tmp_path: Path
) -> None:
    """Databases with the same name and number; the policy gives both servers the same name."""
    policy = policy_file(tmp_path, POLICY)
    twins = (postgres15, postgres18)
    try:
        for server in twins:
            server.sql("create database twin oid 99999 template company owner ann")
        first = start_guard(postgres15, policy)
        approve(first, request(first, "twin", DELETE))
        with_token = request(first, "twin", "delete from notes where id > 0")
        ((*_, token),) = say(first, f"approve {with_token} token")
        first.terminate()
        assert first.wait() == 0

        second = Pgguard(postgres18, policy)
        shutil.copy(first.state, second.state)
        shutil.copy(first.state.with_suffix(".token-key"), second.state.with_suffix(".token-key"))
        second.start()
        try:
            assert told(second, 1)["state"] == "approved"
            assert request(second, "twin", DELETE) > with_token
            answer = run(second, "twin", f"/* pgguard: token={token} */ delete from notes where id > 0")
            assert isinstance(answer, Refused)
            assert (answer.sqlstate, "another statement, caller, role or database" in answer.message) == ("PGG04", True)
            assert postgres18.value("select count(*) from notes", dbname="twin") == 1000
            assert told(second, 1)["state"] == "approved"  # nothing was spent either
        finally:
            second.discard()
    finally:
        for server in twins:
            server.sql("drop database if exists twin with (force)")
