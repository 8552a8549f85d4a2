"""Notifications arrive once, whole, and where PostgreSQL would have sent them, also while replies are kept back."""

from __future__ import annotations

import pytest
from live import frontend as f
from live.endpoint import Endpoint
from live.postgres import Postgres
from live.raw import Raw

pytestmark = pytest.mark.live

# What the listener runs takes as long as somebody else holds this lock.
HOLD, LET_GO = "select pg_advisory_lock(4711)", "select pg_advisory_unlock(4711)"
LOCK = "pg_advisory_xact_lock_shared(4711)"
WAITS = "select exists (select from pg_locks where pid = {pid} and not granted)"
SLOW = f"update notes set n = 1 where id <= 4 and {LOCK} is not null"

# What the listener does: steps that are answered, what runs when somebody else notifies, and what comes behind.
SCENES = {
    "a read": ([], f.query(f"select {LOCK}"), []),
    "a measured query": ([], f.query(SLOW), []),
    "several measured in a query": ([], f.query(f"delete from notes where n = 7; {SLOW}; select 2"), []),
    "a measured query in a block": ([f.query("begin")], f.query(SLOW), [f.query("select 1"), f.query("commit")]),
    "a block that is rolled back": ([f.query("begin")], f.query(SLOW), [f.query("rollback")]),
    "a measured pipeline": ([], f.run(SLOW) + f.run("select 2") + f.sync(), []),
    "a measured query that fails": ([], f.query(f"{SLOW}; select 1/0"), []),
    "a query with its own block": ([], f.query(f"begin; {SLOW}; commit; select 2"), []),
    "code": ([], f.query(f"do $$ begin update notes set n = 1 where id = 3; perform {LOCK}; end $$"), []),
}


@pytest.mark.parametrize("name", SCENES)
def test_somebody_notifies_meanwhile(server: Postgres, sides: list[tuple[Endpoint, str]], name: str) -> None:
    steps, last, behind = SCENES[name]
    said = []
    for endpoint, database in sides:
        with Raw.connect(endpoint, "ann", database) as raw, server.connect("bob", database) as other:
            for step in (f.query("listen jobs"), *steps):
                raw.ask(step)
            other.execute(HOLD)
            raw.send(last)
            server.wait_until(WAITS.format(pid=raw.pid))
            for number in range(3):
                other.execute(f"notify jobs, '{number}'".encode())
            other.execute(LET_GO)
            lines = raw.transcript(raw.until_ready())
            for step in (*behind, f.query("select 'the end'")):
                lines += raw.transcript(raw.ask(step))
        said.append(lines)

    heard = [[line for line in lines if line.startswith("NotificationResponse")] for lines in said]
    assert [line[-3:] for line in heard[0]] == ["'0'", "'1'", "'2'"]
    assert heard[1] == heard[0]
    rest = [[line for line in lines if not line.startswith("NotificationResponse")] for lines in said]
    assert rest[1] == rest[0]


def test_a_refused_statement_keeps_none_of_others_back_and_sends_none_of_its_own(
    server: Postgres, sides: list[tuple[Endpoint, str]]
) -> None:
    guard, database = sides[1]
    server.sql("update notes set n = 0", dbname=database)
    refused = f"notify jobs, 'mine'; update notes set n = 1 where n = 0; {SLOW}"
    with Raw.connect(guard, "ann", database) as raw, server.connect("bob", database) as other:
        raw.query("listen jobs")
        other.execute(HOLD)
        raw.send(f.query(refused))
        server.wait_until(WAITS.format(pid=raw.pid))
        other.execute("notify jobs, 'theirs'")
        other.execute(LET_GO)
        messages = [*raw.until_ready(), *raw.query("select 'the end'")]

    assert [m.fields["C"] for m in messages if m.kind == "E"] == ["PGG02"]
    assert [line for line in raw.transcript(messages) if line.startswith("NotificationResponse")] == [
        "NotificationResponse from other jobs 'theirs'"
    ]


def test_at_rest_it_arrives_at_once(server: Postgres, sides: list[tuple[Endpoint, str]]) -> None:
    guard, database = sides[1]
    with Raw.connect(guard, "ann", database) as raw, server.connect("bob", database) as other:
        raw.query("listen jobs")
        raw.query(SLOW)
        other.execute("notify jobs, 'now'")
        assert raw.transcript([raw.read()]) == ["NotificationResponse from other jobs 'now'"]
