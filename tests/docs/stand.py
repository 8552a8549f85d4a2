"""What a page of the documentation starts: pgguard as the page says, in front of a fresh copy of the sample company."""

from __future__ import annotations

import contextlib
import shlex
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from live.endpoint import password_of
from live.pgguard import ROOT, Pgguard, environment
from live.postgres import Postgres

from tests.docs.transcript import Replay, Typed, blocks, taken_apart

README = (ROOT / "README.md").read_text()
SHOWN = "127.0.0.1:6432"  # where pages say that pgguard listens ...
SHOWN_SERVER = "127.0.0.1:5432"  # ... and PostgreSQL
SECRET = "SECRET"


@contextmanager
def company_server(version: int) -> Iterator[Postgres]:
    """PostgreSQL with the sample company as the template ``shop_template``, pgguard's role made as README.md says."""
    server = Postgres(version).start()
    try:
        server.sql("drop role pgguard_admin")
        (roles,) = blocks(README, "sql")
        made = server.psql(roles.replace(SECRET, password_of("pgguard_admin")), user="postgres", dbname="postgres")
        assert made.stderr == ""
        server.sql("create role dev nologin")
        server.sql("grant dev to ann")
        server.sql("create database shop_template owner dev")
        company = files("pgguard.demo").joinpath("company.sql").read_text()
        loaded = server.psql(company, user="postgres", dbname="shop_template", args=["-q", "-v", "ON_ERROR_STOP=1"])
        assert loaded.stderr == ""
        yield server
    finally:
        server.stop()


def serve_of(page: str) -> Typed:
    """The command ``pgguard serve`` of a page; README's where it has none of its own."""
    for text in (page, README):
        for block in blocks(text, "console"):
            for typed in taken_apart(block):
                if typed.command.startswith("pgguard serve"):
                    return typed
    raise AssertionError("README.md does not show pgguard serve")


class Shown(Pgguard):
    """pgguard as a page starts it, but for ports, folders and the password."""

    def __init__(self, upstream: Postgres, typed: Typed) -> None:
        super().__init__(upstream)
        self.shown = shlex.split(typed.command.replace("\\\n", " "))[2:]

    def command(self) -> list[str]:
        real = f"{self.upstream.host}:{self.upstream.port}"
        texts = [
            text.replace(SECRET, password_of("pgguard_admin")).replace(SHOWN_SERVER, real).replace(SHOWN, "127.0.0.1:0")
            for text in self.shown
        ]
        return [sys.executable, "-m", "pgguard", "serve", *texts]

    def said(self, typed: Typed) -> str:
        """What it printed, when ``typed`` is what started it; else ""."""
        return self.back(self.stdout()) if typed.command.startswith("pgguard serve") else ""

    def settled(self) -> bool:
        """Whether the state knows the end of the audit, which it is told once a second."""
        state = self.directory / "pgguard.db"
        if not state.exists() or not self.records():
            return True
        with contextlib.closing(sqlite3.connect(f"file:{state}?mode=ro", uri=True)) as kept:
            return kept.execute("select max(seq) from pgguard_audit_heads").fetchone()[0] == self.records()[-1]["seq"]

    def there(self, text: str) -> str:
        """A page's addresses made real."""
        return text.replace(SHOWN, f"{self.host}:{self.port}").replace("port=6432", f"port={self.port}")

    def back(self, text: str) -> str:
        """Real addresses as a page shows them."""
        return (
            text.replace(f"{self.host}:{self.port}", SHOWN)
            .replace(f"{self.upstream.host}:{self.upstream.port}", SHOWN_SERVER)
            .replace(f"port {self.port} ", "port 6432 ")
        )


@contextmanager
def stand(server: Postgres, page: str) -> Iterator[tuple[Shown, Replay]]:
    """A fresh database ``shop``, a pgguard in front of it as the page says, and somebody to type."""
    server.sql("create database shop template shop_template owner dev")
    guard = Shown(server, serve_of(page))
    try:
        _put(guard.directory)
        guard.start()
        path = f"{guard.directory}:{server.bindir}:/usr/bin:/bin"
        replay = Replay(
            environment({"PATH": path, "PGPASSFILE": str(guard.directory / "pgpass"), "COLUMNS": "120"}),
            guard.directory, guard.there, guard.back, guard.settled,
        )  # fmt: skip
        yield guard, replay
        guard.stop()
    finally:
        guard.discard()
        server.sql("drop database if exists shop with (force)")


def _put(folder: Path) -> None:
    """What a shell on the pages has: the command pgguard, the shipped policies, a password file."""
    (folder / "policies").symlink_to(ROOT / "policies")
    program = folder / "pgguard"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m pgguard "$@"\n')
    program.chmod(0o755)
    passwords = folder / "pgpass"
    passwords.write_text("".join(f"*:*:*:{who}:{password_of(who)}\n" for who in ("ann", "bob", "app", "postgres")))
    passwords.chmod(0o600)
