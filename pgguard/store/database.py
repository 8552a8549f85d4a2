"""A state URL becomes an async engine with pgguard's schema in it, or one clear sentence why not."""

from __future__ import annotations

import os
import sqlite3
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from pgguard.errors import ConfigError
from pgguard.store.moments import wall

VERSION = 2
BUSY_MS = 150  # below the 250 ms that a session waits for the store

_meta = sa.MetaData()

# One row: its lock makes filings take turns where the engine has no single writer (PostgreSQL).
meta = sa.Table(
    "pgguard_meta", _meta,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created", sa.Float(53), nullable=False),
)  # fmt: skip

requests = sa.Table(
    "pgguard_requests", _meta,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("caller", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("filed", sa.Float(53), nullable=False),
    sa.Column("expires", sa.Float(53), nullable=False),
    sa.Column("decided_by", sa.Text, nullable=False, default=""),
    sa.Column("decided", sa.Float(53)),
    sa.Column("denial", sa.Text, nullable=False, default=""),
    sa.Column("at_most", sa.BigInteger),
    sa.Column("jti", sa.String(32), nullable=False, default=""),
    sa.Column("used", sa.Float(53)),
    sa.Column("last_rows", sa.BigInteger),
    sa.Column("votes", sa.Text, nullable=False, default="[]"),
    sa.Column("uses", sa.Integer, nullable=False, default=1),
    sa.Column("remaining", sa.Integer, nullable=False, default=1),
    sa.Column("outcome", sa.Text, nullable=False, default=""),
    sqlite_autoincrement=True,  # a number that people have seen never comes again
)  # fmt: skip
sa.Index("pgguard_requests_digest", requests.c.digest)
sa.Index("pgguard_requests_caller", requests.c.caller, requests.c.state)
_open = requests.c.state == "open"
sa.Index("pgguard_requests_open", requests.c.digest, unique=True, sqlite_where=_open, postgresql_where=_open)
# What ends of itself is looked for at every filing, however many requests there have been.
_live = requests.c.state.in_(("open", "approved"))
_ends = sa.Index("pgguard_requests_ends", requests.c.expires, sqlite_where=_live, postgresql_where=_live)

# What was spent of budgets, by each node for itself: an account is one row, under the digest of node and key.
budgets = sa.Table(
    "pgguard_budgets", _meta,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("node", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
)  # fmt: skip

# Who counts as an approver depends on how long a login is known, and on who changed it: see ``trust``.
logins = sa.Table(
    "pgguard_logins", _meta,
    sa.Column("login", sa.Text, primary_key=True),
    sa.Column("first_seen", sa.Float(53), nullable=False),
)  # fmt: skip
role_changes = sa.Table(
    "pgguard_role_changes", _meta,
    sa.Column("role", sa.Text, primary_key=True),
    sa.Column("changed_by", sa.Text, primary_key=True),
    sa.Column("moment", sa.Float(53), nullable=False),
)  # fmt: skip

# Where each node's audit chain has come to. It is written after the file, so the file may be further.
audit_heads = sa.Table(
    "pgguard_audit_heads", _meta,
    sa.Column("node", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("written", sa.Float(53), nullable=False),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Database:
    """Two ways in. ``writes``: a transaction that will write takes the write lock at its start, because on SQLite one
    that read first cannot wait for it later (SQLITE_BUSY_SNAPSHOT); there those of one process also wait in line for
    one connection, because SQLite's own waiting is asking again and again, and unfair. ``file``: the SQLite file."""

    reads: AsyncEngine
    writes: AsyncEngine
    file: Path | None = None

    async def close(self) -> None:
        """Lets go of all connections."""
        await self.reads.dispose()
        await self.writes.dispose()


async def open_database(url: str) -> Database:
    """What is behind a state URL, schema made. Raises ConfigError, nothing else."""
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        file = _sqlite_file(parsed)
        database = Database(_sqlite(parsed, writes=False), _sqlite(parsed, writes=True), file)
    else:
        file = None
        database = Database(_postgresql(parsed, writes=False), _postgresql(parsed, writes=True))
    where = file if file is not None else f"{parsed.host or 'localhost'}:{parsed.port or 5432}/{parsed.database or ''}"
    try:
        await _prepare(database.writes)
    except (SQLAlchemyError, OSError, TimeoutError) as trouble:
        await database.close()
        raise ConfigError(f"state store {where}: {in_words(trouble)}", exit_code=3) from trouble
    except ConfigError:
        await database.close()
        raise
    return database


def sqlite_file_of(url: str) -> Path | None:
    """The file behind a state URL, whether it is there or not; None where it is not a file. Raises ConfigError."""
    parsed = _parse(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigError("state URL cannot be read: expected sqlite:///FILE or postgresql://...") from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise ConfigError(f'state URL: unknown kind "{parsed.drivername}", expected sqlite:///FILE or postgresql://...')
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ConfigError("state URL: a file is needed, as in sqlite:///pgguard.db")
    return parsed


def _sqlite_file(parsed: URL) -> Path:
    file = Path(parsed.database or "")
    try:
        # SQLite gives its -wal and -shm files the mode of this one.
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        mode = file.stat().st_mode
    except OSError as trouble:
        raise ConfigError(f"state file {file}: {(trouble.strerror or str(trouble)).lower()}") from None
    if not stat.S_ISREG(mode):
        raise ConfigError(f"state file {file}: not an ordinary file")
    if mode & 0o022:
        # FAIL CLOSED: whoever can write here can approve his own request.
        raise ConfigError(f"state file {file}: others can write to it (mode {stat.S_IMODE(mode):04o}), use chmod 600")
    return file


def locked(trouble: OperationalError) -> bool:
    """Another process writes to the SQLite file, and went on for longer than BUSY_MS."""
    return getattr(trouble.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY


# One SELECT needs no transaction around it, and those of sessions are all of one.
_READING = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}


def _sqlite(parsed: URL, *, writes: bool) -> AsyncEngine:
    engine = create_async_engine(
        parsed.set(drivername="sqlite+aiosqlite"), pool_size=1 if writes else 4, max_overflow=0, pool_timeout=1.0,
        pool_reset_on_return="rollback" if writes else None, connect_args={"timeout": BUSY_MS / 1000},
        **({} if writes else _READING),
    )  # fmt: skip

    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where we say, in ``begun``
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        # A spent approval must not come back after a power cut, which NORMAL allows in WAL mode.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    def begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    sa.event.listen(engine.sync_engine, "connect", connected)
    if writes:
        sa.event.listen(engine.sync_engine, "begin", begun)
    return engine


def _postgresql(parsed: URL, *, writes: bool) -> AsyncEngine:
    return create_async_engine(
        parsed.set(drivername="postgresql+asyncpg"), pool_size=4, max_overflow=0, pool_timeout=1.0, pool_pre_ping=True,
        connect_args={"timeout": 5.0, "command_timeout": 2.0}, **({} if writes else _READING),
    )  # fmt: skip


async def _prepare(writes: AsyncEngine) -> None:
    async with writes.begin() as connection:
        await _one_at_a_time(connection)
        await connection.run_sync(_meta.create_all)
        await connection.run_sync(_ends.create, checkfirst=True)  # tables that are there already may be without it
        version = (await connection.execute(sa.select(meta.c.version).where(meta.c.id == 1))).scalar()
        if version is None:
            await connection.execute(meta.insert().values(id=1, version=VERSION, created=await wall(connection)))
        elif version != VERSION:
            raise ConfigError(f"state store has schema version {version}, this pgguard knows version {VERSION}")
        if writes.dialect.name == "postgresql" and (roles := (await connection.execute(_WRITERS)).scalars().all()):
            raise ConfigError(f"state store: {', '.join(roles)} can write to it, and so approve their own requests")


# FAIL CLOSED: as with the mode of a file. Members of the owner's role and of pg_write_all_data are among them.
_WRITERS = sa.text("""
    SELECT r.rolname::text FROM pg_catalog.pg_roles r
     WHERE r.rolcanlogin AND NOT r.rolsuper AND r.rolname <> CURRENT_USER
       AND pg_catalog.has_table_privilege(r.oid, 'pgguard_requests', 'INSERT, UPDATE, DELETE, TRUNCATE')
     ORDER BY 1 LIMIT 5""")


async def _one_at_a_time(connection: AsyncConnection) -> None:
    """Two nodes that start at once would both make the tables."""
    if connection.dialect.name == "postgresql":
        await connection.execute(sa.text("SELECT pg_catalog.pg_advisory_xact_lock(7306091)"))


def in_words(trouble: BaseException) -> str:
    """What the database said, in one line, without SQLAlchemy's additions."""
    said = trouble.orig if isinstance(trouble, sa.exc.DBAPIError) and trouble.orig is not None else trouble
    lines = str(said).strip().splitlines()
    return lines[0] if lines else type(said).__name__
