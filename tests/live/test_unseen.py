"""An observing pgguard cannot be seen: what PostgreSQL's regression scripts once showed, as scripts of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from live.endpoint import Endpoint
from live.pgguard import PRODUCTION, Pgguard
from live.postgres import Postgres

pytestmark = pytest.mark.live

SCRIPTS = {
    "a role that may not call a built-in function": """
        begin;
        revoke all on function int8(integer) from public;
        set session authorization ann;
        select '{1}'::int4[]::int8[];
        rollback;
    """,
    "REINDEX and CLUSTER of what is partitioned": """
        create function f(int) returns int language plpgsql immutable as 'begin return $1; end';
        create table p (a int) partition by range (a);
        create table p1 partition of p for values from (0) to (10);
        create index pa on p (a);
        create index pf on p (f(a));
        reindex table p;
        reindex index pf;
        cluster p using pa;
        begin;
        reindex index pf;
        rollback;
    """,
}


@pytest.fixture(scope="module")
def observing(server: Postgres) -> Iterator[Pgguard]:
    guard = Pgguard(server, PRODUCTION, "--observe").start()
    yield guard
    guard.stop()


def printed(server: Postgres, endpoint: Endpoint, script: str) -> str:
    """What psql prints for the superuser, in a fresh database."""
    with server.fresh_database() as database:
        ran = endpoint.psql(script, user="postgres", dbname=database, args=["-a", "-q"])
        return ran.stdout + ran.stderr


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_prints_the_same(server: Postgres, observing: Pgguard, name: str) -> None:
    expected = printed(server, server, SCRIPTS[name])

    assert printed(server, observing, SCRIPTS[name]) == expected
