"""One request as it is kept, and its way into and out of a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from pgguard.policy.binding import Approval, NewRequest
from pgguard.policy.consent import Vote

_CONTENT = TypeAdapter(NewRequest)
_VOTES = TypeAdapter(tuple[Vote, ...])


class State(StrEnum):
    """Where a request stands. Stored as it was last written; ``lifecycle.state`` says what it is now."""

    OPEN = "open"
    APPROVED = "approved"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    USED = "used"
    EXPIRED = "expired"
    REVIEW = "to review"  # it went ahead without approval
    REVIEWED = "reviewed"


@dataclass(frozen=True, slots=True)
class Request:
    """A filed request. ``expires``: when its present state ends; ``jti``: set when only a token's bearer may use it.

    ``votes``: who said yes while it is not enough yet; ``uses``: as often as it was approved for, ``remaining`` of
    them left; ``outcome``: what became of the latest transaction that it let through, "" when nobody saw it.
    ``last_rows``: rows lost in the latest try (None: not measured), for people only: what an approval lets through
    comes from ``asked.measurement``, which is that of the first try.
    """

    number: int
    digest: str
    state: State
    asked: NewRequest
    tries: int
    filed: float
    expires: float
    decided_by: str = ""
    decided: float | None = None
    denial: str = ""
    at_most: int | None = None
    jti: str = ""
    used: float | None = None
    last_rows: int | None = None
    votes: tuple[Vote, ...] = ()
    uses: int = 1
    remaining: int = 1
    outcome: str = ""

    @property
    def requester(self) -> str:
        return self.asked.binding.caller

    @property
    def rows(self) -> int | None:
        """Updated plus deleted rows as measured; None when it could not be measured."""
        return self.asked.rows

    @property
    def recurring(self) -> bool:
        """It was approved for more than one run, and can be so again."""
        return self.uses > 1

    def approval(self, left: float = 0.0) -> Approval:
        """What this request lets through once approved (the caller has asked ``lifecycle`` whether it is), ``left``
        seconds before that expires.

        With ``at_most`` the ceilings are shared out as the measured rows were, so that all tables together
        never exceed what the person wrote.
        """
        measurement = self.asked.measurement
        if measurement is None:
            return Approval(self.number, self.decided_by, unmeasured=True, at_most=self.at_most, left=left)
        total = measurement.lost
        ceilings: dict[int, int] = {}
        for table in measurement.tables:
            lost = table.rows.lost
            share = lost if self.at_most is None or not total else lost * self.at_most // total
            ceilings[table.oid] = ceilings.get(table.oid, 0) + share
        destroyed = frozenset((gone.kind, gone.name, gone.how) for gone in measurement.destroyed)
        sizes = {(gone.kind, gone.name, gone.how): (gone.oid, gone.rows) for gone in measurement.destroyed}
        made = frozenset((finding.check, finding.says) for finding in self.asked.made)
        return Approval(
            self.number, self.decided_by, ceilings, destroyed, sizes=sizes, at_most=self.at_most, left=left, made=made
        )


def content(asked: NewRequest) -> str:
    """The request as JSON, for the row."""
    return _CONTENT.dump_json(asked).decode()


def votes_kept(votes: tuple[Vote, ...]) -> str:
    """Votes as JSON, for the row."""
    return _VOTES.dump_json(votes).decode()


def votes_of(kept: str) -> tuple[Vote, ...]:
    """What ``votes_kept`` wrote. Raises ValueError for anything else."""
    return _VOTES.validate_json(kept)


def from_row(row: Mapping[str, Any]) -> Request:
    """The request in a row. Raises ValueError when the row is not what ``content`` wrote."""
    values = {key: value for key, value in row.items() if key in Request.__slots__}
    values["state"] = State(values["state"])
    values["votes"] = votes_of(values["votes"])
    return Request(asked=_CONTENT.validate_json(row["content"]), **values)
