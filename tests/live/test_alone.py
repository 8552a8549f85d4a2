"""Statements that cannot run in a transaction, while other sessions hold locks, change objects or write."""

from __future__ import annotations

import pytest
from live import frontend as f
from live.pgguard import Pgguard
from live.postgres import Postgres
from live.raw import Raw
from live.refusals import from_raw

pytestmark = pytest.mark.live

INDEX = "create index concurrently on notes (n)"


def tags(raw: Raw, sql: str) -> str:
    return "".join(message.kind for message in raw.query(sql))


@pytest.mark.parametrize("extended", [False, True])
def test_nothing_that_runs_alone_gets_a_begin(
    server: Postgres, guard: Pgguard, database: str, extended: bool
) -> None:
    """What was proved of it could be wrong when the other commits; DISCARD ALL is of the session alone."""
    index = "create index concurrently on notes (lower(body))"
    with Raw.connect(guard, "ann", database) as other, Raw.connect(guard, "ann", database) as client:

        def state(text: str) -> str:
            said = client.ask(f.run(text), f.sync()) if extended else client.query(text)
            return next((message.fields["C"] for message in said if message.kind == "E"), "")

        other.query("begin; create table fresh (id int)")
        assert ["", "PGG05", "", "PGG05", ""] == [
            state(text) for text in ("discard all", "vacuum notes", "discard all", index, INDEX)
        ]

        other.query("commit")
        assert ["", "", ""] == [state(text) for text in ("vacuum notes", "discard all", index)]
        client.query("begin")
        assert state("vacuum notes") == "25001"


def test_an_index_is_made_while_a_migration_tool_holds_its_lock(
    server: Postgres, guard: Pgguard, database: str
) -> None:
    """As Sqitch does it: one connection locks the tool's own table, psql runs the change."""
    with Raw.connect(guard, "ann", database) as tool, Raw.connect(guard, "ann", database) as psql:
        tool.query("begin; lock table invoices in exclusive mode; update invoices set amount = 0 where id = 1")
        assert tags(psql, INDEX) == "CZ"
        assert tags(tool, "commit") == "CZ"

    assert server.value("select count(*) from pg_index where indrelid = 'notes'::regclass", dbname=database) == 2


def test_an_index_is_made_while_others_write(server: Postgres, guard: Pgguard, database: str) -> None:
    """A proved write that waits on the server for a lock."""
    with (
        server.connect("ann", database, autocommit=False) as direct,
        Raw.connect(guard, "ann", database) as writer,
        Raw.connect(guard, "ann", database) as psql,
    ):
        direct.execute("update invoices set amount = 1 where id = 1")
        writer.send(f.query("update invoices set amount = 2 where id = 1"))
        server.wait_until(f"select wait_event_type = 'Lock' from pg_stat_activity where pid = {writer.pid}")
        psql.send(f.query(INDEX))
        server.wait_until(f"select query like 'create index%' from pg_stat_activity where pid = {psql.pid}")
        direct.rollback()
        assert "".join(message.kind for message in psql.until_ready()) == "CZ"
        assert "".join(message.kind for message in writer.until_ready()) == "CZ"


def test_what_could_run_code_waits_until_nobody_changes_objects(
    server: Postgres, guard: Pgguard, database: str
) -> None:
    index = "create index concurrently on notes (lower(body))"
    with Raw.connect(guard, "ann", database) as other, Raw.connect(guard, "ann", database) as psql:
        other.query("begin; create table fresh (id int)")
        refused = from_raw(psql.query(index))
        assert refused.sqlstate == "PGG05"
        assert "another session is changing objects" in refused.message
        other.query("rollback")
        assert tags(psql, index) == "CZ"
