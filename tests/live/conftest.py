"""Servers and pgguard processes for the live tests; a server is started once, a database is made for each test."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from live.certificates import Authority
from live.endpoint import Endpoint
from live.pgguard import PRODUCTION, Pgguard
from live.postgres import Postgres, bindir_of


def _server(version: int) -> Iterator[Postgres]:
    if bindir_of(version) is None:
        pytest.skip(f"PostgreSQL {version} is not installed")
    server = Postgres(version).start()
    try:
        server.create_company()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session", autouse=True)
def _orderly_end() -> Iterator[None]:
    """SIGTERM ends the tests as Ctrl-C does: servers started by them must not outlive them."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def postgres15() -> Iterator[Postgres]:
    yield from _server(15)


@pytest.fixture(scope="session")
def postgres18() -> Iterator[Postgres]:
    yield from _server(18)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Signs the certificates of both sides."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def secure(authority: Authority) -> Iterator[Postgres]:
    """A PostgreSQL 15 that accepts TLS; the embedded 18 is built without it."""
    if bindir_of(15) is None:
        pytest.skip("PostgreSQL 15 is not installed")
    server = Postgres(15).start()
    try:
        server.use_certificate(*authority.issue("server.example"))
        server.create_company()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Postgres:
    """Whichever one there is, the older first: for what does not depend on the version."""
    server: Postgres = request.getfixturevalue("postgres15" if bindir_of(15) else "postgres18")
    return server


@pytest.fixture(scope="session", params=[15, 18], ids=["pg15", "pg18"])
def server(request: pytest.FixtureRequest) -> Postgres:
    """Each version in turn: for what a version could do in its own way."""
    found: Postgres = request.getfixturevalue(f"postgres{request.param}")
    return found


@pytest.fixture
def database(server: Postgres) -> Iterator[str]:
    """A fresh copy of the company on ``server``."""
    with server.fresh_database() as name:
        yield name


class _Rota:
    """pgguard files at most 20 open requests per caller, and knows every database that it has seen: one process serves
    tests for a while, and then makes room."""

    TESTS = 40
    REQUESTS = 10

    def __init__(self, server: Postgres) -> None:
        self.server = server
        self.guard: Pgguard | None = None
        self.used = 0

    def next(self) -> Pgguard:
        if self.guard is not None and (not self.guard.is_running() or self._is_full(self.guard)):
            self.stop()
        if self.guard is None:
            self.guard, self.used = Pgguard(self.server).start(), 0
        self.used += 1
        return self.guard

    def _is_full(self, guard: Pgguard) -> bool:
        return self.used >= self.TESTS or guard.most_requests() >= self.REQUESTS

    def discard(self) -> None:
        guard, self.guard = self.guard, None
        if guard is not None:
            guard.discard()

    def stop(self) -> None:
        guard, self.guard = self.guard, None
        if guard is not None:
            guard.stop()


@pytest.fixture(scope="session")
def _rota(server: Postgres) -> Iterator[_Rota]:
    rota = _Rota(server)
    yield rota
    rota.stop()


@pytest.fixture
def guard(_rota: _Rota, database: str) -> Iterator[Pgguard]:
    """A pgguard with the shipped production policy in front of ``server``, shared with other tests."""
    found = _rota.next()
    yield found
    try:
        assert found.is_running(), found.logs()
        found.assert_logs_are_clean()
    except AssertionError:
        _rota.discard()  # the next test is not to blame for what this one's logs hold
        raise


@pytest.fixture(scope="module")
def sides(server: Postgres) -> Iterator[list[tuple[Endpoint, str]]]:
    """The company twice, to do the same to both: directly, and through a pgguard of the module's own. What a test
    leaves behind it leaves in both."""
    guard = Pgguard(server).start()
    try:
        with server.fresh_database() as direct, server.fresh_database() as guarded:
            yield [(server, direct), (guard, guarded)]
    except BaseException:
        guard.discard()
        raise
    guard.stop()


@pytest.fixture
def start_guard() -> Iterator[Callable[..., Pgguard]]:
    """Starts a pgguard of the test's own: ``start_guard(server, policies, *arguments)``."""
    started: list[Pgguard] = []

    def start(upstream: Postgres, policies: Path = PRODUCTION, *arguments: str) -> Pgguard:
        guard = Pgguard(upstream, policies, *arguments).start()
        started.append(guard)
        return guard

    yield start
    failures = []
    for guard in started:
        try:
            guard.stop()
        except BaseException as error:
            failures.append(error)
    if failures:
        raise failures[0]
