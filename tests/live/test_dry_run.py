"""pgguard.dry_run through psql and psycopg-like batches: told what would happen, and nothing happens."""

from __future__ import annotations

import pytest
from live.pgguard import Pgguard
from live.postgres import Postgres
from live.refusals import CLAIM, VERBOSE, unharmed

pytestmark = pytest.mark.live

ON = {"PGOPTIONS": "-c pgguard.dry_run=on"}
WRITES = [
    "delete from accounts",
    "delete from accounts where id = 1",
    "update accounts set email = 'x' where id = 7",
    "insert into notes values (99999)",
    "truncate notes",
    "drop table accounts cascade",
    "alter table accounts drop column email cascade",
    "do $$ begin delete from accounts; end $$",
    "create table made (id int)",
    "with gone as (delete from accounts returning 1) select count(*) from gone",
    "begin; delete from accounts; commit",
    "begin; delete from accounts; drop table notes; savepoint a; delete from orders; release a; commit",
]


@pytest.mark.parametrize("text", WRITES)
def test_nothing_of_it_happens(guard: Pgguard, server: Postgres, database: str, text: str) -> None:
    with unharmed(server, database):
        ran = guard.psql(user="ann", dbname=database, args=[*VERBOSE, "-c", text], env={**CLAIM, **ON})

    assert ran.returncode == 0, ran.stderr
    assert "dry run, nothing was changed: " in ran.stderr


def test_it_is_told_as_a_table(guard: Pgguard, server: Postgres, database: str) -> None:
    ran = guard.psql(user="ann", dbname=database, args=["-c", "delete from accounts where id <= 100"], env=ON)

    assert 'it would need approval: rule "people"' in ran.stderr
    assert " table " in ran.stderr
    assert "by cascade" in ran.stderr
    assert ran.stdout == "DELETE 100\n"


def test_a_script_goes_on_as_if_it_had_happened_and_can_be_run_for_real(
    guard: Pgguard, server: Postgres, database: str
) -> None:
    script = "set pgguard.dry_run = on;\ndelete from accounts where id = 1;\nset pgguard.dry_run = off;\n"
    ran = guard.psql(script + "delete from accounts where id = 2;\n", user="ann", dbname=database)

    assert ran.stdout.split("\n")[:4] == ["SET", "DELETE 1", "SET", "DELETE 1"]
    assert server.value("select string_agg(id::text, ',') from accounts where id < 4", dbname=database) == "1,3"


def test_a_block_goes_on(guard: Pgguard, server: Postgres, database: str) -> None:
    script = "begin;\nset local pgguard.dry_run = on;\ndelete from accounts;\nselect count(*) from accounts;\ncommit;\n"
    with unharmed(server, database):
        ran = guard.psql(script, user="ann", dbname=database, args=["-At"])

    assert ran.stdout.split("\n")[-4:] == ["DELETE 200", "200", "COMMIT", ""]
