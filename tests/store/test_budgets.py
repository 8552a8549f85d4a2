"""What was spent comes back as it was written, each node's own, and a store that is away says so."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from pgguard.errors import StoreUnavailable
from pgguard.policy.account import Place
from pgguard.store.budgets import Saved
from pgguard.store.requests import Store

ANN: Place = ("slow-bleed", "rows", (("caller", "ann"), ("database", "shop")))
EVE: Place = ("slow-bleed", "rows", (("caller", 'e"v\\e'), ("database", "shop")))
SPENT = Saved(600.0, [(1000.5, 3, 1), (1001.0, 4, 2)], [("ann", 500, 2000.0)])


async def test_what_was_written_is_read(store: Store) -> None:
    kept = store.budgets("one")
    await kept.write({ANN: SPENT, EVE: Saved(60.0, [], [])})

    assert await kept.read() == {ANN: SPENT, EVE: Saved(60.0, [], [])}
    assert await store.budgets("two").read() == {}


async def test_the_last_writing_counts(store: Store) -> None:
    kept = store.budgets("one")
    await kept.write({ANN: SPENT, EVE: SPENT})
    await kept.write({ANN: None, EVE: Saved(600.0, [(1002.0, 9, 1)], [])})

    assert await kept.read() == {EVE: Saved(600.0, [(1002.0, 9, 1)], [])}


async def test_two_nodes_do_not_meet(store: Store) -> None:
    await store.budgets("one").write({ANN: SPENT})
    await store.budgets("two").write({ANN: None})

    assert await store.budgets("one").read() == {ANN: SPENT}


async def test_a_broken_row_is_no_account(store: Store) -> None:
    """FAIL CLOSED: what was spent is not known, so nobody begins as if it were nothing."""
    kept = store.budgets("one")
    await kept.write({ANN: SPENT})
    async with store._writes.begin() as connection:
        await connection.execute(sa.text("UPDATE pgguard_budgets SET content = '[]'"))

    with pytest.raises(StoreUnavailable, match="budgets could not be kept"):
        await kept.read()
