"""A CancelRequest ends the statement that runs, measured or not, and leaves what PostgreSQL itself would have left."""

from __future__ import annotations

import random
import threading

import pytest
from live import frontend as f
from live.endpoint import Endpoint
from live.postgres import Postgres
from live.raw import Raw, cancel
from live.waiting import PATIENCE

pytestmark = pytest.mark.live

ASLEEP = "select exists (select from pg_stat_activity where pid = {pid} and wait_event = 'PgSleep')"
WAITING = "select exists (select from pg_locks where pid = {pid} and not granted)"
COPYING = (
    "select exists (select from pg_stat_activity where pid = {pid} and state = 'active' and wait_event = 'ClientRead')"
)
SLEEPY = "update notes set n = 1 where id <= 5 and pg_sleep(10) is not null"
INSERT = f.query("insert into notes values (4000)")
BEHIND = [f.query("select 'behind'"), f.query("commit"), f.query("select 'the end'")]

# Steps that are answered, the one that is cancelled, and when; then come BEHIND.
SCENES = {
    "a query": ([], f.query("select 1; select pg_sleep(10); select 2"), ASLEEP),
    "a measured query": ([], f.query(SLEEPY), ASLEEP),
    "several measured in a query": ([], f.query(f"delete from notes where n = 7; {SLEEPY}; select 2"), ASLEEP),
    "a block": ([f.query("begin"), INSERT], f.query(SLEEPY), ASLEEP),
    "a savepoint": ([f.query("begin"), INSERT, f.query("savepoint s")], f.query(SLEEPY), ASLEEP),
    "a query with its own block": ([], f.query(f"begin; insert into notes values (4000); {SLEEPY}; commit"), ASLEEP),
    "a pipeline": ([], f.run("insert into notes values (4000)") + f.run(SLEEPY) + f.run("select 1") + f.sync(), ASLEEP),
    "a pipeline, not synced yet": ([], f.run(SLEEPY) + f.flush(), ASLEEP),
    "code": ([], f.query("do $$ begin update notes set n = 1 where id = 3; perform pg_sleep(10); end $$"), ASLEEP),
    "a lock": ([], f.query("update notes set n = 1 where n = 0 and id = 1"), WAITING),
    "a keyed lock": ([], f.query("update notes set n = 1 where id = 1"), WAITING),
    "a copy": ([], f.query("copy notes (id) from stdin") + f.copy_data("4000\n"), COPYING),
}


@pytest.mark.parametrize("name", SCENES)
def test_what_runs_is_cancelled(server: Postgres, sides: list[tuple[Endpoint, str]], name: str) -> None:
    steps, last, when = SCENES[name]
    said, left = [], []
    for endpoint, database in sides:
        with server.connect("postgres", database, autocommit=False) as holder:
            holder.execute("select from notes where id = 1 for update")
            with Raw.connect(endpoint, "ann", database) as raw:
                for step in steps:
                    raw.ask(step)
                raw.send(last)
                server.wait_until(when.format(pid=raw.pid))
                cancel(endpoint, raw.pid, raw.key)
                if name == "a copy":  # the server does not look up from reading before there is something
                    raw.send(f.copy_data("4001\n") + f.copy_done())
                lines = raw.transcript(raw.until("E"))
                holder.rollback()
                raw.send(f.sync())  # ends what was not synced, and else does nothing
                lines += raw.transcript(raw.until_ready())
                if not last.endswith(f.flush()):
                    lines += raw.transcript(raw.until_ready())
                lines += [line for step in BEHIND for line in raw.transcript(raw.ask(step))]
            said.append(lines)
        left.append(server.sql("select id, n from notes where n <> 0 or id = 4000 order by id", dbname=database))

    assert any("C='57014'" in line for line in said[0])
    assert said[1] == said[0]
    assert left == [[], []]


@pytest.mark.parametrize("in_block", [False, True])
def test_what_waits_in_front_of_the_server_is_cancelled(
    server: Postgres, sides: list[tuple[Endpoint, str]], in_block: bool
) -> None:
    """DDL waits there until others' statements, sent but not begun, have looked their names up."""
    guard, database = sides[1]
    with Raw.connect(guard, "ann", database) as reader, Raw.connect(guard, "ann", database) as raw:
        reader.send(f.query("select pg_sleep(120)") + f.query("select 2"))
        server.wait_until(ASLEEP.format(pid=reader.pid))
        if in_block:
            raw.query("begin")
        raw.send(f.query("create table nosuch (id int)"))
        assert raw.is_quiet(0.2)
        cancel(guard, raw.pid, raw.key)
        error, end = raw.until_ready()
        assert {k: error.fields[k] for k in "SCM"} == {
            "S": "ERROR",
            "C": "57014",
            "M": "canceling statement due to user request",
        }
        assert end.tag == ("E" if in_block else "I")
        assert raw.query("rollback")[-1].tag == "I"
        assert server.value("select to_regclass('nosuch') is null", dbname=database)
        cancel(guard, reader.pid, reader.key)
        assert [message.kind for message in reader.until_ready()] == ["T", "E", "Z"]
        assert [message.kind for message in reader.until_ready()] == ["T", "D", "C", "Z"]


def test_nobody_is_cancelled_without_the_key(server: Postgres, sides: list[tuple[Endpoint, str]]) -> None:
    guard, database = sides[1]
    with (
        server.connect("ann", database) as holder,
        Raw.connect(guard, "ann", database) as raw,
        Raw.connect(guard, "ann", database) as other,
    ):
        holder.execute("select pg_advisory_lock(4711)")
        raw.send(f.query("select pg_advisory_lock_shared(4711)"))
        server.wait_until(WAITING.format(pid=raw.pid))
        cancel(guard, raw.pid, other.key)
        cancel(guard, other.pid, other.key)  # it is idle
        holder.execute("select pg_advisory_unlock(4711)")
        assert [message.kind for message in raw.until_ready()] == ["T", "D", "C", "Z"]
        assert other.query("select 1")[1].row == [b"1"]


def test_at_any_moment(server: Postgres, sides: list[tuple[Endpoint, str]]) -> None:
    """Also behind the statement, while it is counted, looked at from outside, or committed: an answer is the truth."""
    guard, _ = sides[1]
    pace = random.Random(7)
    measured = f.query("update notes set n = n + 1 where id <= 40 and pg_sleep(0.00005) is not null")
    done = 0
    with server.fresh_database() as database, Raw.connect(guard, "ann", database) as raw:
        for round_ in range(40):
            in_block = round_ % 3 == 0
            if in_block:
                raw.query("begin")
            canceller = threading.Timer(pace.random() * 0.01, cancel, (guard, raw.pid, raw.key))
            canceller.start()
            answer = raw.ask(measured)
            canceller.join(PATIENCE)
            assert not canceller.is_alive()
            kinds = [message.kind for message in answer]
            # A cancel that finds nothing to end can end what comes right behind it, as it does without pgguard.
            ended = raw.query("commit") if in_block else answer
            if kinds == ["C", "Z"] and ended[0].kind == "C" and ended[0].tag != "ROLLBACK":
                done += 1
            else:
                assert {message.fields["C"] for message in (*answer, *ended) if message.kind == "E"} <= {"57014"}
            assert raw.query("rollback")[-1].tag == "I"
            assert server.value("select sum(n) from notes", dbname=database) == done * 40
