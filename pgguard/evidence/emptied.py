"""How many rows a TRUNCATE is about to take: counted in its own transaction, behind its own lock, in front of it.

The planner's figure can be from before the last load, and a count without the lock misses what a load commits while the
TRUNCATE waits for it. LOCK TABLE takes exactly the locks that the TRUNCATE takes, so from then on nobody else writes.

Four questions, each made from the answer to the one before: what the names mean in this session; the lock; which tables
stand behind them and how large their files are (no pages, no rows, under any isolation level); and the rows, no further
than ``MOST``, where the snapshot is of this moment and the role may read them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from pgguard.errors import ProtocolViolation
from pgguard.evidence.envelope import PREFIX, Row, array, equal, oids, opened, sealed
from pgguard.sql.statement import Effect, Name, Statement, StatementKind

MOST = 20  # beyond this a TRUNCATE is a TRUNCATE, however many rows it takes


class Table(NamedTuple):
    """A table that a name means, or that stands behind one. ``pages``: whether its files hold any."""

    oid: int
    schema: str
    name: str
    pages: bool = True
    readable: bool = False

    @property
    def qualified(self) -> str:
        return f"{_identifier(self.schema)}.{_identifier(self.name)}"


def named(statement: Statement) -> tuple[Name, ...]:
    """What a plain TRUNCATE names; () for every other statement, and where ONLY stands before some of the names."""
    if statement.kind is not StatementKind.TRUNCATE or any(w.effect is not Effect.TRUNCATE for w in statement.writes):
        return ()
    names = tuple(write.relation for write in statement.writes)
    plain = all("\\" not in str(name) for name in names)  # would not mean the same in every session
    return names if plain and len({write.only for write in statement.writes}) == 1 else ()


def only(statement: Statement) -> bool:
    """TRUNCATE ONLY: nothing below the tables that it names."""
    return all(write.only for write in statement.writes)


def meaning_sql(names: Sequence[Name]) -> str:
    """What the names mean in this session, along its search_path. Takes no lock."""
    texts = ", ".join(_text(".".join(_identifier(part) for part in (n.schema, n.name) if part)) for n in names)
    fields = ("c.oid::pg_catalog.text", "n.nspname", "c.relname", "c.relkind", "c.relpersistence")
    return (
        f"{PREFIX}SELECT {sealed(array(*fields))} FROM pg_catalog.unnest(ARRAY[{texts}]) x(named)"
        f" JOIN pg_catalog.pg_class c ON {equal('c.oid', 'pg_catalog.to_regclass(x.named)')}"
        f" JOIN pg_catalog.pg_namespace n ON {equal('n.oid', 'c.relnamespace')}"
    )


def parse_meaning(rows: Sequence[Row], names: Sequence[Name]) -> tuple[Table, ...]:
    """The tables; () where one name means none, or not a table that lasts."""
    found = [Table(int(oid), schema, name) for oid, schema, name, kind, lasts in _lists(rows, 5)
             if kind in ("r", "p") and lasts != "t"]  # fmt: skip
    return tuple(found) if len(found) == len(names) else ()


def lock_sql(tables: Sequence[Table], alone: bool = False) -> str:
    """The locks of the TRUNCATE, partitions and children included unless ``alone``."""
    word = "ONLY " if alone else ""
    return f"{PREFIX}LOCK TABLE {', '.join(word + table.qualified for table in tables)} IN ACCESS EXCLUSIVE MODE"


def sizes_sql(tables: Sequence[Table], alone: bool = False) -> str:
    """The tables that hold rows among these and, unless ``alone``, what stands below them. To be asked behind the
    lock."""
    whole = "pg_catalog.has_table_privilege(c.oid, 'SELECT') AND NOT pg_catalog.row_security_active(c.oid)"
    now = equal("pg_catalog.current_setting('transaction_isolation')", _text("read committed"))
    pages = "pg_catalog.pg_relation_size(c.oid) OPERATOR(pg_catalog.>) 0::pg_catalog.int8"
    fields = ("c.oid::pg_catalog.text", "n.nspname", "c.relname", pages, f"{whole} AND {now}")
    children = (
        f" UNION ALL SELECT h.inhrelid FROM pg_catalog.pg_inherits h JOIN below b ON {equal('h.inhparent', 'b.oid')}"
    )
    return (
        f"{PREFIX}WITH RECURSIVE below(oid) AS (SELECT u.oid FROM pg_catalog.unnest({oids([t.oid for t in tables])})"
        f" u(oid){'' if alone else children})"
        f" SELECT DISTINCT {sealed(array(*fields))} FROM below b"
        f" JOIN pg_catalog.pg_class c ON {equal('c.oid', 'b.oid')}"
        f" JOIN pg_catalog.pg_namespace n ON {equal('n.oid', 'c.relnamespace')}"
        f" WHERE {equal('c.relkind', _char('r'))}"
    )


def parse_sizes(rows: Sequence[Row]) -> tuple[Table, ...]:
    return tuple(
        Table(int(oid), schema, name, pages is not False, readable is True)
        for oid, schema, name, pages, readable in _lists(rows, 5)
    )


def rows_sql(tables: Sequence[Table]) -> str:
    """The rows of those that have pages and may be read; "" when there are none."""
    parts = [
        f"SELECT {sealed(array(_text(str(table.oid)), f'({_count(table)})'))}"
        for table in tables if table.pages and table.readable
    ]  # fmt: skip
    return PREFIX + " UNION ALL ".join(parts) if parts else ""


def parse_rows(tables: Sequence[Table], rows: Sequence[Row]) -> dict[int, int]:
    """OID -> rows, of the tables of which that is known: all of them counted, or without a page."""
    counted = {int(oid): int(number) for oid, number in _lists(rows, 2)}
    empty = {table.oid: 0 for table in tables if not table.pages}
    return empty | {oid: number for oid, number in counted.items() if number <= MOST}


def _lists(rows: Sequence[Row], length: int) -> list[list[Any]]:
    found = opened(rows)
    if any(len(values) != length for values in found):
        raise ProtocolViolation("server", "the tables of a TRUNCATE are not complete")
    return found


def _count(table: Table) -> str:
    return f"SELECT pg_catalog.count(*) FROM (SELECT FROM ONLY {table.qualified} LIMIT {MOST + 1}) t"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(words: str) -> str:
    return "'" + words.replace("'", "''") + "'::pg_catalog.text"


def _char(letter: str) -> str:
    return f"'{letter}'::pg_catalog.\"char\""
