"""A policy's own tests: which evidence they give, and that each kind of wrong expectation fails."""

from __future__ import annotations

from typing import Any

import pytest

from pgguard.policy.trial import asks, evidence, run
from pgguard.policy.trial_shape import Trial
from tests.policy.making import policy

PEOPLE = {"name": "people", "match": {"caller": "people"}, "rows": 100, "beyond": "approve"}


def trial(sql: str = "delete from accounts", decision: str = "allow", given: Any = None, **more: Any) -> Trial:
    expect = {"decision": decision, **more.pop("expect", {})}
    return Trial.model_validate({"as": "ann", "sql": sql, "given": given or {}, "expect": expect, **more})


def known(one: Trial) -> Any:
    return evidence(one.given, asks(one), policy(PEOPLE))


@pytest.mark.parametrize(
    ("sql", "harmless"),
    [
        ("select 1", True),
        ("select * from accounts where id = 1", True),
        ("set search_path = a", True),
        ("begin; select 1; commit", True),
        ("", True),
        ("select purge()", False),
        ("insert into accounts values (1)", False),
        ("delete from accounts", False),
        ("with d as (delete from accounts returning 1) select * from d", False),
        ("select 1; delete from accounts", False),
        ("do $$ begin end $$", False),
        ("this is not sql", False),
    ],
)
def test_without_evidence_only_plain_reads_are_harmless(sql: str, harmless: bool) -> None:
    assert known(trial(sql)).harmless is harmless


def test_measured() -> None:
    given = {
        "tables": {"accounts": 2000, "s.b": 7},
        "measured": {"accounts": {"deleted": 3}, "s.b": {"updated": 1}, "c": {"inserted": 2}},
        "destroyed": ["view v", {"kind": "data", "name": "t", "how": "truncated", "rows": 9}, "role eve"],
    }
    effect = known(trial(given=given)).measurement
    assert [(t.name, t.rows.deleted, t.rows.updated, t.rows.inserted, t.named, t.total) for t in effect.tables] == [
        ("public.accounts", 3, 0, 0, True, 2000),
        ("s.b", 0, 1, 0, False, 7),
        ("public.c", 0, 0, 2, False, None),
    ]
    assert [(d.kind, d.name, d.how, d.rows) for d in effect.destroyed] == [
        ("view", "public.v", "dropped", None),
        ("data", "public.t", "truncated", 9),
        ("role", "eve", "dropped", None),
    ]


def test_other_evidence() -> None:
    assert (known(trial(given={"bound": 3})).bound, known(trial(given={"bound": 3})).bound_deleted) == (3, 3)
    assert known(trial("update a set b = 1", given={"bound": 3})).bound_deleted == 0
    unmeasurable = known(trial("vacuum a", given={"unmeasurable": "why"}))
    assert (unmeasurable.measurable, unmeasurable.why) == (False, "why")
    assert known(trial(given={"destroyed": []})).measurement is not None
    assert known(trial()).measurement is None


def test_who_asks() -> None:
    caller = asks(trial(claim="here", database="shop", application_name="psql", address="10.0.0.1")).caller
    assert (caller.user, caller.role, caller.claim, caller.database) == ("ann", "ann", "here", "shop")
    assert (caller.application, caller.address) == ("psql", "10.0.0.1")
    assert asks(trial(role="owner")).caller.role == "owner"


MUCH = {"measured": {"accounts": {"deleted": 200}}}


@pytest.mark.parametrize(
    ("decision", "expect", "wrong"),
    [
        ("approve", {}, ""),
        ("approve", {"by": ["people"], "check": ["no-where"], "sqlstate": "PGG02"}, ""),
        ("allow", {}, 'decision of "delete from accounts" as ann: expected allow, got approve by people'),
        ("approve", {"by": ["others"]}, 'by of "delete from accounts" as ann: expected others, got people'),
        ("approve", {"by": []}, 'by of "delete from accounts" as ann: expected nothing, got people'),
        ("approve", {"check": []}, 'check of "delete from accounts" as ann: expected nothing, got no-where'),
        (
            "approve",
            {"check": ["no-where", "x"]},
            'check of "delete from accounts" as ann: expected no-where, x, got no-where',
        ),
        ("approve", {"sqlstate": "PGG01"}, 'sqlstate of "delete from accounts" as ann: expected PGG01, got PGG02'),
    ],
)
def test_expectations(decision: str, expect: dict[str, Any], wrong: str) -> None:
    outcome = run(policy(PEOPLE), trial(decision=decision, given=MUCH, expect=expect))
    assert (outcome.decision, outcome.by, outcome.checks, outcome.wrong) == (
        "approve",
        ("people",),
        ("no-where",),
        wrong,
    )


def test_all_four_decisions() -> None:
    rules = policy(PEOPLE, {"name": "no", "match": {"kind": "drop"}, "then": "refuse"})
    assert run(rules, trial("select 1")).decision == "allow"
    assert run(rules, trial()).decision == "measure"
    assert run(rules, trial(given=MUCH)).decision == "approve"
    refused = run(rules, trial("drop table a"))
    assert (refused.decision, refused.sqlstate) == ("refuse", "PGG01")
