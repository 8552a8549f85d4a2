"""The pure decisions over a request: what state it is in now, and who may do what to it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from pgguard.store.request import Request, State

UNANSWERED = 24 * 3600.0  # seconds after which a request that nobody answered expires
MOST_OPEN = 20  # open requests of one caller

NO_SUCH = "42704"  # undefined_object
NOT_NOW = "55000"  # object_not_in_prerequisite_state
NOT_YOU = "42501"  # insufficient_privilege
WRONG = "22023"  # invalid_parameter_value


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an approve or deny. ``sqlstate`` "" means done; else ``says`` is why not, in words."""

    number: int
    says: str
    sqlstate: str = ""
    hint: str = ""
    token: str = ""
    expires: float | None = None

    @property
    def refused(self) -> bool:
        return bool(self.sqlstate)


@dataclass(frozen=True, slots=True)
class TooMany:
    """A request that was not filed: its caller has ``numbers`` open already, and that is as many as there may be."""

    numbers: tuple[int, ...]

    @property
    def why(self) -> str:
        return f"{len(self.numbers)} requests of this caller are open already (limit {MOST_OPEN})"


def state(request: Request, now: float) -> State:
    """The state at ``now``: an open request or an unused approval ends when its time is over."""
    if request.state in (State.OPEN, State.APPROVED) and request.expires <= now:
        return State.EXPIRED
    return request.state


def usable(request: Request, now: float) -> str:
    """Why the request is not an approval that can still be spent, its number aside; "" when it is one.

    ``requests.Store.claim`` says the same in the WHERE of its UPDATE; a test holds the two together.
    """
    match state(request, now):
        case State.APPROVED:
            return ""
        case State.OPEN:
            return "it is not approved yet"
        case State.DENIED:
            return f"it was denied: {request.denial}"
        case State.USED:
            return "it was used already"
        case State.EXPIRED:
            return "it expired"


def denies(request: Request, now: float) -> bool:
    """Whether a refusal of the same thing is still to be respected."""
    return request.state is State.DENIED and request.expires > now


def may_approve(
    request: Request, now: float, by: str, groups: Collection[str], at_most: int | None = None
) -> Answer | None:
    """None when ``by``, who belongs to ``groups`` of approvers, may approve the request now; else why not."""
    number = request.number
    if request.requester == by:
        return Answer(number, f"you cannot approve your own request {number}", NOT_YOU,
                      f"Somebody else of the approver group \"{request.asked.by}\" has to approve it.")  # fmt: skip
    if (refused := _may_answer(request, now, groups)) is not None:
        return refused
    if at_most is None:
        return None
    if request.asked.measurement is None:
        return Answer(number, f"request {number} could not be measured: AT MOST cannot hold", WRONG)
    if at_most < 0:
        return Answer(number, "AT MOST must not be negative", WRONG)
    return None


def may_deny(request: Request, now: float, groups: Collection[str]) -> Answer | None:
    """None when a member of ``groups`` may deny the request now; else why not. One's own request may be denied."""
    return _may_answer(request, now, groups)


def _may_answer(request: Request, now: float, groups: Collection[str]) -> Answer | None:
    number = request.number
    if request.asked.by not in groups:
        return Answer(number, f"request {number} needs approver group \"{request.asked.by}\"", NOT_YOU,
                      "You are in none of its roles, or the policy in force has no such group.")  # fmt: skip
    now_state = state(request, now)
    if now_state is State.OPEN:
        return None
    by = f" by {request.decided_by}" if request.decided_by and now_state is not State.EXPIRED else ""
    return Answer(number, f"request {number} is not open: {now_state.value}{by}", NOT_NOW)
