"""Whose consent a request needs, whether those who said yes are enough, and what they allow together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

MOST_USES = 1000
LONGEST = 31 * 86_400.0  # seconds that an approval can be good for


@dataclass(frozen=True, slots=True)
class Terms:
    """What one approver allows: ``at_most`` rows in all (None: as measured), ``uses`` times, for ``seconds`` (None: as
    the policy says); ``token``: only for whoever has the token."""

    at_most: int | None = None
    uses: int = 1
    seconds: float | None = None
    token: bool = False


AS_ASKED = Terms()


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's yes. ``groups``: those of the approver groups that the person belonged to when saying it."""

    person: str
    groups: frozenset[str]
    terms: Terms = AS_ASKED


def missing(by: Sequence[str], needs: int, votes: Iterable[Vote]) -> dict[str, int]:
    """How many more people each group has to send, ``needs`` from each; empty: it is enough.

    A person counts for one group only, whichever is best for all: else one who is in every group would be a crowd.
    """
    people = {vote.person: vote.groups for vote in votes}
    places = [group for group in dict.fromkeys(by) for _ in range(needs)]
    taken: dict[int, str] = {}
    for person in people:
        _seat(person, people, places, taken, set())
    empty = [group for at, group in enumerate(places) if at not in taken]
    return {group: empty.count(group) for group in dict.fromkeys(empty)}


def _seat(
    person: str, people: Mapping[str, frozenset[str]], places: Sequence[str], taken: dict[int, str], tried: set[int]
) -> bool:
    """Finds the person a place, and others another one where that makes room (augmenting paths)."""
    for at, group in enumerate(places):
        if group not in people[person] or at in tried:
            continue
        tried.add(at)
        if at not in taken or _seat(taken[at], people, places, taken, tried):
            taken[at] = person
            return True
    return False


def together(votes: Sequence[Vote], lost: int | None) -> Terms:
    """The strictest of what they allow. ``lost``: the rows that were measured, which is what somebody allows who says
    no number; None: there is no such measure, and who says no number sets no limit."""
    said = [vote.terms.at_most for vote in votes]
    numbers = [number for number in (lost if one is None else one for one in said) if number is not None]
    least = min(numbers, default=None)
    if None in said and least == lost:
        least = None  # as measured, table by table
    seconds = [vote.terms.seconds for vote in votes if vote.terms.seconds is not None]
    # Somebody who named no time agreed to the policy's, which the others must not stretch.
    whole = len(seconds) == len(votes)
    return Terms(
        least, min((vote.terms.uses for vote in votes), default=1), min(seconds) if whole and seconds else None,
        any(vote.terms.token for vote in votes),
    )  # fmt: skip


def crowd(by: Sequence[str], needs: int) -> str:
    """``a member of "dba"``; ``2 members of "dba"``; ``a member of "dba" and a member of "security"``."""
    many = f"{needs} members" if needs > 1 else "a member"
    return " and ".join(f'{many} of "{group}"' for group in by)


def still(missed: Mapping[str, int]) -> str:
    """The same for those that are ``missing``."""
    return " and ".join(crowd((group,), number) for group, number in missed.items())
