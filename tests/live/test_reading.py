"""Statements that run what their text does not show, through pgguard: the reading says that they reach it."""

from __future__ import annotations

import pytest
from live.pgguard import Pgguard
from live.postgres import Postgres
from live.raw import Raw
from live.refusals import from_raw

pytestmark = pytest.mark.live

MADE_BEFORE = """
set role ann;
create function checks(int) returns bool language plpgsql as $$ begin perform public.purge(); return true; end $$;
create domain checked as int check (public.checks(value));
create function adds(checked, int) returns checked language sql as 'select $1';
"""


def test_an_aggregate_tries_its_initial_value_on_a_domain(server: Postgres, guard: Pgguard, database: str) -> None:
    """CREATE AGGREGATE gives the value to the input function of the state's type, and a domain's runs its checks."""
    server.sql(MADE_BEFORE, dbname=database)
    with Raw.connect(guard, "ann", database) as client:
        refused = from_raw(client.query("create aggregate a(int) (sfunc = adds, stype = checked, initcond = '1')"))

    assert ("PGG02", {"invoices": (300, "deleted")}) == (refused.sqlstate, refused.rows)
    assert server.value("select count(*) from invoices", dbname=database) == 300
