"""The stands of the tools' tests: one for each version of PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from live.certificates import Authority
from live.postgres import bindir_of

from tests.tools import table
from tests.tools.stand import Stand


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session", params=[15, 18], ids=["pg15", "pg18"])
def stand(request: pytest.FixtureRequest, authority: Authority) -> Iterator[Stand]:
    if bindir_of(request.param) is None:
        pytest.skip(f"PostgreSQL {request.param} is not installed")
    found = Stand(request.param, authority)
    try:
        yield found
    finally:
        found.stop()


@pytest.fixture
def needs() -> Callable[[str, str, Path | None], None]:
    """Skips a test of ``make test-tools`` whose tool is not there, which the table then says of it."""

    def check(kind: str, name: str, path: Path | None) -> None:
        if path is None:
            return
        if not os.environ.get("TEST_TOOLS"):
            pytest.skip("make test-tools")
        if not path.exists():
            table.record(kind, name, "", "", "untested: it could not be installed")
            pytest.skip(f"{name} is not installed")

    return check
