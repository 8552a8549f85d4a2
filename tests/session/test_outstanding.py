"""What one owed reply knows: which messages it looks at, and when it is over."""

from __future__ import annotations

import pytest

from pgguard.session.outstanding import HOLD, RELAY, SWALLOW, Step, Unit
from pgguard.wire.backend import encode_error
from pgguard.wire.framing import EVERY


@pytest.mark.parametrize(
    ("asked", "completes"),
    [("P", "1"), ("B", "2"), ("C", "3"), ("D", "Tn"), ("E", "CIs"), ("S", "Z"), ("Q", "Z"), ("F", "Z")],
)
def test_what_completes_a_message(asked: str, completes: str) -> None:
    step = Step(ord(asked), RELAY)

    assert {chr(c) for c in range(256) if step.completed_by(c)} == set(completes)


def test_every_unit_looks_at_errors_readiness_names_copy_and_parameters() -> None:
    unit = Unit()
    for unit.synced, unit.wants_tags in ((False, False), (True, False), (True, True)):
        assert all(unit.stops()[code] for code in b"EZ13GS")
        assert not unit.stops()[ord("D")]
    assert unit.stops()[ord("C")]


def test_rows_of_ours_are_kept_and_those_of_the_client_pass_as_slices() -> None:
    ours, theirs = Step(ord("E"), SWALLOW), Step(ord("E"), HOLD)
    ours.take(b"D\0\0\0\x0b\0\1\0\0\0\1x")
    ours.take(b"C\0\0\0\x0dSELECT 1\0")

    assert ours.stops() == EVERY
    assert not theirs.stops()[ord("D")]
    assert (ours.rows, ours.tag) == ([[b"x"]], "SELECT 1")


def test_the_sqlstate_of_a_failure() -> None:
    step = Step(ord("Q"), HOLD)
    assert step.sqlstate == ""

    step.error = encode_error({"C": "57014", "M": "x"})
    assert step.sqlstate == "57014"
