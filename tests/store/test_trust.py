"""A login counts as a second person when it is known for long enough and the requester did not change it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.store.trust import ANY, Change, Known, distrust

HOUR = 3600.0
NOW = 1_000_000.0


@pytest.mark.parametrize(
    ("first_seen", "began", "believed"),
    [
        (NOW - HOUR, 0.0, True),
        (NOW - HOUR + 1, 0.0, False),
        (NOW, 0.0, False),
        (NOW + 10, 0.0, False),  # the clock was set back
        (NOW - 10, NOW - 20, True),  # the store itself is that young
        (NOW - 10, NOW - 10 - HOUR, False),
    ],
)
def test_how_long_it_is_known(first_seen: float, began: float, believed: bool) -> None:
    assert (distrust("eve", (), "ann", HOUR, Known(first_seen, began), NOW) == "") == believed


@pytest.mark.parametrize(
    ("changes", "believed"),
    [
        ([Change("bob", "ann", 1.0)], False),
        ([Change("bob", "ann", 1.0), Change("bob", "root", 2.0)], True),
        ([Change("bob", "root", 1.0), Change("bob", "ann", 2.0)], False),
        ([Change("bob", "eve", 1.0)], True),
        ([Change("team", "ann", 1.0)], False),  # bob is a member of it
        ([Change("other", "ann", 1.0)], True),
        ([Change(ANY, "ann", NOW - 1)], False),
        ([Change(ANY, "ann", NOW - HOUR)], True),
        ([Change(ANY, "eve", NOW - 1)], True),
    ],
)
def test_who_changed_it(changes: list[Change], believed: bool) -> None:
    known = Known(-1e9, -1e9, tuple(changes))

    assert (distrust("bob", {"bob", "team"}, "ann", HOUR, known, NOW) == "") == believed


_names = st.sampled_from(["ann", "bob", "eve", ANY])
_changes = st.lists(st.builds(Change, _names, _names, st.floats(0, NOW)), max_size=6).map(tuple)


@given(_changes, st.floats(0, NOW), st.floats(0, NOW))
def test_a_requesters_own_change_is_never_believed_at_once(
    changes: tuple[Change, ...], first_seen: float, began: float
) -> None:
    mine = Change("bob", "ann", NOW + 1)

    assert distrust("bob", {"bob"}, "ann", HOUR, Known(first_seen, began, (*changes, mine)), NOW)
