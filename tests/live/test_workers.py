"""Several workers are one pgguard: what one does the others know; budgets, audit, console, cancel are everybody's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from live import frontend as f
from live.pgguard import Pgguard, policy_file
from live.postgres import Postgres
from live.raw import Raw, cancel
from live.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.live

Connection = psycopg.Connection[Any]

WORKERS = 3
POLICY = """
version: 1
callers: {people: {not_roles: [app]}}
approvers: {dba: {roles: [dba]}}
console: {admins: [dba]}
approval: {by: dba, expires: 30m}
limits:
  - {name: people, match: {caller: people}, rows: 100, beyond: approve}
budgets:
  - {name: slow-bleed, match: {caller: people}, per: [caller, database], rows: 50, window: 10m, beyond: approve}
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    return policy_file(tmp_path, POLICY)


@pytest.fixture
def guard(server: Postgres, policy: Path) -> Iterator[Pgguard]:
    guard = Pgguard(server, policy, "--workers", str(WORKERS)).start()
    try:
        yield guard
        guard.stop()
    finally:
        guard.discard()


@pytest.fixture
def database(server: Postgres) -> Iterator[str]:
    with server.fresh_database() as name:
        yield name


@pytest.fixture
def each(guard: Pgguard, database: str) -> Iterator[list[Connection]]:
    """A session of ann's in each worker."""
    opened: list[Connection] = []
    found: dict[str, Connection] = {}
    while len(found) < WORKERS:
        assert len(opened) < 200, "the kernel gives all connections to the same workers"
        opened.append(guard.connect("ann", database))
        pid = str(opened[-1].info.backend_pid)
        (worker,) = [row[-1] for row in console(guard, "show sessions") if row[0] == pid]
        found.setdefault(worker, opened[-1])
    yield [found[worker] for worker in sorted(found)]
    for connection in opened:
        connection.close()


def console(guard: Pgguard, command: str, user: str = "bob") -> list[tuple[Any, ...]]:
    return guard.sql(command, user=user, dbname="pgguard")


def counted(guard: Pgguard, database: str, what: str) -> int:
    """Of SHOW STATS."""
    columns = ["database", "statements", "proved", "measured", "held", "refused"]
    (row,) = [row for row in console(guard, "show stats") if row[0] == database]
    return int(row[columns.index(what)])


def answer(connection: Connection, statement: str) -> str:
    """Its tag, or the SQLSTATE of the error."""
    try:
        return str(connection.execute(statement.encode()).statusmessage)
    except psycopg.Error as error:
        return str(error.sqlstate)


def lost(server: Postgres, database: str) -> int:
    number: int = server.value("select 1000 - count(*) from notes", dbname=database)
    return number


HARMFUL = "begin delete from notes where id <> new.id; return new; end"


def test_a_write_is_judged_by_what_was_changed_in_another_worker(
    server: Postgres, database: str, each: list[Connection]
) -> None:
    """As soon as one client has its CommandComplete, the other's keyed UPDATE is not proved by what was so before."""
    first, *others = each
    first.execute("create function touch() returns trigger language plpgsql as 'begin return new; end'")
    first.execute("create trigger touch before update on notes for each row execute function touch()")
    for turn in range(12):
        connection = others[turn % len(others)]
        assert answer(connection, f"update notes set n = {turn} where id = 1") == "UPDATE 1"
        first.execute(f"create or replace function touch() returns trigger language plpgsql as '{HARMFUL}'")
        said = answer(connection, "update notes set n = -1 where id = 1")

        assert said == "PGG02", (turn, said)
        assert lost(server, database) == 0
        first.execute("create or replace function touch() returns trigger language plpgsql as 'begin return new; end'")


def test_nothing_is_proved_while_another_worker_has_ddl_open(
    guard: Pgguard, database: str, each: list[Connection]
) -> None:
    first, *others = each
    for n, writer in enumerate(others, 1):
        assert answer(writer, f"update notes set n = 1 where id = {n}") == "UPDATE 1"
    assert counted(guard, database, "measured") == 0
    first.execute("begin")
    first.execute("create function f() returns int language sql as 'select 1'")
    for n, writer in enumerate(others, 1):
        assert answer(writer, f"update notes set n = 2 where id = {n}") == "UPDATE 1"
    while_open = counted(guard, database, "measured")
    first.execute("rollback")
    for n, writer in enumerate(others, 1):
        assert answer(writer, f"update notes set n = 3 where id = {n}") == "UPDATE 1"

    assert while_open >= len(others)
    assert counted(guard, database, "measured") == while_open


IN_SLEEP = "select exists (select from pg_stat_activity where pid = {} and wait_event = 'PgSleep')"
IDLE = "select state = 'idle' from pg_stat_activity where pid = {}"
BUSY = f.query("select pg_sleep(2)") + f.query("select abs(-1)")  # the second one waits for its turn on the server


def test_ddl_waits_for_what_another_worker_has_under_way(
    server: Postgres, database: str, guard: Pgguard, each: list[Connection]
) -> None:
    """What waits for its turn is judged already: no name in it may come to mean something else."""
    with Raw.connect(guard, "ann", database) as busy:
        for n, connection in enumerate(each):
            busy.send(BUSY)
            server.wait_until(IN_SLEEP.format(busy.pid))
            connection.execute(f"create function f{n}() returns int language sql as 'select 1'".encode())

            assert server.value(IDLE.format(busy.pid), dbname="postgres")
            assert busy.until_ready() and busy.until_ready()


@pytest.mark.parametrize("turn", range(4))
def test_a_cancel_request_may_come_to_any_worker(
    server: Postgres, database: str, guard: Pgguard, each: list[Connection], turn: int
) -> None:
    """The statement waits in its worker for what another one has under way: the server knows nothing of it yet."""
    with Raw.connect(guard, "ann", database) as busy, Raw.connect(guard, "ann", database) as maker:
        busy.send(f.query("select pg_sleep(120)") + f.query("select abs(-1)"))
        server.wait_until(IN_SLEEP.format(busy.pid))
        maker.send(f.query("create function f() returns int language sql as 'select 1'"))
        wait_until(lambda: (str(maker.pid), "other sessions") in waits(guard), guard.logs)
        cancel(guard, maker.pid, maker.key)
        said = maker.transcript(maker.until_ready())

        assert any("57014" in line for line in said), said
        assert not server.value("select to_regproc('f') is not null", dbname=database)
        cancel(guard, busy.pid, busy.key)


def waits(guard: Pgguard) -> list[tuple[str, str]]:
    return [(row[0], row[6]) for row in console(guard, "show sessions")]


def test_a_budget_is_one_for_all_of_them(
    server: Postgres, database: str, guard: Pgguard, each: list[Connection]
) -> None:
    """To the row: each deletes by key, in turn or at once, whatever worker it talks to."""
    for key in range(1, 31):
        assert answer(each[key % WORKERS], f"delete from notes where id = {key}") == "DELETE 1"
    told: list[str] = []

    def go_on(connection: Connection, keys: range) -> None:
        told.extend(answer(connection, f"delete from notes where id = {key}") for key in keys)

    threads = [threading.Thread(target=go_on, args=(connection, range(100 * n, 100 * n + 30)))
               for n, connection in enumerate(each, 1)]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)

    assert lost(server, database) == 50
    assert told.count("DELETE 1") == 20
    assert set(told) == {"DELETE 1", "PGG02"}, guard.logs()
    assert len(console(guard, "show requests")) == 1
    assert [row for row in console(guard, "show budgets") if "slow-bleed" in row]


def test_an_approval_goes_for_every_worker_and_once(
    server: Postgres, database: str, guard: Pgguard, each: list[Connection]
) -> None:
    statement = "delete from orders"
    assert {answer(connection, statement) for connection in each} == {"PGG02"}
    guard.approve(1)
    said = [answer(connection, statement) for connection in reversed(each)]

    assert sorted(said)[0].startswith("DELETE")
    assert len([one for one in said if one.startswith("DELETE ") and one != "DELETE 0"]) == 1


def test_the_audit_is_one_chain(guard: Pgguard, database: str, each: list[Connection]) -> None:
    for n, connection in enumerate(each, 1):
        answer(connection, f"delete from notes where id = {n}")
        answer(connection, "delete from notes")
    records = guard.records_with(lambda record: record["verdict"] == "proved" and "id = 3" in record["statement"])
    verified = guard.cli("audit", "verify", str(guard.audit))

    assert verified.returncode == 0, verified.stderr
    assert len([record for record in records if record["verdict"] == "hold"]) == WORKERS
    assert len({record["session"] for record in records if record["verdict"] == "hold"}) == WORKERS


def test_the_console_sees_and_steers_all_of_them(guard: Pgguard, database: str, each: list[Connection]) -> None:
    rows = [row for row in console(guard, "show sessions") if row[1] == "ann"]
    assert {row[-1] for row in rows} == {str(n) for n in range(WORKERS)}
    before = counted(guard, database, "statements")
    for connection in each:
        connection.execute("select 1")
    assert counted(guard, database, "statements") == before + WORKERS

    ((until, busy),) = console(guard, "pause '5m'")
    assert (bool(until), busy) == (True, "0")
    waiting = [threading.Thread(target=connection.execute, args=(b"select 1",)) for connection in each]
    for one in waiting:
        one.start()
    wait_until(lambda: [state for _, state in waits(guard)].count("resume") == WORKERS, guard.logs)
    console(guard, "resume")
    for one in waiting:
        one.join(PATIENCE)
        assert not one.is_alive()

    for connection in each:
        console(guard, f"kill {connection.info.backend_pid}")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")


def test_a_new_policy_is_in_force_everywhere_when_reload_answers(
    guard: Pgguard, policy: Path, each: list[Connection]
) -> None:
    for n, connection in enumerate(each):
        assert answer(connection, f"delete from notes where id in ({n * 2 + 1}, {n * 2 + 2})") == "DELETE 2"
    policy.write_text(POLICY.replace("rows: 100", "rows: 1"))
    console(guard, "reload")
    for n, connection in enumerate(each):
        assert answer(connection, f"delete from notes where id in ({n + 100}, {n + 200})") == "PGG02"

    policy.write_text("version: 1\nnonsense: 1\n")
    with pytest.raises(psycopg.Error, match="nonsense"):
        console(guard, "reload")
