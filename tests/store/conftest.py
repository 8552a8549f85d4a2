"""A fresh store on each engine, on a clock that the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from live.endpoint import password_of
from live.postgres import Postgres, bindir_of

from pgguard.store.moments import Moments
from pgguard.store.requests import Store
from tests.store.requests_at_hand import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def state_server() -> Iterator[Postgres]:
    """A PostgreSQL that keeps states, one database for each test."""
    if bindir_of(15) is None:
        pytest.skip("PostgreSQL 15 is not installed")
    server = Postgres(15).start()
    try:
        server.sql(f"create role keeper login createdb password '{password_of('keeper')}'")
        yield server
    finally:
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def state_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a state can be kept, empty."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/state.db"
        return
    server: Postgres = request.getfixturevalue("state_server")
    with server.fresh_database(template="template1") as name:
        server.sql(f"alter database {name} owner to keeper")
        yield server.dsn("keeper", name)


@pytest.fixture
async def store(state_url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    # A patient deadline: what is tested here is what the store answers, not how busy the machine is.
    store = await Store.open(state_url, tmp_path / "state.token-key", Moments(clock, lambda: 0.0), deadline=20.0)
    yield store
    await store.close()
