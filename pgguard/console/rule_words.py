"""The policy in force in words: a row for everything in it that has a name."""

from __future__ import annotations

from collections.abc import Mapping

from pgguard.console.desk import InForce
from pgguard.console.words import printable
from pgguard.policy.budget import duration, limit
from pgguard.policy.model import Budget, Limit, RowsByVerb, Rule


def rule_rows(policy: InForce) -> tuple[tuple[str, ...], ...]:
    """The rows of SHOW RULES: everything with a name in the policy in force."""
    limits = ((one.name, "limit", _match(one.match), _limit(one), one.beyond) for one in policy.limits)
    rules = ((one.name, "rule", _match(one.match), _excepts(one), one.then) for one in policy.rules)
    budgets = ((one.name, "budget", _match(one.match), _budget(one), one.beyond) for one in policy.budgets)
    return (*limits, *rules, *budgets)


def _match(match: Mapping[str, tuple[str, ...]]) -> str:
    return "; ".join(f"{key}: {', '.join(printable(word) for word in words)}" for key, words in match.items())


def _limit(one: Limit) -> str:
    if one.share is not None:
        return f"{float(one.share * 100):g}% of a table, at least {one.at_least} rows"
    if isinstance(one.rows, RowsByVerb):
        parts = ((one.rows.deleted, "deleted"), (one.rows.updated, "updated"))
        return ", ".join(f"{number} rows {verb}" for number, verb in parts if number is not None)
    return f"{one.rows} rows"


def _budget(one: Budget) -> str:
    what = " refusals" if one.refusals is not None else "" if one.share is not None else " rows"
    return f"{limit(one)}{what} in {duration(one.window)} per {', '.join(one.per)}"


def _excepts(one: Rule) -> str:
    said = []
    for each in one.excepts:
        parts = [f"table {', '.join(each.table)}"] if each.table else []
        parts += [f"rows_at_most {each.rows_at_most}"] if each.rows_at_most is not None else []
        said.append(" and ".join(parts))
    return printable(f"except {'; '.join(said)}") if said else ""
