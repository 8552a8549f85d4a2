"""One address that speaks PostgreSQL, and the clients that tests point at it: psycopg and psql."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg


@dataclass(frozen=True)
class Ran:
    """A program that has ended."""

    returncode: int
    stdout: str
    stderr: str


def password_of(user: str) -> str:
    """Every role of the test servers has its password, made from its name."""
    return f"{user}-secret"


def clean_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what would change libpq's or pgguard's mind, and with ``more``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C.UTF-8", **(more or {})}


class Endpoint:
    """Where to connect. ``Postgres`` and ``Pgguard`` are endpoints, so that one test step can run against either."""

    host: str = "127.0.0.1"
    port: int
    bindir: Path

    def connect(self, user: str, dbname: str, *, autocommit: bool = True, **options: Any) -> psycopg.Connection[Any]:
        """Sign in with psycopg. ``options`` are libpq's connection parameters."""
        return psycopg.connect(
            host=self.host, port=self.port, user=user, dbname=dbname, autocommit=autocommit,
            **{"password": password_of(user), "connect_timeout": 60, **options},
        )  # fmt: skip

    def sql(self, query: str, params: Sequence[Any] | None = None, *, user: str, dbname: str) -> list[tuple[Any, ...]]:
        """Run one statement on a connection of its own, autocommit; its rows, or [] when it has none."""
        with self.connect(user, dbname) as connection:
            cursor = connection.execute(query.encode(), params)
            return cursor.fetchall() if cursor.description else []

    def psql(
        self, script: str = "", *, user: str, dbname: str, args: Sequence[str] = (),
        env: Mapping[str, str] | None = None, timeout: float = 120,
    ) -> Ran:  # fmt: skip
        """Run psql with ``script`` on its standard input (``args`` may hold -c instead). It has a script's name, so
        that nobody tells it which environment this is."""
        where = ["-h", self.host, "-p", str(self.port), "-U", user, "-d", dbname]
        ran = subprocess.run(
            [str(self.bindir / "psql"), "-X", *where, *args], input=script,
            capture_output=True, text=True, timeout=timeout, check=False,
            env=clean_environment({"PGPASSWORD": password_of(user), "PGAPPNAME": "script", **(env or {})}),
        )  # fmt: skip
        return Ran(ran.returncode, ran.stdout, ran.stderr)
