"""The servers of the transcripts: PostgreSQL with the sample company, one of each version for all pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from live.postgres import Postgres, bindir_of

from tests.docs.stand import company_server


@pytest.fixture(scope="session", params=[15, 18])
def server(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """PostgreSQL with the sample company."""
    if bindir_of(request.param) is None:
        pytest.skip(f"PostgreSQL {request.param} is not installed")
    with company_server(request.param) as server:
        yield server
