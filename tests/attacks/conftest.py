"""One server of each version, and a pgguard with the shipped production policy in front of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from live.pgguard import Pgguard
from live.postgres import Postgres, bindir_of


class Guards:
    """pgguard files at most 20 open requests per caller, so that one process serves some cases and then makes room."""

    CASES = 15

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._guard: Pgguard | None = None
        self._used = 0

    def next(self) -> Pgguard:
        if self._guard is not None and (self._used >= self.CASES or not self._guard.is_running()):
            self.stop()
        if self._guard is None:
            self._guard, self._used = Pgguard(self._server).start(), 0
        self._used += 1
        return self._guard

    def stop(self) -> None:
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.stop()


@pytest.fixture(scope="session", params=[15, 18], ids=["pg15", "pg18"])
def server(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    if bindir_of(request.param) is None:
        pytest.skip(f"PostgreSQL {request.param} is not installed")
    server = Postgres(request.param).start()
    try:
        server.create_company()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def guards(server: Postgres) -> Iterator[Guards]:
    guards = Guards(server)
    yield guards
    guards.stop()
