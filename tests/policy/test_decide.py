"""Verdicts as a table: a policy, who asks for what, the evidence, the verdict, and always the rules that decided."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.policy.decide import could_speak_of, decide, share_stops, speaks_of
from pgguard.policy.model import Policy
from pgguard.policy.verdict import Allow, Asked, Caller, Evidence, Hold, Measure, Refuse, Verdict
from pgguard.sql.statement import Control, Name
from tests.policy.making import (
    HARMLESS,
    NOTHING_KNOWN,
    asked,
    bound,
    control,
    lost,
    measured,
    policy,
    select,
    set_claim,
    statement,
    table,
    unmeasurable,
)  # fmt: skip

PEOPLE = {"name": "people", "match": {"caller": "people"}, "rows": 100, "beyond": "approve"}
APPS = {"name": "apps", "match": {"caller": "apps"}, "rows": {"deleted": 10, "updated": 20}, "beyond": "refuse"}
SHARE = {"name": "share", "share": "20%", "at_least": 50, "beyond": "approve"}
DESTROYS = {"name": "destroys", "match": {"destroys": "any"}, "then": "approve"}
BUT_STAGING = {**DESTROYS, "except": {"table": "staging.*"}}
BUT_EMPTY = {**DESTROYS, "except": {"rows_at_most": 0}}
SAFETY = {"name": "safety", "match": {"check": ["disables-safety"]}, "then": "approve"}
NO_DROP = {"name": "no-drop", "match": {"kind": "drop"}, "then": "refuse"}
NIGHTLY = {"name": "nightly", "match": {"call": "maint.nightly_*", "caller": "apps"}, "then": "allow-unmeasured"}
CLAIMS: dict[str, Any] = {
    "environment": "production", "claims": {"missing": "refuse-destroying", "differs": "refuse"},
}  # fmt: skip

DELETE = asked(statement("delete", "accounts"))
UPDATE_BY_APP = asked(statement("update", "accounts"), user="app")
DROP = asked(statement("drop", "invoices"))
DO = asked(statement("do"))
VACUUM = asked(statement("maintenance"))
DROP_DATABASE = asked(statement("server", drops=statement("drop", "shop").drops))
CALLS = asked(select(calls=(Name("nightly_clean", "maint"),)), user="app")
INVOICES = lost("table public.invoices")


def told(verdict: Verdict) -> tuple[str, ...]:
    """The verdict in a word, its SQLSTATE if it has one, and the rules that decided."""
    match verdict:
        case Allow(rule, unmeasured):
            return ("allow", *(["unmeasured"] if unmeasured else []), *([rule] if rule else []))
        case Measure():
            return ("measure",)
        case Hold(blames):
            return ("hold", *(b.rule for b in blames))
        case Refuse(sqlstate, blames):
            return ("refuse", sqlstate, *(b.rule for b in blames))


TABLE: list[tuple[Policy, Asked, Evidence, str]] = [
    # Nothing speaks of the caller: not measured, not judged, whatever it is.
    (policy(), DELETE, NOTHING_KNOWN, "allow"),
    (policy(), DO, unmeasurable(), "allow unmeasured"),
    (policy(APPS), DELETE, NOTHING_KNOWN, "allow"),
    (policy(APPS), VACUUM, unmeasurable(), "allow unmeasured"),
    (policy(NIGHTLY), DELETE, NOTHING_KNOWN, "allow"),
    # Proved harmless.
    (policy(PEOPLE, SHARE, DESTROYS, SAFETY, **CLAIMS), asked(select()), HARMLESS, "allow"),
    (policy({"match": {"kind": "select"}, "then": "refuse"}), asked(select()), HARMLESS, "refuse PGG01 r1"),
    (policy({"match": {"kind": "select"}, "then": "approve"}), asked(select()), HARMLESS, "measure"),
    (policy(SAFETY), asked(set_claim("session_replication_role"), checks=("disables-safety",)), HARMLESS, "measure"),
    (policy(PEOPLE, DESTROYS), VACUUM, unmeasurable(harmless=True), "allow"),
    (policy({"match": {"kind": "maintenance"}, "then": "approve"}), VACUUM, unmeasurable(harmless=True), "hold r1"),
    # A proved bound.
    (policy(PEOPLE, DESTROYS, **CLAIMS), DELETE, bound(100, 100), "allow"),
    (policy(PEOPLE), DELETE, bound(101), "measure"),
    (policy(APPS), UPDATE_BY_APP, bound(20), "allow"),
    (policy(APPS), UPDATE_BY_APP, bound(21), "measure"),
    (policy(APPS), UPDATE_BY_APP, bound(31, 10), "measure"),
    (policy(APPS), UPDATE_BY_APP, bound(30, 10), "allow"),
    (policy(APPS), UPDATE_BY_APP, bound(11, 11), "measure"),
    (policy(SHARE), DELETE, bound(50, 50), "allow"),
    (policy(SHARE), DELETE, bound(51, 51), "measure"),
    (policy({"match": {"table": "public.accounts"}, "then": "refuse"}), DELETE, bound(1, 1), "measure"),
    (policy({"match": {"table": "accounts"}, "then": "refuse"}), DELETE, bound(1, 1), "refuse PGG01 r1"),
    (policy({"match": {"table": "audit.*"}, "then": "refuse"}), DELETE, bound(1, 1), "measure"),
    (policy({"match": {"table": "audit.*"}, "then": "refuse"}), DELETE, measured(table("public.accounts", 1)), "allow"),
    (policy({"match": {"table": "audit.*"}, "then": "refuse"}), DELETE, unmeasurable(), "refuse PGG05 r1"),
    (policy({"match": {"table": "public.ledger"}, "then": "refuse"}), DELETE, bound(1, 1), "allow"),
    (policy({"match": {"effect": "delete"}, "then": "approve"}), DELETE, bound(1, 1), "measure"),
    (policy({"match": {"effect": "update"}, "then": "approve"}), DELETE, bound(1, 1), "allow"),
    # Nothing known yet: measure where something could still say no.
    (policy(PEOPLE), DELETE, NOTHING_KNOWN, "measure"),
    (policy(SHARE), DELETE, NOTHING_KNOWN, "measure"),
    (policy(DESTROYS), DELETE, NOTHING_KNOWN, "measure"),
    (policy(DESTROYS), asked(statement("drop", "staging.t")), NOTHING_KNOWN, "measure"),
    (policy(NO_DROP), DROP, NOTHING_KNOWN, "refuse PGG01 no-drop"),
    (policy(NO_DROP), DELETE, NOTHING_KNOWN, "allow"),
    (policy(SAFETY), asked(statement("alter"), checks=("disables-safety",)), NOTHING_KNOWN, "measure"),
    (policy(SAFETY), asked(statement("alter")), NOTHING_KNOWN, "allow"),
    (policy({"match": {"table": "public.ledger"}, "then": "refuse"}), DO, NOTHING_KNOWN, "measure"),
    (policy({"match": {"effect": "delete"}, "then": "refuse"}), DO, NOTHING_KNOWN, "measure"),
    (policy({"match": {"destroys": "table"}, "then": "refuse"}), DROP, NOTHING_KNOWN, "measure"),
    (policy(**CLAIMS), DELETE, NOTHING_KNOWN, "measure"),
    (policy(**CLAIMS), asked(statement("delete", "t"), claim="production"), NOTHING_KNOWN, "allow"),
    # Measured: limits.
    (policy(PEOPLE), DELETE, measured(table("public.accounts", 100)), "allow"),
    (policy(PEOPLE), DELETE, measured(table("public.accounts", 101)), "hold people"),
    (policy(PEOPLE), DELETE, measured(table("public.a", 51), table("public.b", updated=50)), "hold people"),
    (policy(PEOPLE), DELETE, measured(table("public.a", inserted=5000)), "allow"),
    (policy(PEOPLE), asked(statement("delete", "t"), user="app"), measured(table("public.t", 500)), "allow"),
    (policy(APPS), UPDATE_BY_APP, measured(table("public.t", 10, 20)), "allow"),
    (policy(APPS), UPDATE_BY_APP, measured(table("public.t", 11)), "refuse PGG03 apps"),
    (policy(APPS), UPDATE_BY_APP, measured(table("public.t", updated=21)), "refuse PGG03 apps"),
    (policy(APPS, SHARE), UPDATE_BY_APP, measured(table("public.t", 60, total=60)), "refuse PGG03 apps share"),
    (policy(SHARE), DELETE, measured(table("public.t", 50, total=50)), "allow"),
    (policy(SHARE), DELETE, measured(table("public.t", 51, total=255)), "allow"),
    (policy(SHARE), DELETE, measured(table("public.t", 51, total=254)), "hold share"),
    (policy(SHARE), DELETE, measured(table("public.t", 51)), "hold share"),
    (policy(SHARE), DELETE, measured(table("public.t", 51, total=9999), table("public.u", 51, total=60)), "hold share"),
    (policy({"match": {"table": "public.ledger"}, "rows": 0, "beyond": "refuse"}), DELETE,
     measured(table("public.ledger", 1)), "refuse PGG03 r1"),
    (policy({"match": {"table": "public.ledger"}, "rows": 0, "beyond": "refuse"}), DELETE,
     measured(table("public.accounts", 999)), "allow"),
    # Measured: rules, and what they except.
    (policy(DESTROYS), DROP, measured(INVOICES), "hold destroys"),
    (policy(DESTROYS), DO, measured(INVOICES), "hold destroys"),
    (policy(DESTROYS), DROP, measured(), "allow"),
    (policy({**DESTROYS, "match": {"destroys": "view"}}), DROP, measured(INVOICES), "allow"),
    (policy({**DESTROYS, "match": {"destroys": "function"}}), DROP, measured(lost("procedure p.p")), "hold destroys"),
    (policy(BUT_STAGING), DROP, measured(lost("table staging.t")), "allow"),
    (policy(BUT_STAGING), DROP, measured(lost("column staging.t.c")), "allow"),
    (policy(BUT_STAGING), DROP,
     measured(lost("table staging.t"), INVOICES), "hold destroys"),
    (policy(BUT_STAGING), DROP, measured(lost("schema staging")), "hold destroys"),
    (policy(BUT_STAGING), DROP, measured(lost("table staging.x.t")), "hold destroys"),
    (policy(BUT_EMPTY), DROP, measured(lost("table public.t", rows=0)), "allow"),
    (policy(BUT_EMPTY), DROP, measured(lost("table public.t", rows=1)), "hold destroys"),
    (policy(BUT_EMPTY), DROP, measured(INVOICES), "hold destroys"),
    (policy({**DESTROYS, "except": {"table": "staging.*", "rows_at_most": 5}}), DROP,
     measured(lost("table staging.t", rows=6)), "hold destroys"),
    (policy({**DESTROYS, "except": [{"table": "staging.*"}, {"rows_at_most": 5}]}), DROP,
     measured(lost("table staging.t", rows=6)), "allow"),
    (policy({"match": {"destroys": "table", "caller": "apps"}, "then": "refuse"}), DROP, measured(INVOICES), "allow"),
    (policy({"match": {"destroys": "table"}, "then": "refuse"}), DROP, measured(INVOICES), "refuse PGG01 r1"),
    (policy({"match": {"effect": "delete"}, "then": "refuse"}), DO, measured(table("public.t", 1)), "refuse PGG01 r1"),
    (policy({"match": {"effect": "drop"}, "then": "refuse"}), DO, measured(INVOICES), "refuse PGG01 r1"),
    (policy({"match": {"table": "public.ledger"}, "then": "refuse"}), DO,
     measured(table("public.ledger", inserted=1)), "refuse PGG01 r1"),
    (policy(SAFETY), asked(statement("alter"), checks=("disables-safety",)), measured(), "hold safety"),
    # The strictest answer wins; what is gone is named before rows, rows before what is only changed.
    (policy(PEOPLE, NO_DROP, DESTROYS), DROP, measured(INVOICES, table("public.t", 500)),
     "refuse PGG01 no-drop destroys"),
    (policy(PEOPLE, SHARE, DESTROYS), DROP, measured(INVOICES, table("public.t", 500)), "hold destroys people share"),
    (policy(DESTROYS, SAFETY, PEOPLE), asked(statement("alter"), checks=("disables-safety",)),
     measured(lost("trigger public.t.tr", "disabled"), table("public.t", 500)), "hold people safety destroys"),
    (policy({**PEOPLE, "name": "wide", "rows": 1000}, PEOPLE), DELETE, measured(table("public.t", 5000)),
     "hold people wide"),
    (policy({**PEOPLE, "name": "last", "beyond": "refuse", "rows": 1000}, PEOPLE), DELETE,
     measured(table("public.t", 5000)), "refuse PGG03 last people"),
    # Cannot be measured.
    (policy(PEOPLE), VACUUM, unmeasurable(), "refuse PGG05 unmeasured"),
    (policy(PEOPLE, unmeasured="approve"), VACUUM, unmeasurable(), "hold unmeasured"),
    (policy(**CLAIMS), VACUUM, unmeasurable(), "refuse PGG05 unmeasured"),
    (policy({"match": {"kind": "maintenance"}, "then": "approve"}), VACUUM, unmeasurable(), "hold r1"),
    (policy({"match": {"kind": "maintenance"}, "then": "allow-unmeasured"}, PEOPLE), VACUUM, unmeasurable(),
     "allow unmeasured r1"),
    (policy(DESTROYS), DROP_DATABASE, unmeasurable(), "hold destroys"),
    (policy(BUT_EMPTY), DROP_DATABASE, unmeasurable(), "hold destroys"),
    (policy({**DESTROYS, "then": "refuse"}), DROP_DATABASE, unmeasurable(), "refuse PGG01 destroys"),
    (policy({**DESTROYS, "match": {"destroys": "role"}}), DROP_DATABASE, unmeasurable(), "refuse PGG05 unmeasured"),
    (policy(DESTROYS, **CLAIMS), DROP_DATABASE, unmeasurable(), "refuse PGG01 claims"),
    # allow-unmeasured.
    (policy(NIGHTLY, APPS, DESTROYS), CALLS, NOTHING_KNOWN, "allow unmeasured nightly"),
    (policy(NIGHTLY, APPS), CALLS, unmeasurable(), "allow unmeasured nightly"),
    (policy(NIGHTLY, APPS), CALLS, measured(table("public.t", 9999)), "allow nightly"),
    (policy(NIGHTLY, APPS), CALLS, measured(table("public.t", 9999), at_commit=True), "refuse PGG03 apps"),
    (policy(NIGHTLY, PEOPLE), asked(*CALLS.statements), NOTHING_KNOWN, "measure"),
    (policy(NIGHTLY, APPS), asked(*CALLS.statements, statement("delete", "t"), user="app"), NOTHING_KNOWN, "measure"),
    (policy(NIGHTLY, APPS, {**NO_DROP, "match": {"call": "maint.*"}}), CALLS, NOTHING_KNOWN, "refuse PGG01 no-drop"),
    (policy(NIGHTLY, APPS, {**SAFETY, "match": {"call": "maint.*"}}), CALLS, NOTHING_KNOWN, "measure"),
    # Claims.
    (policy(**CLAIMS), asked(select(), claim="staging"), HARMLESS, "refuse PGG01 claims"),
    (policy(**CLAIMS), asked(select(), claim="production"), HARMLESS, "allow"),
    (policy(**CLAIMS), asked(set_claim(), claim="staging"), HARMLESS, "allow"),
    (policy(**CLAIMS), asked(set_claim(), statement("drop", "t"), claim="staging"), NOTHING_KNOWN,
     "refuse PGG01 claims"),
    (policy(**CLAIMS), asked(control(Control.ROLLBACK), claim="staging"), HARMLESS, "allow"),
    (policy(**CLAIMS), asked(control(Control.COMMIT), claim="staging"), HARMLESS, "refuse PGG01 claims"),
    (policy(**CLAIMS), asked(claim="staging"), measured(at_commit=True), "refuse PGG01 claims"),
    (policy(**CLAIMS), DROP, measured(INVOICES), "refuse PGG01 claims"),
    (policy(**CLAIMS), DROP, measured(), "allow"),
    (policy(DESTROYS, **CLAIMS), asked(statement("do"), claim="production"), measured(INVOICES), "hold destroys"),
    (policy(environment="production"), asked(select(), claim="staging"), HARMLESS, "allow"),
    # The current role is not known: a rule that needs it is measured first, and then cannot be evaluated.
    (policy({"match": {"role": "owner", "kind": "delete"}, "then": "approve"}), asked(statement("delete"), role=""),
     NOTHING_KNOWN, "measure"),
    (policy({"match": {"role": "owner", "kind": "delete"}, "then": "approve"}), asked(statement("delete"), role=""),
     measured(), "refuse PGG05 r1"),
    (policy({"match": {"role": "owner", "kind": "delete"}, "then": "approve"}), asked(select(), role=""),
     HARMLESS, "allow"),
    (policy({"match": {"role": "owner"}, "rows": 5, "beyond": "approve"}), asked(statement("delete"), role=""),
     measured(table("public.t", 6)), "refuse PGG05 r1"),
    (policy({"match": {"role": "owner"}, "rows": 5, "beyond": "approve"}), asked(statement("delete"), role=""),
     measured(table("public.t", 5)), "allow"),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "request_", "evidence", "expected"), TABLE)
def test_verdict(rules: Policy, request_: Asked, evidence: Evidence, expected: str) -> None:
    assert told(decide(rules, request_, evidence)) == tuple(expected.split())


@pytest.mark.parametrize(("rules", "request_", "evidence", "expected"), TABLE)
def test_order_does_not_matter(rules: Policy, request_: Asked, evidence: Evidence, expected: str) -> None:
    shuffled = random.Random(expected)
    turned = rules.model_copy(
        update={
            "rules": tuple(shuffled.sample(rules.rules, len(rules.rules))),
            "limits": tuple(reversed(rules.limits)),
        }
    )
    assert decide(turned, request_, evidence) == decide(rules, request_, evidence)


def test_a_hold_carries_what_a_request_needs() -> None:
    rules, evidence = policy(PEOPLE), measured(table("public.t", 101))
    request = asked(statement("delete", "t"), checks=("no-where",))
    verdict = decide(rules, request, evidence)

    assert isinstance(verdict, Hold)
    assert (verdict.by, verdict.needs, verdict.expires) == (("dba",), 1, 1800.0)
    assert verdict.measurement == evidence.measurement
    assert verdict.findings == request.findings
    assert [(b.says, b.digest) for b in verdict.blames] == [("101 rows (limit 100)", rules.limits[0].digest)]


def test_what_cannot_be_measured_says_why() -> None:
    verdict = decide(policy(PEOPLE), VACUUM, unmeasurable("VACUUM runs on its own"))
    assert isinstance(verdict, Refuse)
    assert verdict.blames[0].says == "VACUUM runs on its own"


@pytest.mark.parametrize(
    ("rules", "caller", "expected"),
    [
        (policy(), Caller("ann", "shop"), False),
        (policy(PEOPLE), Caller("ann", "shop"), True),
        (policy(PEOPLE), Caller("app", "shop"), False),
        (policy(NIGHTLY), Caller("app", "shop"), False),
        (policy(NO_DROP), Caller("app", "shop"), True),
        (policy({"match": {"database": "other", "kind": "drop"}, "then": "refuse"}), Caller("ann", "shop"), False),
        (policy({"match": {"role": "owner", "kind": "drop"}, "then": "refuse"}), Caller("ann", "shop"), True),
        (policy(**CLAIMS), Caller("ann", "shop"), True),
        (policy(**CLAIMS), Caller("ann", "shop", claim="staging"), True),
        (policy(**CLAIMS), Caller("ann", "shop", claim="production"), False),
    ],
)
def test_speaks_of(rules: Policy, caller: Caller, expected: bool) -> None:
    assert speaks_of(rules, caller) is expected


@given(
    st.sampled_from([row[0] for row in TABLE]),
    st.sampled_from([row[1] for row in TABLE]),
    st.sampled_from([row[2] for row in TABLE]),
)
def test_whom_nothing_speaks_of_is_always_allowed(rules: Policy, request: Asked, evidence: Evidence) -> None:
    verdict = decide(rules, request, evidence)
    if not speaks_of(rules, request.caller):
        assert isinstance(verdict, Allow)
    elif isinstance(verdict, Allow) and not verdict.rule:
        assert verdict.unmeasured is False


def test_stops_are_asked_for_by_the_callers_own_limits() -> None:
    rules = policy(SHARE, {**SHARE, "name": "half", "share": "50%", "match": {"caller": "apps"}})
    small, large = table("public.s", 50, oid=1), table("public.l", 1000, oid=2)
    seen = measured(small, large, table("public.known", 60, oid=3, total=9)).measurement
    assert seen is not None
    assert share_stops(rules, DELETE, seen) == ((2, 5001),)
    assert share_stops(policy({**SHARE, "match": {"caller": "apps"}}), DELETE, seen) == ()


@given(st.integers(51, 10**6), st.integers(0, 10**7))
def test_a_probe_that_stops_decides_as_the_full_count_would(deleted: int, total: int) -> None:
    rules = policy(SHARE)
    seen = measured(table("public.t", deleted, oid=7)).measurement
    assert seen is not None
    ((_, stop),) = share_stops(rules, DELETE, seen)

    def verdict(rows: int) -> str:
        return told(decide(rules, DELETE, measured(table("public.t", deleted, total=rows))))[0]

    assert verdict(min(total, stop)) == verdict(total)


@pytest.mark.parametrize(
    ("match", "could"),
    [({"role": ["keeper"]}, True), ({"claim": ["x"]}, True), ({"application_name": ["x"]}, True),
     ({"database": ["other"]}, False), ({"database": ["other"], "role": ["keeper"]}, False)],
)  # fmt: skip
def test_a_session_can_become_one_that_a_rule_speaks_of(match: dict[str, Any], could: bool) -> None:
    """SET ROLE is to be seen coming: who could get into a rule's words is read from the beginning."""
    rules = policy(limits=[], rules=[{"name": "r", "match": match, "then": "refuse"}])

    assert could_speak_of(rules, Caller("ann", "shop", role="ann", application="psql", claim="y")) is could
