"""Notifications arrive once, whole, and where PostgreSQL would have sent them, also while replies are kept back."""

from __future__ import annotations

import pytest
from live import frontend as f
from live.endpoint import Endpoint
from live.postgres import Postgres
from live.raw import Raw

pytestmark = pytest.mark.live

ASLEEP = "select exists (select from pg_stat_activity where pid = {pid} and wait_event = 'PgSleep')"
SLEEPY = "update notes set n = 1 where id <= 4 and pg_sleep(0.1) is not null"

# What the listener does: steps that are answered, what runs when somebody else notifies, and what comes behind.
SCENES = {
    "a read": ([], f.query("select pg_sleep(0.4)"), []),
    "a measured query": ([], f.query(SLEEPY), []),
    "several measured in a query": ([], f.query(f"delete from notes where n = 7; {SLEEPY}; select 2"), []),
    "a measured query in a block": ([f.query("begin")], f.query(SLEEPY), [f.query("select 1"), f.query("commit")]),
    "a block that is rolled back": ([f.query("begin")], f.query(SLEEPY), [f.query("rollback")]),
    "a measured pipeline": ([], f.run(SLEEPY) + f.run("select 2") + f.sync(), []),
    "a measured query that fails": ([], f.query(f"{SLEEPY}; select 1/0"), []),
    "a query with its own block": ([], f.query(f"begin; {SLEEPY}; commit; select 2"), []),
    "code": ([], f.query("do $$ begin update notes set n = 1 where id = 3; perform pg_sleep(0.4); end $$"), []),
}


@pytest.mark.parametrize("name", SCENES)
def test_somebody_notifies_meanwhile(server: Postgres, sides: list[tuple[Endpoint, str]], name: str) -> None:
    steps, last, behind = SCENES[name]
    said = []
    for endpoint, database in sides:
        with Raw.connect(endpoint, "ann", database) as raw, server.connect("bob", database) as other:
            for step in (f.query("listen jobs"), *steps):
                raw.ask(step)
            raw.send(last)
            server.wait_until(ASLEEP.format(pid=raw.pid))
            for number in range(3):
                other.execute(f"notify jobs, '{number}'".encode())
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
    refused = f"notify jobs, 'mine'; update notes set n = 1 where n = 0; {SLEEPY}"
    with Raw.connect(guard, "ann", database) as raw, server.connect("bob", database) as other:
        raw.query("listen jobs")
        raw.send(f.query(refused))
        server.wait_until(ASLEEP.format(pid=raw.pid))
        other.execute("notify jobs, 'theirs'")
        messages = [*raw.until_ready(), *raw.query("select 'the end'")]

    assert [m.fields["C"] for m in messages if m.kind == "E"] == ["PGG02"]
    assert [line for line in raw.transcript(messages) if line.startswith("NotificationResponse")] == [
        "NotificationResponse from other jobs 'theirs'"
    ]


def test_at_rest_it_arrives_at_once(server: Postgres, sides: list[tuple[Endpoint, str]]) -> None:
    guard, database = sides[1]
    with Raw.connect(guard, "ann", database) as raw, server.connect("bob", database) as other:
        raw.query("listen jobs")
        raw.query(SLEEPY)
        other.execute("notify jobs, 'now'")
        assert raw.transcript([raw.read()]) == ["NotificationResponse from other jobs 'now'"]
