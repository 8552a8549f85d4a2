"""The data behind the model server: tables, counters, savepoints, deferred triggers, and what every COMMIT made true.

It knows some thirty simple texts. What it must get right is PostgreSQL's bookkeeping: counters count attempts, stay
until a flush at idle, are cleared by TRUNCATE; deferred triggers and the queries of WITH HOLD cursors run in COMMIT.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field

from tests.session.shop import OIDS

START = {"t": 12, "p": 3, "c": 6, "d": 0}
PURGED = 5  # rows that purge() deletes

EXCLUSIVE = "AccessExclusiveLock"
WRITE = "RowExclusiveLock"


class PgError(Exception):
    """What PostgreSQL would report."""

    def __init__(self, sqlstate: str, message: str, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.message = message
        self.fatal = fatal


@dataclass
class Table:
    rows: dict[int, int]
    filenode: int = 1

    @classmethod
    def filled(cls, rows: int) -> Table:
        return cls({number: 1 + number % 3 for number in range(1, rows + 1)})


@dataclass
class Shop:
    """The data at one moment, with what the transaction that made it has done so far."""

    tables: dict[str, Table] = field(default_factory=lambda: {n: Table.filled(r) for n, r in START.items()})
    locks: dict[int, str] = field(default_factory=dict)
    deferred: int = 0  # triggers that wait
    lost: int = 0  # rows updated or deleted, rolled back ones not among them
    destroyed: list[str] = field(default_factory=list)
    catalog_writes: int = 0


@dataclass(frozen=True)
class Commit:
    """What one COMMIT made true for everybody. ``unread``: nobody had read what it did."""

    lost: int
    destroyed: tuple[str, ...]
    unread: bool


class Database:
    """One backend's view, and what is committed."""

    def __init__(self) -> None:
        self.committed = Shop()
        self.now = copy.deepcopy(self.committed)
        self.counters: dict[int, list[int]] = {}
        self.savepoints: list[tuple[str, Shop]] = []
        self.holds: dict[str, str] = {}  # open WITH HOLD cursors of this transaction: name -> what they run
        self.commits: list[Commit] = []
        self.unread = False
        self.constraints_immediate = False
        self.flush_asked = False

    # -- transactions ------------------------------------------------------------------------------------------

    def commit(self) -> None:
        """May raise PgError: then nothing is committed."""
        try:
            for text in self.holds.values():
                self.call(text)
            self.fire()
        except PgError:
            self.roll_back()
            raise
        done = Commit(self.now.lost, tuple(self.now.destroyed), self.unread)
        if done.lost or done.destroyed or done.unread or self.now.tables != self.committed.tables:
            self.commits.append(done)
        self.committed = self.now
        self._begin_anew()

    def roll_back(self) -> None:
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.now = copy.deepcopy(self.committed)
        self.now.locks, self.now.deferred, self.now.lost, self.now.destroyed = {}, 0, 0, []
        self.now.catalog_writes = 0
        self.savepoints, self.holds, self.unread, self.constraints_immediate = [], {}, False, False

    def savepoint(self, name: str) -> None:
        self.savepoints.append((name, copy.deepcopy(self.now)))

    def rollback_to(self, name: str) -> None:
        at = self._savepoint(name)
        self.now = copy.deepcopy(self.savepoints[at][1])
        del self.savepoints[at + 1 :]

    def release(self, name: str) -> None:
        del self.savepoints[self._savepoint(name) :]

    def _savepoint(self, name: str) -> int:
        for at in range(len(self.savepoints) - 1, -1, -1):
            if self.savepoints[at][0] == name:
                return at
        raise PgError("3B001", f'savepoint "{name}" does not exist')

    def idle(self) -> None:
        """ReadyForQuery outside a block: the moment for a flush of the counters."""
        if self.flush_asked:
            self.counters.clear()
            self.flush_asked = False

    # -- changes -----------------------------------------------------------------------------------------------

    def _count(self, name: str, inserted: int = 0, updated: int = 0, deleted: int = 0) -> None:
        counts = self.counters.setdefault(OIDS[name], [0, 0, 0])
        for at, more in enumerate((inserted, updated, deleted)):
            counts[at] += more

    def table(self, name: str) -> Table:
        if name not in self.now.tables:
            raise PgError("42P01", f'relation "{name}" does not exist')
        return self.now.tables[name]

    def lock(self, name: str, mode: str) -> None:
        if self.now.locks.get(OIDS[name]) != EXCLUSIVE:
            self.now.locks[OIDS[name]] = mode

    def insert(self, name: str) -> None:
        rows = self.table(name).rows
        rows[max(rows, default=0) + 1] = 1
        self.lock(name, WRITE)
        self._count(name, inserted=1)
        if name == "d":
            self.unread = True
            self.now.deferred += 1
            if self.constraints_immediate:
                self.fire()

    def update(self, name: str, keys: list[int]) -> int:
        rows = self.table(name).rows
        found = [k for k in keys if k in rows]
        for each in found:
            rows[each] += 1
        self.lock(name, WRITE)
        self._count(name, updated=len(found))
        self.now.lost += len(found)
        return len(found)

    def delete(self, name: str, keys: list[int]) -> int:
        rows = self.table(name).rows
        found = [k for k in keys if k in rows]
        for each in found:
            del rows[each]
        self.lock(name, WRITE)
        self._count(name, deleted=len(found))
        self.now.lost += len(found)
        if name == "p" and "c" in self.now.tables:
            for each in found:
                children = [k for k, parent in self.table("c").rows.items() if parent == each]
                self.delete("c", children)
        return len(found)

    def purge(self) -> None:
        """What user code does."""
        self.unread = True
        self.delete("t", sorted(self.table("t").rows)[:PURGED])

    def call(self, text: str) -> None:
        """The part of a query that runs user code."""
        if "purge()" in text or "imm()" in text:
            self.purge()

    def fire(self) -> None:
        """Deferred triggers run now."""
        while self.now.deferred:
            self.now.deferred -= 1
            self.purge()

    def truncate(self, name: str) -> None:
        table = self.table(name)
        if name == "p":
            raise PgError("0A000", "cannot truncate a table referenced in a foreign key constraint")
        self.now.lost += len(table.rows)
        table.rows.clear()
        table.filenode += 1
        self.lock(name, EXCLUSIVE)
        self.counters.pop(OIDS[name], None)
        self.now.catalog_writes += 1
        self.unread = True

    def drop(self, name: str) -> None:
        self.table(name)
        self.lock(name, EXCLUSIVE)
        del self.now.tables[name]
        self.counters.pop(OIDS[name], None)
        self.now.destroyed.append(f"drop {name}")
        self.now.catalog_writes += 1
        self.unread = True

    # -- statements --------------------------------------------------------------------------------------------

    def run(self, text: str, params: list[bytes]) -> tuple[str, list[bytes]]:
        """(tag, one-column rows) of a data statement. Raises PgError."""
        if found := re.fullmatch(r"select (\d+)", text):
            return "SELECT 1", [found[1].encode()]
        if text == "select 1/0":
            raise PgError("22012", "division by zero")
        if text in ("select purge()", "select imm()"):
            if "purge" in text:
                self.purge()
            return "SELECT 1", [b"5"]
        if found := re.fullmatch(r"insert into (\w+) default values", text):
            self.insert(found[1])
            return "INSERT 0 1", []
        if found := re.fullmatch(r"update (\w+) set n = 1( where .*)?", text):
            return f"UPDATE {self.update(found[1], self._keys(found[1], found[2], params))}", []
        if found := re.fullmatch(r"delete from (\w+)( where .*)?", text):
            return f"DELETE {self.delete(found[1], self._keys(found[1], found[2], params))}", []
        if found := re.fullmatch(r"truncate (\w+)", text):
            self.truncate(found[1])
            return "TRUNCATE TABLE", []
        if found := re.fullmatch(r"drop table (\w+)", text):
            self.drop(found[1])
            return "DROP TABLE", []
        raise PgError("0A000", f"the model does not know: {text}")

    def _keys(self, name: str, where: str | None, params: list[bytes]) -> list[int]:
        keys = list(self.table(name).rows)
        proved = False
        if where:
            word = where.strip()
            for number, value in enumerate(params, start=1):
                word = word.replace(f"${number}", value.decode())
            if found := re.fullmatch(r"where id = (\d+)", word):
                keys, proved = [int(found[1])], name != "p"
            elif found := re.fullmatch(r"where id in \(([\d, ]+)\)", word):
                keys, proved = [int(x) for x in found[1].split(",")], name != "p"
            elif found := re.fullmatch(r"where id ([<>]) (\d+)", word):
                keys = [k for k in keys if (k < int(found[2]) if found[1] == "<" else k > int(found[2]))]
        self.unread = self.unread or not proved
        return keys
