"""always-true: the WHERE of an UPDATE or DELETE holds for every row whose columns are not NULL.

*Problem*: `WHERE email LIKE '%@test%' OR email NOT LIKE '%@test%'` looks like a choice of rows and is none.
*Instead*: write the condition that was meant, and try it in a SELECT count(*) first.
*Exceptions*: what logic alone cannot see (a condition that happens to be true for every row of today) is not found
here; the share of the table that was hit shows it.
"""

from __future__ import annotations

from collections.abc import Iterable

from pgguard.checks.finding import Finding
from pgguard.sql.predicate import always_true, every_always_true
from pgguard.sql.statement import Effect, Statement

NAME = "always-true"


def find(statement: Statement, text: str, reaches_user_code: bool) -> Finding | None:
    if not statement.effects & {Effect.UPDATE, Effect.DELETE}:
        return None
    says = always_true(text)
    return Finding(NAME, says) if says is not None else None


def in_text(statements: Iterable[Statement], text: bytes, known: tuple[str, ...] | None) -> tuple[Finding, ...]:
    """In all statements of a text at once, which takes no longer than in one. ``known``: what was found elsewhere."""
    if not any(statement.effects & {Effect.UPDATE, Effect.DELETE} for statement in statements):
        return ()
    found = every_always_true(text.decode("utf-8", "replace")) if known is None else known
    return tuple(Finding(NAME, says) for says in found)
