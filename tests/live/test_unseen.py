"""Measuring cannot be seen: what PostgreSQL's regression scripts once showed of it, each as a script of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from live.endpoint import Endpoint
from live.pgguard import PRODUCTION, Pgguard, policy_file
from live.postgres import Postgres

pytestmark = pytest.mark.live

Folders = pytest.TempPathFactory

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
    "what deferred triggers say": """
        create table parent (a int primary key);
        create table child (a int references parent on update cascade deferrable initially deferred);
        create function tell() returns trigger language plpgsql as $$
            begin raise notice 'TABLE: %, OP: %, NEW: %', tg_relname, tg_op, new; return null; end $$;
        create constraint trigger told after insert or update on child deferrable initially deferred
            for each row execute function tell();
        insert into parent values (1), (2);
        insert into child values (1), (2);
        update parent set a = a + 10 where a > 0;
        begin; update parent set a = a + 10 where a > 0; select 'before'; commit;
        insert into child values (99);
        select * from child;
    """,
    "a function that does what no block allows": """
        create function f() returns void language sql as 'vacuum';
        create function g() returns void language plpgsql as 'begin vacuum; end';
        select f();
        select g();
        select f(); select 1;
        begin; select f(); rollback;
        vacuum; select 1 \\; vacuum;
    """,
}
# Nothing of it is ever beyond a limit, but everything is measured, and what cannot be is let through.
MEASURING = """
version: 1
limits: [{name: everybody, rows: 1000000000, beyond: refuse}]
rules: [{name: upkeep, match: {kind: [maintenance, server]}, then: allow-unmeasured}]
"""


@pytest.fixture(scope="module", params=["observing", "measuring"])
def guard(server: Postgres, request: pytest.FixtureRequest, tmp_path_factory: Folders) -> Iterator[Pgguard]:
    measuring = policy_file(tmp_path_factory.mktemp("policy"), MEASURING)
    arguments = (PRODUCTION, "--observe") if request.param == "observing" else (measuring,)
    started = Pgguard(server, *arguments).start()
    yield started
    started.stop()


def printed(server: Postgres, endpoint: Endpoint, script: str) -> str:
    """What psql prints for the superuser, in a fresh database."""
    with server.fresh_database() as database:
        ran = endpoint.psql(script, user="postgres", dbname=database, args=["-a", "-q"])
        return ran.stdout + ran.stderr


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_prints_the_same(server: Postgres, guard: Pgguard, name: str) -> None:
    expected = printed(server, server, SCRIPTS[name])

    assert printed(server, guard, SCRIPTS[name]) == expected
