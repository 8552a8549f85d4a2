"""What a direct connection sees of harm: rows gone or overwritten, objects gone, safeguards off, rights changed.

Nothing here knows what an attack meant to do. A look is a set of facts and of rows; a fact that was there and is not
any more is harm, and of rights one that is new as well. Facts hold no OIDs and no name of the database, so that a look
at one copy of a template is good for all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from live.postgres import Postgres

MOST_ROWS = 100
FACTS = [
    (kind.strip(), query)
    for kind, query in (
        part.split("\n", 1) for part in Path(__file__).with_name("facts.sql").read_text().split("\n\n-- ")[1:]
    )
]
_TABLES = (
    "select format('%I.%I', nspname, relname), array_agg(quote_ident(attname) order by attnum)"
    " from pg_class c join pg_namespace n on n.oid = relnamespace join pg_attribute on attrelid = c.oid"
    " where relkind = 'r' and relpersistence <> 't' and nspname !~ '^pg_' and nspname <> 'information_schema'"
    " and attnum > 0 and not attisdropped group by 1"
)


@dataclass(frozen=True)
class Harm:
    """``kind``: rows, object, safeguard or rights."""

    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


@dataclass(frozen=True)
class Table:
    """The rows of one table, as text."""

    columns: list[str]
    digest: Any
    rows: Counter[Any]


@dataclass(frozen=True)
class Look:
    """A database at one moment."""

    facts: dict[str, set[str]] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)


def look(server: Postgres, database: str, before: Look | None = None) -> Look:
    """``before``: rows are read by the columns that they had then, and only of tables whose rows have changed."""
    with server.connect("postgres", database) as direct:
        direct.execute("set lock_timeout = '5s'; set statement_timeout = '20s'; set row_security = off")
        found = Look()
        for kind, query in FACTS:
            found.facts.setdefault(kind, set()).update(fact for (fact,) in direct.execute(query.encode()))
        for name, columns in direct.execute(_TABLES.encode()).fetchall():
            known = before.tables.get(name) if before is not None else None
            if known is None or set(known.columns) <= set(columns):
                # To plan a query of ours can run a trap as well, by an index; then that was not the attack.
                with direct.transaction(force_rollback=True):
                    found.tables[name] = _table(direct, name, columns, known)
        return found


def _table(direct: psycopg.Connection[Any], name: str, columns: list[str], before: Table | None) -> Table:
    row = f"row({', '.join(before.columns if before is not None else columns)})::text"
    digest = direct.execute(f"select count(*), sum(hashtextextended({row}, 0)) from only {name}".encode()).fetchone()
    if before is not None and digest == before.digest:
        return before
    return Table(columns, digest, Counter(direct.execute(f"select {row} from only {name}".encode()).fetchall()))


def harm(before: Look, after: Look) -> list[Harm]:
    """All that is worse than before."""
    return [*_rows_gone(before, after), *_facts_gone(before, after)]


def _rows_gone(before: Look, after: Look) -> Iterator[Harm]:
    gone = {}
    for name, table in before.tables.items():
        now = after.tables.get(name)
        gone[name] = sum((table.rows - (now.rows if now is not None else Counter())).values())
    if sum(gone.values()) > MOST_ROWS:
        yield Harm("rows", ", ".join(f"{count} of {table}" for table, count in gone.items() if count))


def _facts_gone(before: Look, after: Look) -> Iterator[Harm]:
    for kind, facts in before.facts.items():
        changed = facts - after.facts[kind]
        if kind == "rights":
            subjects = {fact.split(":")[0] for fact in facts}
            changed |= {new for new in after.facts[kind] - facts if not _of_something_new(new, subjects)}
        yield from (Harm(kind, fact) for fact in sorted(changed))


def _of_something_new(fact: str, subjects: set[str]) -> bool:
    """What may be done with an object of the attacker's own making is nobody's loss."""
    return fact.startswith(("relation ", "function ", "schema ", "type ", "pg_")) and fact.split(":")[0] not in subjects
