"""One server of each version, and a pgguard with the shipped production policy in front of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from live.pgguard import Pgguard
from live.postgres import Postgres, bindir_of

from tests.attacks.cases import Case
from tests.attacks.ground import Ground

VERSIONS = [version for version in (15, 18) if bindir_of(version) is not None]


class Guards:
    """One process serves many cases. Beyond 20 open requests it refuses without filing another: cases in which
    somebody approves get a new one."""

    CASES = 60

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._guard: Pgguard | None = None
        self._used = 0

    def next(self, case: Case) -> Pgguard:
        approves = any(isinstance(step, dict) and "approve" in step for step in case.steps)
        if self._guard is not None and (self._used >= self.CASES or approves or not self._guard.is_running()):
            self.stop()
        if self._guard is None:
            self._guard, self._used = Pgguard(self._server).start(), 0
        self._used += 1
        return self._guard

    def stop(self) -> None:
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.stop()


class Stand:
    """One server and all that stands in front of it."""

    def __init__(self, version: int) -> None:
        self.server = Postgres(version).start()
        self.ground = Ground(self.server)
        self.guards = Guards(self.server)

    def stop(self) -> None:
        try:
            self.guards.stop()
        finally:
            self.server.stop()


class Stands(dict[int, Stand]):
    """By version, each started when it is first asked for."""

    def __missing__(self, version: int) -> Stand:
        stand = self[version] = Stand(version)
        stand.server.create_company()
        return stand


@pytest.fixture(scope="session")
def stands() -> Iterator[Stands]:
    stands = Stands()
    yield stands
    for stand in stands.values():
        stand.stop()
