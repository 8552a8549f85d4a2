"""Short ways to write policies, statements and evidence, so that a test's row fits on a line."""

from __future__ import annotations

from typing import Any

from pgguard.checks.finding import Finding
from pgguard.evidence.measurement import Destroyed, Measurement, Rows, TableEffect
from pgguard.policy.model import Policy
from pgguard.policy.verdict import Asked, Caller, Evidence
from pgguard.sql.statement import Control, DropTarget, Effect, Name, Setting, Statement, StatementKind, Write

APPROVAL: dict[str, Any] = {
    "approvers": {"dba": {"roles": ["dba"]}},
    "approval": {"by": "dba", "expires": "30m"},
    "callers": {"apps": {"roles": ["app"]}, "people": {"not_roles": ["app"]}},
}


def policy(*parts: dict[str, Any], **more: Any) -> Policy:
    """A policy with these limits (they have ``beyond``) and rules (they have ``then``), named r1, r2 ... if unnamed."""
    named = [{"name": f"r{i}", **part} for i, part in enumerate(parts, start=1)]
    rules = [part for part in named if "then" in part]
    limits = [part for part in named if "beyond" in part]
    assert len(rules) + len(limits) == len(parts)
    return Policy.model_validate({"version": 1, **APPROVAL, "limits": limits, "rules": rules, **more})


def name(text: str) -> Name:
    schema, dot, last = text.rpartition(".")
    return Name(last, schema if dot else None)


def statement(kind: str, *targets: str, **more: Any) -> Statement:
    """``statement("delete", "accounts")``; a kind that is no effect reads, or is opaque."""
    effects = {"do": "opaque", "call": "opaque", "maintenance": "opaque", "role": "alter"}
    effect = Effect(kind if kind in [e.value for e in Effect] else effects.get(kind, "read"))
    writes = tuple(Write(name(t), effect) for t in targets) if kind != "drop" else ()
    drops = tuple(DropTarget("table", name(t)) for t in targets) if kind == "drop" else ()
    made: dict[str, Any] = {
        "effects": frozenset({effect}), "node": "", "start": 0, "length": 0, "writes": writes, "drops": drops,
    }  # fmt: skip
    return Statement(StatementKind(kind), **(made | more))


def select(**more: Any) -> Statement:
    return statement("select", **more)


def set_claim(setting: str = "pgguard.environment", value: str | None = "production") -> Statement:
    return statement("session", effects=frozenset({Effect.SESSION}), setting=Setting(setting, value))


def control(which: Control) -> Statement:
    return statement("transaction", control=which)


def asked(*statements: Statement, user: str = "ann", checks: tuple[str, ...] = (), **caller: Any) -> Asked:
    made = Caller(**{"user": user, "database": "shop", "role": user, **caller})
    return Asked(made, statements, tuple(Finding(c, f"{c} says so") for c in checks))


def table(name: str, deleted: int = 0, updated: int = 0, inserted: int = 0, **more: Any) -> TableEffect:
    oid = more.pop("oid", 16384 + sum(map(ord, name)))
    return TableEffect(oid, name, Rows(inserted, updated, deleted), **more)


def lost(text: str, how: str = "dropped", rows: int | None = None) -> Destroyed:
    """``lost("table public.invoices")``; the kind may have several words, the name has none."""
    kind, _, what = text.rpartition(" ")
    return Destroyed(kind, what, how, rows=rows)


def measured(*effects: TableEffect | Destroyed, **more: Any) -> Evidence:
    tables = tuple(e for e in effects if isinstance(e, TableEffect))
    gone = tuple(e for e in effects if isinstance(e, Destroyed))
    return Evidence(measurement=Measurement(tables, gone), **more)


HARMLESS = Evidence(harmless=True)
NOTHING_KNOWN = Evidence()


def bound(rows: int, deleted: int = 0) -> Evidence:
    return Evidence(bound=rows, bound_deleted=deleted)


def unmeasurable(why: str = "VACUUM cannot run inside a transaction", **more: Any) -> Evidence:
    return Evidence(measurable=False, why=why, **more)
