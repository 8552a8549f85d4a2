"""What looks like the backfill of a new column, or like emptying an empty table, and takes something else."""

from __future__ import annotations

import pytest
from live import frontend as f
from live.pgguard import Pgguard
from live.postgres import Postgres
from live.raw import Raw
from live.refusals import from_raw, snapshot

pytestmark = pytest.mark.live

ADD = "alter table notes add column x text"
ATTACKS = {
    "an old column beside the new one": [ADD, "update notes set x = '', body = ''"],
    "the old column behind the new one": [ADD, "update notes set x = 'a'", "update notes set body = 'b'"],
    "in front of the new one": ["update notes set body = 'z' where id = 1", ADD, "update notes set body = 'k'"],
    "behind a savepoint": [
        ADD, "savepoint s", "update notes set x = 'b'", "rollback to s", "update notes set body = '' where id < 300",
    ],
    "a name that moves": [
        "alter table notes rename body to d", "update notes set d = ''", "alter table notes rename d to body",
        "alter table notes add column d text",
    ],
    "a view that shows the old column under the new name": [
        "create schema n", "create view n.notes as select id, body as x from notes", ADD,
        "set local search_path = n, public", "update notes set x = ''",
    ],
    "code beside it": [ADD, "do $$ begin update notes set body = ''; end $$", "update notes set x = 'a'"],
    "a prepared statement beside it": [
        ADD, "prepare p as update notes set body = ''", "execute p", "update notes set x = 'a'",
    ],
    "a key that passes a change on": [
        "alter table notes add column k int", "update notes set k = id", "alter table notes add unique (k)",
        "alter table notes add foreign key (n) references notes (k) on update cascade not valid",
        "update notes set k = k - 1",
    ],
    "a key of a table made for it": [
        "create table fresh (k int primary key)", "insert into fresh select distinct n from notes",
        "alter table notes add foreign key (n) references fresh (k) on update cascade", ADD,
        "update fresh set k = k + 5000", "update notes set x = 'a'",
    ],
    "a count that a savepoint took back": [
        "create table fresh (id int)", "savepoint s", "truncate notes", "rollback to s",
        "do $$ begin truncate notes; end $$",
    ],
}  # fmt: skip


@pytest.mark.parametrize("together", [True, False], ids=["one string", "one by one"])
@pytest.mark.parametrize("name", ATTACKS)
def test_it_is_refused(server: Postgres, guard: Pgguard, database: str, name: str, together: bool) -> None:
    before = snapshot(server, database)
    steps = ["begin", *ATTACKS[name], "commit"]
    with Raw.connect(guard, "ann", database) as raw:
        answers = [raw.query(step) for step in (["; ".join(steps)] if together else steps)]
    refused = next(from_raw(answer) for answer in answers if any(message.kind == "E" for message in answer))

    assert refused.sqlstate.startswith("PGG")
    assert snapshot(server, database) == before


def test_a_load_that_commits_while_the_truncate_waits_is_seen(
    server: Postgres, guard: Pgguard, database: str
) -> None:
    """Whoever had counted before the lock would have seen an empty table."""
    server.sql("create table waiting (id int)", user="ann", dbname=database)
    with Raw.connect(guard, "ann", database) as raw, server.connect("ann", database, autocommit=False) as loader:
        loader.execute("insert into waiting select generate_series(1, 500)")
        raw.send(f.query("truncate waiting"))
        server.wait_until(f"select wait_event_type = 'Lock' from pg_stat_activity where pid = {raw.pid}")
        loader.commit()
        refused = from_raw(raw.until_ready())

    assert "destroys data public.waiting" in refused.message
    assert server.value("select count(*) from waiting", dbname=database) == 500
