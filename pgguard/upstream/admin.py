"""What the rest of pgguard asks the server over connections of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import asyncpg

from pgguard.catalog.picture import Picture
from pgguard.catalog.reach import read_reason
from pgguard.errors import UpstreamUnavailable
from pgguard.evidence.particulars import Particulars, Size
from pgguard.evidence.session_facts import STARTED
from pgguard.upstream.connection import Connection, as_text
from pgguard.upstream.pictures import Pictures
from pgguard.upstream.server import Server
from pgguard.upstream.witness import SETTINGS, Hidden, sizes, witness

DEADLINE = 3.0
_WHICH = f"SELECT system_identifier::text, {STARTED} FROM pg_catalog.pg_control_system()"
_MEMBERSHIPS = """
    WITH RECURSIVE member(oid) AS (
        SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname::text OPERATOR(pg_catalog.=) $1
        UNION SELECT m.roleid FROM pg_catalog.pg_auth_members m
               JOIN member ON m.member OPERATOR(pg_catalog.=) member.oid)
    SELECT r.rolname::text FROM pg_catalog.pg_roles r JOIN member ON r.oid OPERATOR(pg_catalog.=) member.oid"""
_CAN_BECOME = """
    WITH RECURSIVE reaches(oid) AS (
        SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname OPERATOR(pg_catalog.=) CURRENT_USER
        UNION SELECT m.member FROM pg_catalog.pg_auth_members m
               JOIN reaches ON m.roleid OPERATOR(pg_catalog.=) reaches.oid)
    SELECT r.rolname::text FROM pg_catalog.pg_roles r JOIN reaches ON r.oid OPERATOR(pg_catalog.=) reaches.oid
     WHERE r.rolname OPERATOR(pg_catalog.<>) CURRENT_USER AND NOT r.rolsuper
       AND r.rolname::text OPERATOR(pg_catalog.~~) $1 ORDER BY 1"""
_COUNTED = """
    SELECT pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid)::int,
           pg_catalog.pg_stat_get_xact_tuples_updated(c.oid)::int,
           pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid)::int
      FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) 'pg_temp.pgguard_self_test'::pg_catalog.regclass"""


class Admin:
    """``dsn`` gives host, user, password and TLS; the database is replaced. All methods raise UpstreamUnavailable."""

    def __init__(
        self, dsn: str, settings: Mapping[str, str] | None = None, *, max_age: float = 2.0, deadline: float = DEADLINE
    ) -> None:
        self._dsn = dsn
        self._settings = dict(settings or {})
        self._deadline = deadline
        self._identifier = ""  # of the one server that may be at the other end, once it is known
        self.moved: Callable[[str, str], None] | None = None  # is told of a database that is at another server now
        self._started: dict[str, str] = {}  # when the server was started that each database's connection has reached
        self._connections: dict[str | None, Connection] = {}
        self._witnesses: dict[str, Connection] = {}
        self._pictures = Pictures(self._connection, max_age)

    async def identify(self, deadline: float | None = None) -> Server:
        """Version, system identifier and address of the server behind the DSN."""
        async with self._connection(None).use(deadline or self._deadline) as connection:
            version, identifier = await connection.fetchrow(
                "SELECT pg_catalog.current_setting('server_version_num')::int, system_identifier::text"
                " FROM pg_catalog.pg_control_system()"
            )
            host, port = _address(connection)
        self._identifier = str(identifier)
        return Server(version, identifier, f"{host}:{port}")

    async def picture(self, database: str, deadline: float | None = None) -> Picture:
        """The database's picture, at most ``max_age`` seconds old."""
        return await self._pictures.get(database, deadline or self._deadline)

    def picture_age(self, database: str) -> float:
        return self._pictures.age(database)

    def fresh(self, database: str, max_age: float) -> bool:
        return self._pictures.fresh(database, max_age)

    def invalidate(self, database: str) -> None:
        self._pictures.invalidate(database)

    async def look(self, database: str, sql: str, deadline: float | None = None) -> list[list[str | None]]:
        """Rows of one query of ours, as committed now, every value as text."""
        async with self._connection(database).use(deadline or self._deadline) as connection:
            return [[as_text(value) for value in row] for row in await connection.fetch(sql)]

    async def totals(self, database: str, stops: Mapping[int, int], deadline: float | None = None) -> dict[int, int]:
        """Rows of each relation, counting no further than its stop. Relations that cannot be counted are missing."""
        picture = await self.picture(database, deadline)
        found: dict[int, int] = {}
        for oid, stop in stops.items():
            relation = picture.relations.get(oid)
            # Reading a table can run its owner's code, and here it would run with our rights.
            if relation is None or relation.kind not in ("r", "p") or read_reason(picture, oid):
                continue
            only = "" if relation.kind == "p" else "ONLY "
            table = f"{_quoted(relation.schema)}.{_quoted(relation.name)}"
            sql = f"SELECT pg_catalog.count(*) FROM (SELECT 1 FROM {only}{table} LIMIT {int(stop)}) x"
            async with self._connection(database).use(deadline or self._deadline) as connection:
                try:
                    found[oid] = await connection.fetchval(sql)
                except asyncpg.PostgresError:
                    continue
        return found

    async def witness(
        self, database: str, backend: int, tables: Sequence[int], hidden: Hidden, deadline: float
    ) -> Particulars:
        """What can be told of the transaction of this server process: its locks, and rows that it is about to lose."""
        picture = await self.picture(database, deadline)
        async with self._witness(database).use(deadline) as connection:
            return await witness(connection, picture, backend, tables, hidden)

    async def sizes(self, database: str, tables: Sequence[int], deadline: float) -> dict[int, Size]:
        """How large these tables are; those that are locked, or gone, are missing."""
        async with self._witness(database).use(deadline) as connection:
            return await sizes(connection, tables)

    async def memberships(self, role: str, deadline: float | None = None) -> frozenset[str]:
        """Every role that ``role`` is a member of, directly or not, and itself. Empty when there is no such role."""
        async with self._connection(None).use(deadline or self._deadline) as connection:
            return frozenset(row[0] for row in await connection.fetch(_MEMBERSHIPS, role))

    async def can_become(self, role_pattern: str = "%", deadline: float | None = None) -> str:
        """A warning when ordinary roles (LIKE ``role_pattern``) are members of the admin role, else ""."""
        async with self._connection(None).use(deadline or self._deadline) as connection:
            roles = [row[0] for row in await connection.fetch(_CAN_BECOME, role_pattern)]
        if not roles:
            return ""
        return f"the admin role is not its own: {', '.join(roles)} can become it"

    async def self_test(self, database: str, deadline: float | None = None) -> None:
        """Prove once that this server counts rows the way everything here relies on; raise when it does not."""
        async with self._connection(database).use(deadline or self._deadline) as connection:
            transaction = connection.transaction(readonly=False)
            await transaction.start()
            try:
                await connection.execute("SET TRANSACTION READ WRITE")
                await connection.execute(
                    "CREATE TEMPORARY TABLE pgguard_self_test (n integer);"
                    " INSERT INTO pg_temp.pgguard_self_test VALUES (1), (2), (3), (4), (5), (6);"
                    " UPDATE pg_temp.pgguard_self_test SET n = 0 WHERE n OPERATOR(pg_catalog.<) 3;"
                    " DELETE FROM pg_temp.pgguard_self_test WHERE n OPERATOR(pg_catalog.>) 3"
                )
                counted = tuple(await connection.fetchrow(_COUNTED))
            finally:
                await transaction.rollback()
        if counted != (6, 2, 3):
            raise UpstreamUnavailable(
                f'database "{database}" does not count row changes as expected: {counted} instead of (6, 2, 3);'
                " track_counts must be on"
            )

    async def release(self, database: str) -> None:
        """Let go of the connections to this database until somebody asks again."""
        await self._pictures.rest(database)
        for connections in (self._connections, self._witnesses):
            if database in connections:
                await connections[database].close()

    async def close(self) -> None:
        await self._pictures.close()
        for connection in (*self._connections.values(), *self._witnesses.values()):
            await connection.close()
        self._connections.clear()

    async def is_at(self, database: str, started: str) -> bool:
        """Whether this database's connection has reached the server that was started then: another copy of the same
        server would speak of other tables."""
        if self._started.get(database) != started:
            with contextlib.suppress(UpstreamUnavailable):  # it was restarted, and the connection does not know yet
                await self.look(database, "SELECT")
            await self.look(database, "SELECT")
        return self._started.get(database) == started

    async def _arrived(self, database: str, connection: Any) -> None:
        """Somebody may have put another server behind the address: what it says is not about ours."""
        found, started = await connection.fetchrow(_WHICH)
        if self._identifier and found != self._identifier:
            raise UpstreamUnavailable(f"another server: its system_identifier is {found}, not {self._identifier}")
        before, self._started[database] = self._started.get(database), started
        if before not in (None, started) and self.moved is not None:
            self.moved(database, started)

    def _witness(self, database: str) -> Connection:
        """One of its own: a scan for people must not stand in the way of those whose transactions wait to be judged."""
        found = self._witnesses.get(database)
        if found is None:
            found = self._witnesses[database] = Connection(
                self._dsn,
                database,
                {**self._settings, **SETTINGS},
                partial(self._arrived, f"{database}, for witnesses"),
            )
        return found

    def _connection(self, database: str | None) -> Connection:
        found = self._connections.get(database)
        if found is None:
            found = self._connections[database] = Connection(
                self._dsn, database, self._settings, partial(self._arrived, database or "")
            )
        return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _address(connection: Any) -> tuple[str, int]:
    address = connection._addr  # asyncpg has no public name for where it connected to
    return (address, 0) if isinstance(address, str) else (str(address[0]), int(address[1]))
