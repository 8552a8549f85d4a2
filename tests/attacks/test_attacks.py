"""Each attack does harm to a plain server, and none through pgguard with the shipped production policy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from live.endpoint import Endpoint
from live.postgres import Postgres

from tests.attacks.cases import Case, load
from tests.attacks.conftest import Guards
from tests.attacks.harm import Harm, harm, look
from tests.attacks.steps import Attack, filled

pytestmark = pytest.mark.live

CASES = load()
ENOUGH = 150


@contextmanager
def _fresh(server: Postgres, case: Case) -> Iterator[str]:
    """A database for this case alone."""
    name = f"test_{abs(hash((case.name, server.version))) % 10**12}"
    server.sql(f"create database {name} template company owner ann strategy file_copy")
    try:
        for user, scripts in (("postgres", case.superuser), ("ann", case.setup)):
            _prepare(server, user, name, scripts)
        yield name
    finally:
        server.sql(f"drop database if exists {name} with (force)")
        _prepare(server, "postgres", "postgres", case.cleanup)


def _prepare(server: Postgres, user: str, database: str, scripts: tuple[str, ...]) -> None:
    if scripts:
        with server.connect(user, database) as direct:
            for script in scripts:
                direct.execute(filled(script, server, database).encode())


def _attack(server: Postgres, endpoint: Endpoint, case: Case) -> tuple[list[Harm], list[str]]:
    with _fresh(server, case) as database:
        before = look(server, database)
        states = Attack(case, server, endpoint, database).run()
        server.wait_until(
            f"select not exists (select from pg_stat_activity where datname = '{database}'"
            " and usename not in ('pgguard_admin', 'postgres') and backend_type = 'client backend')"
        )
        for (gid,) in server.sql("select gid from pg_prepared_xacts where database = %s", [database]):
            server.sql(f"rollback prepared '{gid}'", dbname=database)  # it holds locks
        return harm(before, look(server, database, before)), states


def _for(case: Case, server: Postgres) -> None:
    if server.version not in case.servers:
        pytest.skip(f"does no harm on {server.version}")


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_it_does_harm_without_a_guard(server: Postgres, case: Case) -> None:
    _for(case, server)
    found, states = _attack(server, server, case)

    assert case.harm in {harm.kind for harm in found}, (states, found)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_it_does_none_through_pgguard(
    server: Postgres, guards: Guards, case: Case, request: pytest.FixtureRequest
) -> None:
    _for(case, server)
    if case.known:
        request.applymarker(pytest.mark.xfail(reason=case.known, strict=True, raises=AssertionError))
    found, states = _attack(server, guards.next(), case)

    assert not found, (states, [str(harm) for harm in found])
    assert case.quiet or any(state.startswith("PGG") for state in states), f"not stopped by pgguard: {states}"


def test_there_are_enough() -> None:
    assert ENOUGH <= len(CASES)
