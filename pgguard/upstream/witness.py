"""What a request is to tell of an open transaction, seen from outside: its locks, and rows that it is about to lose.

A row that another transaction deleted or replaced still stands in the committed table, with that transaction's number
in xmax. So nothing is asked of the client's own session. All of it is for people: whatever fails or takes too long is
left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import asyncpg

from pgguard.catalog.picture import Picture, Relation
from pgguard.catalog.reach import read_reason
from pgguard.evidence.particulars import Particulars, Row, Sample, Size

# A scan that finds nothing reads the whole table, while the client's transaction holds its locks.
SETTINGS = {"statement_timeout": "250ms", "lock_timeout": "50ms"}
TABLES = 3
ROWS = 3
COLUMNS = 10
CHARACTERS = 60

Hidden = Callable[[str, str, str], bool]  # schema, table, column

_LOCKS = """
    SELECT l.relation::pg_catalog.int8, l.mode, l.transactionid::text
      FROM pg_catalog.pg_lock_status() l
     WHERE l.pid OPERATOR(pg_catalog.=) $1 AND l.granted"""
_SIZES = """
    SELECT c.oid::pg_catalog.int8, c.reltuples::pg_catalog.int8, pg_catalog.pg_stat_get_live_tuples(c.oid),
           pg_catalog.pg_total_relation_size(c.oid)
      FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[])"""
# As in the manual's table of conflicting lock modes, the weakest first.
_MODES = (
    "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock",
    "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock",
)  # fmt: skip


async def witness(
    connection: Any, picture: Picture, backend: int, tables: Sequence[int], hidden: Hidden
) -> Particulars:
    """``tables``: OIDs of those of which rows are wanted, none of them locked against reading."""
    modes: dict[str, str] = {}
    numbers: list[str] = []
    for oid, mode, number in await connection.fetch(_LOCKS, backend):
        relation = picture.relations.get(oid)
        if number is not None:
            numbers.append(str(number))
        elif relation is not None and not relation.system and _MODES.index(mode) > 1:
            known = modes.get(relation.qualified)
            modes[relation.qualified] = mode if known is None else max(known, mode, key=_MODES.index)
    locks = tuple(sorted(modes.items(), key=lambda one: (-_MODES.index(one[1]), one[0])))
    samples = []
    for oid in tables[:TABLES] if numbers else ():
        relation = picture.relations.get(oid)
        # Reading a table can run its owner's code, and here it would run with our rights.
        if relation is None or relation.kind != "r" or read_reason(picture, oid):
            continue
        try:
            sample = await _sample(connection, relation, numbers, hidden)
        except asyncpg.QueryCanceledError:
            break  # the others would take as long
        except (asyncpg.PostgresError, UnicodeError):
            continue
        if sample.rows:
            samples.append(sample)
    return Particulars(locks=locks, samples=tuple(samples))


async def _sample(connection: Any, relation: Relation, numbers: Collection[str], hidden: Hidden) -> Sample:
    stored = [column.name for column in relation.columns if column.generated != "v"]
    shown = [name for name in stored if not hidden(relation.schema, relation.name, name)]
    masked = len(stored) - len(shown)
    if not shown:
        return Sample(relation.qualified, (), masked)
    shown = shown[:COLUMNS]
    values = ", ".join(
        # By format, because a cast to text could be a user's function.
        f"CASE WHEN t.{_quoted(name)} IS NOT NULL THEN"
        f" pg_catalog.\"left\"(pg_catalog.format('%s', t.{_quoted(name)}), {CHARACTERS + 1}) END"
        for name in shown
    )
    xids = ",".join(str(int(number)) for number in numbers)
    sql = (
        f"SELECT {values} FROM ONLY {_quoted(relation.schema)}.{_quoted(relation.name)} t"
        f" WHERE t.xmax OPERATOR(pg_catalog.=) ANY ('{{{xids}}}'::pg_catalog.xid[]) LIMIT {ROWS}"
    )
    found = await connection.fetch(sql)
    rows: list[Row] = [tuple((name, _short(value)) for name, value in zip(shown, row, strict=True)) for row in found]
    return Sample(relation.qualified, tuple(rows), masked)


async def sizes(connection: Any, tables: Sequence[int]) -> dict[int, Size]:
    """Of each table that is there, and not locked against it."""
    found = {}
    for oid, planned, live, size in await connection.fetch(_SIZES, list(tables)):
        rows = max(planned, live or 0)
        if size:
            found[int(oid)] = Size(rows if rows > 0 else None, int(size))
    return found


def _short(value: str | None) -> str | None:
    return value if value is None or len(value) <= CHARACTERS else value[:CHARACTERS] + "..."


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
