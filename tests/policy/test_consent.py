"""Enough people of each group, nobody counted twice, and never more than the strictest of them allows."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.policy.consent import Terms, Vote, crowd, missing, still, together

GROUPS = ("dba", "security", "finance")
_people = st.dictionaries(st.sampled_from("abcdef"), st.sets(st.sampled_from(GROUPS)).map(frozenset), max_size=6).map(
    lambda known: [Vote(person, groups) for person, groups in known.items()]
)
_by = st.lists(st.sampled_from(GROUPS), min_size=1, max_size=3, unique=True).map(tuple)


@pytest.mark.parametrize(
    ("by", "needs", "votes", "missed"),
    [
        (("dba",), 1, [], {"dba": 1}),
        (("dba",), 1, [("bob", "dba")], {}),
        (("dba",), 2, [("bob", "dba"), ("bob", "dba")], {"dba": 1}),
        (("dba",), 2, [("bob", "dba"), ("kim", "dba")], {}),
        (("dba", "security"), 1, [("eva", "dba security")], {"security": 1}),
        (("dba", "security"), 1, [("eva", "dba security"), ("bob", "dba")], {}),
        (("dba", "security"), 1, [("bob", "dba"), ("kim", "dba")], {"security": 1}),
        (("dba",), 1, [("sam", "security")], {"dba": 1}),
    ],
)
def test_who_is_missing(by: tuple[str, ...], needs: int, votes: list[tuple[str, str]], missed: dict[str, int]) -> None:
    said = [Vote(person, frozenset(groups.split())) for person, groups in votes]

    assert missing(by, needs, said) == missed


@given(_by, st.integers(1, 2), _people)
def test_it_is_enough_exactly_when_places_can_be_filled(by: tuple[str, ...], needs: int, votes: list[Vote]) -> None:
    places = [group for group in by for _ in range(needs)]
    enough = any(
        all(place in vote.groups for place, vote in zip(places, order, strict=True))
        for order in permutations(votes, len(places))
    )

    assert (not missing(by, needs, votes)) == enough


@given(_by, st.integers(1, 3), _people, st.randoms())
def test_the_order_of_votes_and_another_vote_never_harm(by: tuple[str, ...], needs: int, votes: list[Vote],
                                                        dice: object) -> None:  # fmt: skip
    total = sum(missing(by, needs, votes).values())
    shuffled = list(votes)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]

    assert sum(missing(by, needs, shuffled).values()) == total
    assert sum(missing(by, needs, votes[:-1]).values()) >= total


_terms = st.builds(
    Terms, st.none() | st.integers(0, 500), st.integers(1, 10), st.none() | st.floats(1, 1000), st.booleans()
)


@given(st.lists(_terms, min_size=1, max_size=5), st.integers(0, 500))
def test_together_they_allow_no_more_than_each_of_them(terms: list[Terms], lost: int) -> None:
    agreed = together([Vote(str(n), frozenset(), one) for n, one in enumerate(terms)], lost)
    allows = lost if agreed.at_most is None else agreed.at_most

    assert all(allows <= (lost if one.at_most is None else one.at_most) for one in terms)
    assert agreed.uses == min(one.uses for one in terms)
    assert agreed.token == any(one.token for one in terms)
    assert agreed.seconds is None or all(one.seconds is not None and agreed.seconds <= one.seconds for one in terms)


def test_one_alone_gets_what_he_said() -> None:
    alone = Terms(700, 5, 3600.0, True)

    assert together([Vote("bob", frozenset(), alone)], 100) == alone
    assert together([Vote("bob", frozenset(), Terms())], None) == Terms()
    assert together([Vote("bob", frozenset(), Terms(9)), Vote("kim", frozenset())], None) == Terms(9)


def test_in_words() -> None:
    assert crowd(("dba",), 1) == 'a member of "dba"'
    assert crowd(("dba", "security"), 2) == '2 members of "dba" and 2 members of "security"'
    assert still({"security": 1, "dba": 2}) == 'a member of "security" and 2 members of "dba"'
