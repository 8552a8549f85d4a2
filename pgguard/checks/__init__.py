"""Checks: hazards that can be seen in a statement's text, one file each, one row in ``ALL`` each.

A check decides nothing. It says in one sentence what it saw; policies match its public name. Its docstring is its
page in the documentation: *Problem*, *Instead*, *Exceptions*. Those in ``ADVICE`` are about tables in use, as a linter
of migrations speaks of them: no shipped policy refuses anything for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pgguard.checks import (
    always_true,
    blocking_index,
    blocks_readers,
    changes_roles,
    column_type,
    disables_safety,
    no_where,
    reaches_outside,
    reads_files,
    renames,
    required_column,
    rewrites_table,
    runs_code_later,
    set_not_null,
    unique_without_index,
    validates_at_once,
)
from pgguard.checks.finding import Finding
from pgguard.sql.predicate import NotNull, Params
from pgguard.sql.statement import Statement

Check = Callable[[Statement, str, bool], Finding | None]

HAZARDS: tuple[tuple[str, Check], ...] = (
    (no_where.NAME, no_where.find),
    (always_true.NAME, always_true.find),
    (disables_safety.NAME, disables_safety.find),
    (changes_roles.NAME, changes_roles.find),
    (runs_code_later.NAME, runs_code_later.find),
    (reads_files.NAME, reads_files.find),
    (reaches_outside.NAME, reaches_outside.find),
)
# What they see stands in ``details`` and ``subcommands``.
ADVICE: tuple[tuple[str, Check], ...] = (
    (blocking_index.NAME, blocking_index.find),
    (unique_without_index.NAME, unique_without_index.find),
    (validates_at_once.NAME, validates_at_once.find),
    (set_not_null.NAME, set_not_null.find),
    (required_column.NAME, required_column.find),
    (column_type.NAME, column_type.find),
    (rewrites_table.NAME, rewrites_table.find),
    (blocks_readers.NAME, blocks_readers.find),
    (renames.NAME, renames.find),
)
ALL = HAZARDS + ADVICE

# No ROLLBACK takes back what these see, so it is not tried to find out what it does.
BEYOND_ROLLBACK = frozenset({reads_files.NAME, reaches_outside.NAME})
# These look at the values of literals: what they say belongs to one text, not to all of its shape.
BY_VALUE = frozenset({always_true.NAME})


def find(
    statement: Statement, text: str, reaches_user_code: bool = False, *, only: frozenset[str] | None = None
) -> tuple[Finding, ...]:
    """What every check (of ``only``) says of ``statement``. ``text`` is the statement's own text;
    ``reaches_user_code``: the catalog says that it reaches functions which are not PostgreSQL's own, or it is not
    known."""
    asked = ALL if statement.details or statement.subcommands else HAZARDS
    found = (check(statement, text, reaches_user_code) for name, check in asked if only is None or name in only)
    return tuple(finding for finding in found if finding is not None)


NOT_BY_VALUE = frozenset(name for name, _ in ALL) - BY_VALUE


def by_value(
    statements: Iterable[Statement], text: bytes, known: tuple[str, ...] | None = None, params: Params | None = None,
    not_null: NotNull | None = None,
) -> tuple[Finding, ...]:  # fmt: skip
    """What the checks of ``BY_VALUE`` say of a whole text. ``known``: what was found in it elsewhere, if it is long;
    ``params`` and ``not_null``: the values of a Bind, and which columns of a table cannot be NULL."""
    return always_true.in_text(statements, text, known, params, not_null)
