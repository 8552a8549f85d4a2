"""A fresh store in a file, on a clock that the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pgguard.store.requests import Store
from tests.store.requests_at_hand import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    # A patient deadline: what is tested here is what the store answers, not how busy the machine is.
    store = await Store.open(f"sqlite:///{tmp_path}/state.db", clock=clock, deadline=5.0)
    yield store
    await store.close()
