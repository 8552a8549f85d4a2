"""pgguard's own connections to a database go with its last client."""

from __future__ import annotations

import pytest
from live.pgguard import Pgguard
from live.postgres import Postgres

pytestmark = pytest.mark.live
OURS = "from pg_stat_activity where usename = 'pgguard_admin' and datname = '{}'"


def test_a_database_that_everybody_left_can_be_dropped(server: Postgres, guard: Pgguard) -> None:
    server.sql("create database brief template company owner ann")
    with guard.connect("ann", "brief") as first:
        with guard.connect("ann", "brief") as second:
            second.execute("delete from notes where id between 1 and 5")
        first.execute("delete from notes where id between 6 and 9")
        assert server.value("select count(*) > 0 " + OURS.format("brief"))

    server.wait_until("select not exists (select from pg_stat_activity where datname = 'brief')")
    server.sql("drop database brief")

    server.sql("create database brief template company owner ann")
    try:
        with guard.connect("ann", "brief") as another:
            assert another.execute("delete from notes where id between 1 and 5").rowcount == 5
    finally:
        server.sql("drop database brief with (force)")


def test_they_stay_while_somebody_is_there(server: Postgres, guard: Pgguard, database: str) -> None:
    with guard.connect("ann", database) as stays:
        stays.execute("delete from notes where id between 1 and 5")
        with guard.connect("ann", database) as leaves:
            leaves.execute("select 1")
        stays.execute("select pg_sleep(3)")
        assert server.value("select count(*) > 0 " + OURS.format(database))
        assert stays.execute("delete from notes where id between 6 and 9").rowcount == 4
