"""Every match key by a table: what is wanted, what is seen, and yes, no or not known yet."""

from __future__ import annotations

from typing import Any

import pytest

from pgguard.evidence.measurement import Measurement
from pgguard.policy.match import (
    BY_KEY,
    MATCHERS,
    Answer,
    Sight,
    glob,
    glob_qualified,
    lost_kind,
    matches,
    running,
    table_of,
)  # fmt: skip
from pgguard.policy.verdict import Asked
from pgguard.sql.statement import Effect, Name
from tests.policy.making import asked, lost, measured, name, select, statement, table

EXPLAIN_ONLY = statement("explain", inner=(statement("delete", "accounts"),))
EXPLAIN_ANALYZE = statement("explain", effects=frozenset({Effect.DELETE}), inner=(statement("delete", "accounts"),))
PREPARED = statement("prepare", inner=(statement("delete", "accounts"),))
WITH_CALL = select(calls=(Name("nightly_clean", "maint"), Name("now")))
NOTHING = Measurement()


def see(request: Asked, effect: Measurement | None = None) -> Sight:
    return Sight(request, frozenset({"people"}), effect, None if effect is None else effect.destroyed)


def see_text(request: Asked) -> Sight:
    return Sight(request, frozenset(), NOTHING, (), by_text=True)


def effect(*parts: Any) -> Measurement:
    made = measured(*parts).measurement
    assert made is not None
    return made


CASES: list[tuple[str, list[str], Sight, Answer]] = [
    ("caller", ["people"], see(asked()), True),
    ("caller", ["apps", "people"], see(asked()), True),
    ("caller", ["apps"], see(asked()), False),
    ("role", ["owner"], see(asked(role="owner")), True),
    ("role", ["own*"], see(asked(role="owner")), True),
    ("role", ["owner"], see(asked(role="Owner")), False),
    ("role", ["owner"], see(asked(role="")), None),
    ("database", ["shop*"], see(asked(database="shop_eu")), True),
    ("database", ["shop"], see(asked(database="shop_eu")), False),
    ("application_name", ["psql", "pg_*"], see(asked(application="pg_dump")), True),
    ("application_name", ["psql"], see(asked()), False),
    ("address", ["10.0.0.0/8"], see(asked(address="10.1.2.3")), True),
    ("address", ["10.0.0.0/8"], see(asked(address="10.1.2.3:5555")), True),
    ("address", ["10.0.0.0/8"], see(asked(address="::ffff:10.1.2.3")), True),
    ("address", ["10.0.0.0/8"], see(asked(address="11.1.2.3")), False),
    ("address", ["fd00::/8"], see(asked(address="[fd00::1]:5432")), True),
    ("address", ["fe80::/10"], see(asked(address="fe80::1%eth0")), True),
    ("address", ["10.0.0.0/8"], see(asked(address="fd00::1")), False),
    ("address", ["local"], see(asked(address="")), True),
    ("address", ["10.0.0.0/8"], see(asked(address="")), False),
    ("address", ["10.0.0.0/8"], see(asked(address="somewhere")), None),
    ("claim", ["production"], see(asked(claim="production")), True),
    ("claim", [""], see(asked()), True),
    ("claim", ["production"], see(asked()), False),
    ("kind", ["delete"], see(asked(statement("delete"))), True),
    ("kind", ["delete"], see(asked(select(), statement("delete"))), True),
    ("kind", ["delete"], see(asked(select())), False),
    ("kind", ["delete"], see(asked(EXPLAIN_ANALYZE)), True),
    ("kind", ["delete"], see(asked(EXPLAIN_ONLY)), False),
    ("kind", ["delete"], see(asked(PREPARED)), False),
    ("effect", ["delete"], see(asked(statement("delete"))), True),
    ("effect", ["delete"], see(asked(statement("do"))), None),
    ("effect", ["delete"], see(asked(statement("do")), NOTHING), False),
    ("effect", ["delete"], see(asked(statement("do")), effect(table("public.t", 1))), True),
    ("effect", ["update"], see(asked(statement("do")), effect(table("public.t", 1))), False),
    ("effect", ["update"], see(asked(statement("do")), effect(table("public.t", updated=1))), True),
    ("effect", ["insert"], see(asked(statement("do")), effect(table("public.t", inserted=1))), True),
    ("effect", ["drop"], see(asked(statement("do")), effect(lost("table public.t"))), True),
    ("effect", ["truncate"], see(asked(statement("do")), effect(lost("data public.t", "truncated"))), True),
    ("effect", ["alter"], see(asked(statement("do")), effect(lost("trigger public.t.x", "disabled"))), True),
    ("check", ["no-where"], see(asked(checks=("no-where",))), True),
    ("check", ["no-where"], see(asked(checks=("always-true",))), False),
    ("destroys", ["table"], see(asked()), None),
    ("destroys", ["table"], see(asked(), NOTHING), False),
    ("destroys", ["table"], see(asked(), effect(lost("table public.t"))), True),
    ("destroys", ["any"], see(asked(), effect(lost("publication p"))), True),
    ("destroys", ["view"], see(asked(), effect(lost("table public.t"))), False),
    ("table", ["public.t"], see(asked(statement("delete", "public.t"))), True),
    ("table", ["t"], see(asked(statement("delete", "other.t"))), True),
    ("table", ["public.*"], see(asked(statement("delete", "other.t")), NOTHING), False),
    ("table", ["public.t"], see(asked(statement("delete", "t"))), None),
    ("table", ["public.t"], see(asked(statement("delete", "t")), NOTHING), False),
    ("table", ["public.t"], see(asked(statement("delete", "t")), effect(table("public.t", 1))), True),
    ("table", ["public.t"], see(asked(statement("delete", "t")), effect(table("other.t", 1))), False),
    ("table", ["public.t"], see_text(asked(statement("delete", "t"))), None),
    ("table", ["public.*"], see_text(asked(statement("delete", "t"))), None),
    ("table", ["public.u"], see_text(asked(statement("delete", "t"))), False),
    ("table", ["t"], see_text(asked(statement("delete", "t"))), True),
    ("table", ["public.t"], see_text(asked(select(reads=(name("t"),)))), True),
    ("table", ["public.*"], see_text(asked(select(reads=(name("t"),)))), False),
    ("table", ["public.t"], see(asked(select(reads=(name("public.t"),)))), True),
    ("table", ["public.t"], see(asked(statement("drop", "public.t"))), True),
    ("table", ["public.t"], see(asked(statement("do"))), None),
    ("table", ["public.t"], see(asked(statement("do")), NOTHING), False),
    ("table", ["public.t"], see(asked(statement("do")), effect(table("public.t", inserted=1))), True),
    ("table", ["public.t"], see(asked(statement("do")), effect(table("public.u", 1))), False),
    ("table", ["public.t"], see(asked(statement("do")), effect(lost("column public.t.c"))), True),
    ("table", ["public.t"], see(asked(statement("do")), effect(lost("function public.t"))), True),
    ("call", ["maint.*"], see(asked(WITH_CALL)), True),
    ("call", ["nightly_*"], see(asked(WITH_CALL)), True),
    ("call", ["other.now"], see(asked(WITH_CALL)), True),
    ("call", ["other.*"], see(asked(WITH_CALL)), False),
    ("call", ["maint.daily_*"], see(asked(WITH_CALL)), False),
    ("call", ["maint.*"], see(asked(select())), False),
]  # fmt: skip


@pytest.mark.parametrize(("key", "wanted", "sight", "expected"), CASES)
def test_match_key(key: str, wanted: list[str], sight: Sight, expected: Answer) -> None:
    assert BY_KEY[key].find(tuple(wanted), sight) is expected


def test_every_match_key_has_a_yes_and_a_no_here() -> None:
    seen = {(key, answer) for key, _, _, answer in CASES}
    # Nobody knows the time here: ``Policy.at`` has settled it before.
    assert {(m.key, answer) for m in MATCHERS for answer in (True, False) if m.key != "time"} <= seen


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({}, True),
        ({"kind": ("do",), "destroys": ("table",)}, None),
        ({"kind": ("delete",), "destroys": ("table",)}, False),
        ({"destroys": ("table",), "kind": ("delete",)}, False),
        ({"kind": ("do", "delete")}, True),
    ],
)
def test_and_over_keys(match: dict[str, tuple[str, ...]], expected: Answer) -> None:
    assert matches(match, see(asked(statement("do")))) is expected


def test_who_only_leaves_the_statement_out() -> None:
    assert matches({"caller": ("people",), "kind": ("drop",)}, see(asked()), who_only=True) is True


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("a*", "abc", True),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("*", "", True),
        ("a.c", "abc", False),
        ("[ab]", "a", False),
        ("[ab]", "[ab]", True),
        ("*b", "a\nb", True),
        ("A", "a", False),
        ("*" * 40 + "b", "a" * 5000, False),
    ],
)
def test_glob(pattern: str, text: str, expected: bool) -> None:
    assert glob(pattern, text) is expected


def test_globs_over_schemas() -> None:
    assert glob_qualified("staging.*", "staging", "t")
    assert not glob_qualified("staging.*", "public", "staging")
    assert glob_qualified("t_*", "any", "t_1")
    assert glob_qualified("staging.t", None, "t")
    assert not glob_qualified("staging.t", None, "u")


def test_the_table_behind_a_lost_object() -> None:
    assert table_of(lost("table public.t")) == ("public", "t")
    assert table_of(lost("column public.t.c")) == ("public", "t")
    assert table_of(lost("function public.f")) is None
    assert table_of(lost("schema public")) is None
    assert table_of(lost("table public.a.b")) is None
    assert table_of(lost("column public.t")) is None


def test_kinds_are_taken_together() -> None:
    assert [lost_kind(k) for k in ("procedure", "domain", "table", "cast")] == ["function", "type", "table", "cast"]


def test_running_leaves_out_what_is_only_planned() -> None:
    kinds = [s.kind.value for s in running((EXPLAIN_ANALYZE, EXPLAIN_ONLY, PREPARED))]
    assert kinds == ["explain", "delete", "explain", "prepare"]
