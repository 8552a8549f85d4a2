"""The pure decisions over a request: what state it is in now, and who may do what to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from pgguard.policy.consent import LONGEST, MOST_USES, Terms, crowd
from pgguard.store.moments import TOLERANCE
from pgguard.store.request import Request, State
from pgguard.store.trust import Known, distrust

UNANSWERED = 24 * 3600.0  # seconds after which a request that nobody answered expires
MOST_OPEN = 20  # open requests of one caller

NO_SUCH = "42704"  # undefined_object
NOT_NOW = "55000"  # object_not_in_prerequisite_state
NOT_YOU = "42501"  # insufficient_privilege
WRONG = "22023"  # invalid_parameter_value


@dataclass(frozen=True, slots=True)
class Approver:
    """Somebody who answers requests: the login, the approver ``groups`` it belongs to, all ``roles`` it is a member of,
    and for how long each group wants a login to be known."""

    name: str
    groups: Collection[str]
    roles: Collection[str] = ()
    seen_for: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an approve, deny or withdraw. ``sqlstate`` "" means done; else ``says`` is why not, in words.
    ``state``: what the request is in now."""

    number: int
    says: str
    sqlstate: str = ""
    hint: str = ""
    token: str = ""
    expires: float | None = None
    state: str = ""

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
    """The state at ``now``: an open request or an unused approval ends when its time is over.

    FAIL CLOSED: so does an approval that was given later than now. The clock was set back, and how long ago that was is
    not known any more.
    """
    if request.state is State.APPROVED and (request.decided is None or request.decided > now + TOLERANCE):
        return State.EXPIRED
    if request.state in (State.OPEN, State.APPROVED) and request.expires <= now:
        return State.EXPIRED
    return request.state


def usable(request: Request, now: float) -> str:
    """Why the request is not an approval that can still be spent, its number aside; "" when it is one.

    ``requests.Store.claim`` says the same in the WHERE of its UPDATE; a test holds the two together.
    """
    match state(request, now):
        case State.APPROVED:
            return "" if request.remaining > 0 else "it was used already"
        case State.OPEN:
            return "it is not approved yet"
        case State.DENIED:
            return f"it was denied: {request.denial}"
        case State.WITHDRAWN:
            return "it was withdrawn"
        case State.USED:
            return "it was used already"
        case State.EXPIRED:
            return "it expired"
        case State.REVIEW | State.REVIEWED:
            return "it is no approval: it went ahead without one"


def denies(request: Request, now: float) -> bool:
    """Whether a refusal of the same thing is still to be respected."""
    return request.state is State.DENIED and request.expires > now


def may_approve(request: Request, now: float, by: Approver, terms: Terms, known: Known) -> Answer | None:
    """None when ``by`` may approve the request now, on these terms; else why not."""
    number = request.number
    if request.requester == by.name:
        return Answer(number, f"you cannot approve your own request {number}", NOT_YOU,
                      f"Somebody else has to approve it: {crowd(request.asked.by, request.asked.needs)}.")  # fmt: skip
    if (refused := _not_in_a_group(request, by.groups)) is not None:
        return refused
    if not may_count_for(request, now, by, known):
        wanted = min(by.seen_for.get(group, 0.0) for group in request.asked.by if group in by.groups)
        why = distrust(by.name, by.roles, request.requester, wanted, known, now)
        return Answer(number, f"you do not count as a second person for request {number}: {why}", NOT_YOU,
                      "Somebody else of the group has to approve it.")  # fmt: skip
    if any(vote.person == by.name for vote in request.votes):
        return Answer(number, f"you approved request {number} already", NOT_NOW)
    renewed = request.recurring and request.state in (State.APPROVED, State.USED, State.EXPIRED)
    if not renewed and state(request, now) is not State.REVIEW and (refused := _not_open(request, now)) is not None:
        return refused
    return _wrong_terms(request, terms)


def may_count_for(request: Request, now: float, by: Approver, known: Known) -> frozenset[str]:
    """The request's approver groups for which ``by`` counts as a second person."""
    return frozenset(
        group
        for group in request.asked.by
        if group in by.groups
        and not distrust(by.name, by.roles, request.requester, by.seen_for.get(group, 0.0), known, now)
    )


def _wrong_terms(request: Request, terms: Terms) -> Answer | None:
    number = request.number
    if terms.at_most is not None and request.asked.measurement is None:
        return Answer(number, f"request {number} could not be measured: AT MOST cannot hold", WRONG)
    if terms.at_most is not None and terms.at_most < 0:
        return Answer(number, "AT MOST must not be negative", WRONG)
    if not 1 <= terms.uses <= MOST_USES:
        return Answer(number, f"USES must be a number from 1 to {MOST_USES}", WRONG)
    if terms.seconds is not None and not 0 < terms.seconds <= LONGEST:
        return Answer(number, f"FOR must be longer than nothing and at most {LONGEST / 86_400:g} days", WRONG)
    return None


def may_deny(request: Request, now: float, by: Approver) -> Answer | None:
    """None when ``by`` may deny the request now; else why not. One's own request may be denied, and so may an approval
    that was not used up. To look at what went ahead alone is for somebody else."""
    if (refused := _not_in_a_group(request, by.groups)) is not None:
        return refused
    state_now = state(request, now)
    if state_now is State.REVIEW and request.requester == by.name:
        return Answer(request.number, f"you cannot review your own request {request.number}", NOT_YOU,
                      "Somebody else has to look at what went ahead.")  # fmt: skip
    return None if state_now in (State.APPROVED, State.REVIEW) else _not_open(request, now)


def may_withdraw(request: Request, now: float, by: str) -> Answer | None:
    """None when ``by`` may take the request back, approved or not; else why not."""
    number = request.number
    if request.requester != by:
        return Answer(number, f"only its requester can withdraw request {number}", NOT_YOU,
                      "An approver can deny it.")  # fmt: skip
    return None if state(request, now) is State.APPROVED else _not_open(request, now)


def _not_in_a_group(request: Request, groups: Collection[str]) -> Answer | None:
    number = request.number
    if not set(request.asked.by).isdisjoint(groups):
        return None
    names = " or ".join(f'"{group}"' for group in request.asked.by)
    return Answer(number, f"request {number} needs approver group {names}", NOT_YOU,
                  "You are in none of its roles, or the policy in force has no such group.")  # fmt: skip


def _not_open(request: Request, now: float) -> Answer | None:
    now_state = state(request, now)
    if now_state is State.OPEN:
        return None
    by = f" by {request.decided_by}" if request.decided_by and now_state not in (State.EXPIRED, State.WITHDRAWN) else ""
    return Answer(request.number, f"request {request.number} is not open: {now_state.value}{by}", NOT_NOW)
