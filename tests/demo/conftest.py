"""Servers to try the demonstration's own machinery on."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgguard.demo.embedded import wheel_bindir

DEBIAN = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(scope="session", params=["wheel", "debian15"])
def bindir(request: pytest.FixtureRequest) -> Path:
    """The programs of the wheel's server, and of the oldest one that is supported, where it is installed."""
    if request.param == "wheel":
        return wheel_bindir()
    if not (DEBIAN / "initdb").exists():
        pytest.skip("PostgreSQL 15 is not installed")
    return DEBIAN
