"""One server with a pgguard in front of it, and a pair of databases that stay alike."""

from __future__ import annotations

import difflib
import itertools
from pathlib import Path
from typing import Any

import psycopg
from harmless import traces
from harmless.case import Case
from harmless.play import play
from live.pgguard import Pgguard
from live.postgres import Postgres

SHOP = Path(__file__).with_name("shop.sql")


# All cases are one person's, and the shipped policy has a budget of rows for a person and a database.
TURN = 60


class Lane:
    """Each case runs in one database directly and in the other through pgguard. What it leaves behind stays, the same
    in both; behind a difference, and now and then, both are made anew."""

    def __init__(self, version: int) -> None:
        self.server = Postgres(version, max_connections="100", wal_level="logical").start()
        self._numbers = itertools.count(1)
        self._played = 0
        self.databases: tuple[str, str] | None = None
        self._lookers: list[psycopg.Connection[Any]] = []
        try:
            self._create_shop()
            self.guard = Pgguard(self.server).start()
        except BaseException:
            self.server.stop()
            raise

    def _create_shop(self) -> None:
        self.server.sql("create role clerks")
        self.server.sql("grant clerks to ann")
        self.server.sql("create database shop owner ann")
        ran = self.server.psql(
            SHOP.read_text(), user="postgres", dbname="shop", args=["-v", "ON_ERROR_STOP=1", "-q"]
        )
        assert ran.returncode == 0, ran.stderr

    def both(self, case: Case) -> tuple[list[str], list[str]]:
        """What a client sees directly, and what it sees through pgguard."""
        self._played += 1
        if self._played % TURN == 0:
            self.drop_databases()
        if self.databases is None:
            pair = [f"shop_{side}{next(self._numbers)}" for side in ("direct", "guarded")]
            for name in pair:
                self.server.sql(f"create database {name} template shop owner ann")
            self.databases = pair[0], pair[1]
            self._lookers = [self.server.connect("postgres", name) for name in pair]
        direct, guarded = self.databases
        return play(self.server, direct, case), play(self.guard, guarded, case)

    def differences(self) -> list[str]:
        """What only one of the databases holds: objects and rows."""
        direct, guarded = self._lookers
        found = _only(traces.objects(direct), traces.objects(guarded))
        one, other = traces.rows(direct), traces.rows(guarded)
        for table in one.keys() & other.keys():
            if one[table] != other[table]:
                found += _only(traces.steady_rows(direct, table), traces.steady_rows(guarded, table), f"{table}: ")
        return found

    def drop_databases(self) -> None:
        """The next case gets new ones: these are not alike any more, or may not be."""
        for looker in self._lookers:
            looker.close()
        for name in self.databases or ():
            self.server.sql(f"drop database if exists {name} with (force)")
        self.databases = None

    def stop(self) -> None:
        for looker in self._lookers:
            looker.close()
        try:
            self.guard.stop()
        finally:
            self.server.stop()


def _only(direct: list[str], guarded: list[str], prefix: str = "") -> list[str]:
    """The lines that only one of two sorted lists has."""
    lines = difflib.unified_diff(direct, guarded, "direct", "guarded", n=0, lineterm="")
    return [f"{prefix}{line}" for line in lines] if direct != guarded else []
