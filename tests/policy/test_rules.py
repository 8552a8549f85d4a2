"""What allow-unmeasured covers (only what it covers wholly), what text alone destroys, and what a rule says it saw."""

from __future__ import annotations

from typing import Any

import pytest

from pgguard.policy import rules
from pgguard.policy.match import Sight
from pgguard.sql.read import read
from pgguard.sql.statement import Control, Effect, Name, Statement
from tests.policy.making import asked, control, lost, measured, policy, select, statement, table

NIGHTLY = {"call": "maint.nightly_*", "caller": "apps"}
CLEAN = Name("nightly_clean", "maint")


def sight(*statements: Statement, groups: tuple[str, ...] = ("apps",), **caller: Any) -> Sight:
    return Sight(asked(*statements, **caller), frozenset(groups), None, None)


def covers(match: dict[str, Any], seen: Sight) -> bool:
    (rule,) = policy({"match": match, "then": "allow-unmeasured"}).rules
    return rules.covers(rule, seen)


@pytest.mark.parametrize(
    ("match", "seen", "expected"),
    [
        (NIGHTLY, sight(select(calls=(CLEAN,))), True),
        (NIGHTLY, sight(statement("call", calls=(CLEAN,))), True),
        (NIGHTLY, sight(control(Control.BEGIN), select(calls=(CLEAN,))), True),
        (NIGHTLY, sight(select(calls=(CLEAN,)), groups=("people",)), False),
        (NIGHTLY, sight(select(calls=(Name("nightly_clean"),))), False),  # search_path decides whose it is
        ({**NIGHTLY, "call": "nightly_*"}, sight(select(calls=(Name("nightly_clean"),))), True),
        (NIGHTLY, sight(select(calls=(CLEAN, Name("purge"))),), False),
        (NIGHTLY, sight(select(calls=(CLEAN,)), statement("delete", "t")), False),
        (NIGHTLY, sight(select(calls=(CLEAN,), reads=(Name("view_with_code"),))), False),
        (NIGHTLY, sight(select(calls=(CLEAN,), operators=(Name("==="),))), False),
        (NIGHTLY, sight(select(calls=(CLEAN,), types=(Name("evil"),))), False),
        (NIGHTLY, sight(select(calls=(CLEAN,), types=(Name("int4", "pg_catalog"),))), True),
        (NIGHTLY, sight(select(calls=(CLEAN,), columns=("full_name",))), False),
        (NIGHTLY, sight(select(calls=(CLEAN,), writes=statement("delete", "t").writes)), False),
        (NIGHTLY, sight(statement("explain", calls=(CLEAN,), inner=(select(calls=(CLEAN,)),))), False),
        (NIGHTLY, sight(statement("do", calls=(CLEAN,))), False),
        (NIGHTLY, sight(select()), False),
        (NIGHTLY, sight(), False),
        ({**NIGHTLY, "role": "owner"}, sight(select(calls=(CLEAN,)), role=""), False),
        ({**NIGHTLY, "role": "owner"}, sight(select(calls=(CLEAN,)), role="owner"), True),
        ({"kind": "maintenance"}, sight(statement("maintenance")), True),
        ({"kind": "maintenance"}, sight(statement("maintenance"), statement("delete", "t")), False),
        ({"kind": ["truncate", "drop"]}, sight(statement("drop", "t")), False),
        ({"kind": ["truncate", "drop"]}, sight(statement("truncate", "t")), False),
        ({"kind": "insert", "table": "log.*"}, sight(statement("insert", "log.a")), True),
        ({"kind": "insert", "table": "log.*"}, sight(statement("insert", "a")), False),
        ({"kind": "insert", "table": "log.*"}, sight(statement("insert", "log.a", reads=(Name("b"),))), False),
        ({"kind": "insert", "table": "log.*"}, sight(statement("insert")), False),
        ({"kind": "insert", "effect": "insert"}, sight(statement("insert", "a")), True),
        ({"kind": "insert", "effect": "insert"},
         sight(statement("insert", "a", effects=frozenset({Effect.INSERT, Effect.UPDATE}))), False),
    ],
)  # fmt: skip
def test_covers(match: dict[str, Any], seen: Sight, expected: bool) -> None:
    assert covers(match, seen) is expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select maint.nightly_clean()", True),
        ("select maint.nightly_clean('a', 7)", True),
        ("call maint.nightly_clean()", True),
        ("select * from maint.nightly_clean()", True),
        ("select nightly_clean()", False),
        ("select maint.nightly_clean(purge())", False),
        ("select maint.nightly_clean() from accounts", False),
        ("select maint.nightly_clean(1 + 2)", False),
        ("select maint.nightly_clean('x'::evil)", False),
        ("select maint.nightly_clean(); delete from accounts", False),
        ("with gone as (delete from accounts returning 1) select maint.nightly_clean()", False),
        ("explain analyze select maint.nightly_clean()", False),
        ("create table t as select maint.nightly_clean()", False),
        ("select maint.nightly_clean() into t", False),
        ("select maint.nightly_clean() where exists (table accounts)", False),
        ("select maint.nightly_clean() order by 1 using operator(evil.<)", False),
        ("select (maint.nightly_clean()).full_name", False),
    ],
)
def test_covers_of_real_texts(sql: str, expected: bool) -> None:
    assert covers(NIGHTLY, sight(*read(sql.encode()).statements)) is expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("drop table a, s.b", [("table", "a"), ("table", "s.b")]),
        ("drop database shop", [("database", "shop")]),
        ("truncate a, b", [("data", "a"), ("data", "b")]),
        ("drop owned by ann", [("object", "role")]),
        ("delete from a", []),
        ("vacuum a", []),
    ],
)
def test_what_texts_destroy(sql: str, expected: list[tuple[str, str]]) -> None:
    gone = rules.text_loses(read(sql.encode()).statements)
    assert [(x.kind, x.name) for x in gone] == expected


@pytest.mark.parametrize(
    ("match", "statements", "effects", "says"),
    [
        (
            {"destroys": "any"},
            (),
            (lost("table public.a"), lost("view public.v")),
            "destroys table public.a and 1 more",
        ),
        ({"destroys": "view"}, (), (lost("table public.a"), lost("view public.v")), "destroys view public.v"),
        ({"check": ["no-where"], "caller": "people"}, (), (), "no-where"),
        ({"call": "maint.*"}, (select(calls=(Name("now"), CLEAN)),), (), "calls maint.nightly_clean"),
        ({"table": "a"}, (statement("delete", "s.a"),), (), "touches table s.a"),
        ({"table": "a"}, (), (table("s.a", 1),), "touches table s.a"),
        ({"kind": ["drop", "delete"]}, (statement("delete", "a"),), (), "kind drop or delete"),
        ({"effect": ["delete"]}, (), (table("s.a", 1),), "effect delete"),
        ({"claim": ""}, (), (), 'claim ""'),
    ],
)
def test_says(match: dict[str, Any], statements: tuple[Statement, ...], effects: tuple[Any, ...], says: str) -> None:
    (rule,) = policy({"match": match, "then": "refuse"}).rules
    effect = measured(*effects).measurement
    assert effect is not None
    seen = Sight(
        asked(*statements, checks=("no-where", "always-true")), frozenset({"people"}), effect, effect.destroyed
    )
    assert rules.answer(rule, seen) is True
    assert rules.blame(rule, seen).says == says
