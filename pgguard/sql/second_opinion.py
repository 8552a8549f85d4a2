"""A second opinion on conditions: sqlglot simplifies them, and folds constants that ``formula`` leaves alone.

It reads less of PostgreSQL than there is, so it is asked last, and what it cannot read, or what is too big for it, it
says nothing of. It can make a verdict stricter, never looser.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.optimizer.simplify import simplify

from pgguard.sql import grammar

MAX_BYTES = 1_024
MAX_JOINED = 12  # conditions joined by AND and OR: a hundred of them take it 160 ms
MAX_BRACKETS = 20  # it raises RecursionError at 60, and ends the process far beyond
_DIALECT = Postgres()


def true_for_every_row(sql: str) -> Iterator[str]:
    """A sentence for each UPDATE or DELETE whose WHERE comes to TRUE. Never raises."""
    text = sql.lower().encode("utf-8", "surrogatepass")
    joined = text.count(b"or") + text.count(b"and")
    if len(text) > MAX_BYTES or text.count(b"(") > MAX_BRACKETS or joined > MAX_JOINED:
        return
    # It takes IS UNKNOWN for IS NULL, and nested types and arrays take it seconds.
    if b"unknown" in text or b"[" in text or grammar.parse(text)[1]:
        return
    # sqlglot promises nothing about what it raises, and saying nothing is always right.
    try:
        for statement in _DIALECT.parse(sql):
            for change in statement.find_all(exp.Update, exp.Delete) if statement is not None else ():
                where = change.args.get("where")
                if where is not None and simplify(where.this.copy(), dialect=_DIALECT) == exp.true():
                    verb, table = change.key.upper(), change.this.sql(_DIALECT)
                    yield f"the WHERE of {verb} on {table} is true for every row whose columns are not NULL"
    except Exception:
        return
