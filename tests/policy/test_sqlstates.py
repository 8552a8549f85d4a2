"""The SQLSTATEs: all explained, none in a class on which drivers retry or hang up."""

from __future__ import annotations

from pgguard.policy import sqlstates


def test_every_sqlstate_is_explained() -> None:
    named = {v for k, v in vars(sqlstates).items() if k.isupper() and isinstance(v, str)}
    assert named == set(sqlstates.MEANINGS) == {f"PGG0{i}" for i in range(1, 7)}


def test_no_class_that_drivers_act_on() -> None:
    assert not [s for s in sqlstates.MEANINGS if s.startswith(("08", "40", "57P", "00", "01", "02"))]
