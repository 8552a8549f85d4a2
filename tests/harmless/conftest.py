"""A server of each version with a pgguard in front of it, started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from harmless.lane import Lane
from live.postgres import bindir_of


@pytest.fixture(scope="session", params=[15, 18], ids=["pg15", "pg18"])
def lane(request: pytest.FixtureRequest) -> Iterator[Lane]:
    if bindir_of(request.param) is None:
        pytest.skip(f"PostgreSQL {request.param} is not installed")
    found = Lane(request.param)
    yield found
    found.stop()
