"""May it run: the one place that decides. Pure; asked again as evidence grows.

differs?          a claim of another environment refuses before anything is looked at
then: refuse      refuses as soon as it matches for certain
allow-unmeasured  lets pass what it covers wholly, unless a rule above holds it
not known yet     Measure, if it can be measured and something could still say no
known             claims, limits and rules say no; then budgets; or it is allowed
never knowable    what rules can say by the text; else the policy's ``unmeasured``
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from pgguard.evidence.measurement import Measurement
from pgguard.policy import budget as budgets
from pgguard.policy import claims, limits, rules
from pgguard.policy.budget import Spent
from pgguard.policy.match import Sight, matches, who
from pgguard.policy.model import Limit, Policy, Rule
from pgguard.policy.sqlstates import BEYOND_LIMIT, CANNOT_JUDGE, REFUSED
from pgguard.policy.verdict import Allow, Asked, Blame, Caller, Evidence, Hold, Measure, Refuse, Verdict

_NOTHING = Measurement()
_ITS_OWN = frozenset({"role", "claim", "application_name"})  # what a session can change of itself
_GONE = ("dropped", "truncated", "rewritten")


def decide(policy: Policy, asked: Asked, evidence: Evidence) -> Verdict:
    """The strictest answer of all rules, limits and claims. Never raises for anything that a client can send."""
    if refused := claims.differs(policy, asked, evidence.measurement):
        return refused
    sight = _sight(policy, asked, evidence)
    answers = [(rule, rules.answer(rule, sight)) for rule in policy.rules if rule.then != "allow-unmeasured"]
    refusing = [rule for rule, answer in answers if answer and rule.then == "refuse"]
    holding = [rule for rule, answer in answers if answer and rule.then == "approve"]
    unknown = [rule for rule, answer in answers if answer is None]
    if refusing:
        blames = (*_blames(refusing, sight), *_blames(holding, sight))
        return Refuse(REFUSED, blames, evidence.measurement, asked.findings)
    if refused := claims.missing(policy, asked, sight.lost, evidence.measurement):
        return refused
    if not holding and not evidence.at_commit and (covering := _covering(policy, sight)):
        return Allow(covering.name, unmeasured=evidence.measurement is None)
    if evidence.measurement is None and evidence.measurable:
        return _before_measuring(policy, evidence, sight, undecided=bool(holding or unknown))
    return _at_last(policy, evidence, sight, holding, unknown)


def speaks_of(policy: Policy, caller: Caller) -> bool:
    """Whether any limit, rule or claim could ever say no to this caller. If not, nothing has to be judged for it."""
    sight = who(caller, policy.groups_of(caller.user))
    return (
        claims.speak_of(policy, caller)
        or any(limits.speaks(limit, sight) is not False for limit in policy.limits)
        or bool(budgets.speaking(policy, sight))
        or any(
            matches(rule.match, sight, who_only=True) is not False
            for rule in policy.rules
            if rule.then != "allow-unmeasured"
        )
    )


def could_speak_of(policy: Policy, caller: Caller) -> bool:
    """The same, whatever the session makes of itself: another role, claim or application_name. If not, nothing that it
    sends has to be read."""
    sight = who(caller, policy.groups_of(caller.user))
    every = [*policy.limits, *policy.budgets, *(rule for rule in policy.rules if rule.then != "allow-unmeasured")]
    return (
        bool(policy.claims.missing or policy.claims.differs)
        or any(matches(_whoever(one.match), sight, who_only=True) is not False for one in every)
    )  # fmt: skip


def _whoever(match: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {key: wanted for key, wanted in match.items() if key not in _ITS_OWN}


def share_stops(policy: Policy, asked: Asked, measurement: Measurement) -> tuple[tuple[int, int], ...]:
    """(table OID, count up to) for each table whose size must be known before ``decide`` can answer."""
    sight = who(asked.caller, policy.groups_of(asked.caller.user))
    return limits.stops((one for one in policy.limits if limits.speaks(one, sight) is not False), measurement)


def _sight(policy: Policy, asked: Asked, evidence: Evidence) -> Sight:
    groups = policy.groups_of(asked.caller.user)
    if evidence.measurement is not None:
        return Sight(asked, groups, evidence.measurement, evidence.measurement.destroyed)
    if evidence.harmless or evidence.bound is not None:
        return Sight(asked, groups, _NOTHING, (), by_text=True)
    if not evidence.measurable:
        lost = rules.text_loses(asked.statements)
        return Sight(asked, groups, Measurement(destroyed=lost), lost, by_text=True)
    return Sight(asked, groups, None, None)


def _blames(matched: list[Rule], sight: Sight) -> list[Blame]:
    return [rules.blame(rule, sight) for rule in sorted(matched, key=lambda rule: rule.name)]


def _covering(policy: Policy, sight: Sight) -> Rule | None:
    allowing = (rule for rule in policy.rules if rule.then == "allow-unmeasured" and rules.covers(rule, sight))
    return min(allowing, key=lambda rule: rule.name, default=None)


def _before_measuring(policy: Policy, evidence: Evidence, sight: Sight, *, undecided: bool) -> Verdict:
    """Measure wherever something could still say no: a hold needs the measurement in its request, too."""
    if undecided:
        return Measure()
    if evidence.harmless:
        return Allow()
    speaking = [one for one in policy.limits if limits.speaks(one, sight) is not False]
    if evidence.bound is not None:
        deleted = evidence.bound_deleted
        crossed = any(limits.crossed_by_bound(x, evidence.bound, deleted) for x in speaking)
        return Measure() if crossed or any(one.beyond for one in evidence.spent) else Allow()
    spoken = speaking or budgets.speaking(policy, sight) or claims.speak_of(policy, sight.asked.caller)
    return Measure() if spoken else Allow()


def _at_last(policy: Policy, evidence: Evidence, sight: Sight, held: list[Rule], unknown: list[Rule]) -> Verdict:
    """No more evidence will come: what is not known now is refused."""
    findings, measurement = sight.asked.findings, evidence.measurement
    speaking = [(x, answer) for x in policy.limits if (answer := limits.speaks(x, sight)) is not False]
    crossings = [(x, answer, blame) for x, answer in speaking if (blame := _crossed(x, evidence))]
    crossings.sort(key=lambda c: (-limits.excess(c[0], measurement or _NOTHING), c[0].name))
    if unclear := [*unknown, *(limit for limit, answer, _ in crossings if answer is None)]:
        says = "cannot be evaluated: too little is known"
        blames = tuple(Blame(x.name, says, x.digest) for x in unclear)
        return Refuse(CANNOT_JUDGE, blames, measurement, findings)
    refusing = [blame for limit, _, blame in crossings if limit.beyond == "refuse"]
    by_limits = [blame for limit, _, blame in crossings if limit.beyond == "approve"]
    # MESSAGE has room for one: objects that are gone, then rows, then what is only changed or looks dangerous.
    gone = any(lost.how in _GONE for lost in sight.lost or ())
    destroying = _blames([rule for rule in held if "destroys" in rule.match], sight)
    others = _blames([rule for rule in held if "destroys" not in rule.match], sight)
    holding = [*destroying, *by_limits, *others] if gone else [*by_limits, *others, *destroying]
    if refusing:
        return Refuse(BEYOND_LIMIT, (*refusing, *holding), measurement, findings)
    if holding:
        return _hold(policy, tuple(holding), evidence, sight)
    if over := [one for one in evidence.spent if one.beyond]:
        return _overspent(policy, over, evidence, sight)
    if measurement is not None or evidence.harmless or evidence.bound is not None:
        return Allow()
    if not speaks_of(policy, sight.asked.caller):
        return Allow(unmeasured=True)
    blame = Blame("unmeasured", evidence.why or "it cannot be measured", _digest("unmeasured", policy.unmeasured))
    if policy.unmeasured == "approve":
        return _hold(policy, (blame,), evidence, sight)
    return Refuse(CANNOT_JUDGE, (blame,), None, findings)


def _crossed(limit: Limit, evidence: Evidence) -> Blame | None:
    if evidence.measurement is not None:
        return limits.crossed(limit, evidence.measurement)
    if evidence.bound is not None:
        return limits.crossed_by_bound(limit, evidence.bound, evidence.bound_deleted)
    return None


def _overspent(policy: Policy, over: list[Spent], evidence: Evidence, sight: Sight) -> Verdict:
    """A request speaks of one budget alone: with its approval the next one is asked about."""
    over.sort(key=lambda one: (one.budget.beyond == "approve", one.budget.name, one.place))
    blames = tuple(budgets.blame(one) for one in over)
    if over[0].budget.beyond == "refuse":
        hint = (
            "Nothing was changed. Many small steps add up: stop what is running, and look at what it did. What was "
            f"spent counts for {budgets.duration(over[0].budget.window)}."
        )
        return Refuse(BEYOND_LIMIT, blames, evidence.measurement, sight.asked.findings, hint)
    hold = _hold(policy, blames, evidence, sight)
    return replace(hold, over=over[0]) if isinstance(hold, Hold) else hold


def _hold(policy: Policy, blames: tuple[Blame, ...], evidence: Evidence, sight: Sight) -> Verdict:
    approval = policy.approval
    if approval is None:  # loading sees to it that there is one; without it nobody can approve
        return Refuse(BEYOND_LIMIT, blames, evidence.measurement, sight.asked.findings)
    return Hold(blames, approval.by, approval.expires, evidence.measurement, sight.asked.findings, needs=approval.needs)


def _digest(*words: str) -> str:
    return hashlib.sha256("\x00".join(words).encode()).hexdigest()
