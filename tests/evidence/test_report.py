"""A Measurement says the worst first and leaves out the transaction's own tables."""

from __future__ import annotations

from pgguard.evidence.measurement import Destroyed, Rows
from pgguard.evidence.report import measurement


def test_worst_first_named_and_sized() -> None:
    rows = {1: Rows(deleted=2), 2: Rows(updated=50, deleted=1), 3: Rows(deleted=900), 4: Rows(inserted=5)}
    made = measurement(rows, {1: "s.a", 2: "s.b", 4: "s.d"}, (Destroyed("view", "s.v"),), {1}, {2: 60}, created={3})
    assert [(t.name, t.named, t.total) for t in made.tables] == [
        ("s.b", False, 60), ("s.a", True, None), ("s.d", False, None)
    ]  # fmt: skip
    assert (made.updated, made.deleted, made.lost) == (50, 3, 53)
    assert made.destroyed[0].name == "s.v"
    assert measurement({9: Rows(deleted=1)}, {}).tables[0].name == "relation 9"
