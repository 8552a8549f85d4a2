"""always-true: the WHERE of an UPDATE or DELETE chooses no rows.

*Problem*: `WHERE email LIKE '%@test%' OR email NOT LIKE '%@test%'` looks like a choice of rows and is true for every
row whose columns are not NULL. `DELETE FROM orders USING users WHERE users.blocked`, and a subquery that is not tied to
the row, ask nothing of the row at all: every row goes, or none. The ON of a MERGE is looked at in the same way.
*Instead*: write the condition that was meant, and try it in a SELECT count(*) first.
*Exceptions*: what logic alone cannot see is not found here; the share of the table that was hit shows it. That is so
for a condition that happens to be true for every row of today, for functions that are not PostgreSQL's own, and for
dates or numbers beyond which no row is (a BETWEEN over all integers is found). `x IS NOT NULL` is found where the
column cannot be NULL, and `WHERE id = $1 OR $2` where the values of a Bind make it true; not those of an EXECUTE.
"""

from __future__ import annotations

from collections.abc import Iterable

from pgguard.checks.finding import Finding
from pgguard.sql.predicate import NotNull, Params, always_true, every_always_true
from pgguard.sql.statement import Effect, Statement

NAME = "always-true"


def find(statement: Statement, text: str, reaches_user_code: bool) -> Finding | None:
    if not statement.effects & {Effect.UPDATE, Effect.DELETE}:
        return None
    says = always_true(text)
    return Finding(NAME, says) if says is not None else None


def in_text(
    statements: Iterable[Statement], text: bytes, known: tuple[str, ...] | None, params: Params | None = None,
    not_null: NotNull | None = None,
) -> tuple[Finding, ...]:  # fmt: skip
    """In all statements of a text at once, which takes no longer than in one. ``known``: what was found elsewhere."""
    if not any(statement.effects & {Effect.UPDATE, Effect.DELETE} for statement in statements):
        return ()
    found = every_always_true(text.decode("utf-8", "replace"), params, not_null) if known is None else known
    return tuple(Finding(NAME, says) for says in found)
