"""A PgBouncer process in session mode in front of the bench's server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
from live.endpoint import Endpoint, clean_environment, password_of
from live.postgres import Postgres, free_port, server_account

CONFIG = """\
[databases]
* = host={upstream_host} port={upstream_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {directory}/userlist.txt
pool_mode = session
max_client_conn = 2000
default_pool_size = 1000
ignore_startup_parameters = extra_float_digits,options
log_connections = 0
log_disconnections = 0
"""


def program() -> str | None:
    """Debian puts it where only root's PATH looks."""
    return shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")


class PgBouncer(Endpoint):
    """Started by its constructor, on a free port; the same sign-in as everywhere (SCRAM on both sides)."""

    def __init__(self, upstream: Postgres, users: tuple[str, ...]) -> None:
        found = program()
        if found is None:
            raise FileNotFoundError("pgbouncer is not installed")
        self.bindir = upstream.bindir
        self.port = free_port()
        self._directory = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
        self._config("pgbouncer.ini").write_text(
            CONFIG.format(
                upstream_host=upstream.host, upstream_port=upstream.port, port=self.port, directory=self._directory
            )
        )
        self._config("userlist.txt").write_text("".join(f'"{user}" "{password_of(user)}"\n' for user in users))
        account = server_account()
        if account:
            for path in (self._directory, *self._directory.iterdir()):
                os.chown(path, account["user"], account["group"])
        with self._config("log").open("wb") as log:
            self._process = subprocess.Popen(
                [found, str(self._config("pgbouncer.ini"))], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env=clean_environment(), cwd=self._directory, start_new_session=True, **account,
            )  # fmt: skip
        self._wait_until_it_answers(users[0])

    def _config(self, name: str) -> Path:
        return self._directory / name

    def _wait_until_it_answers(self, user: str) -> None:
        deadline = time.monotonic() + 15
        while True:
            try:
                self.connect(user, "postgres").close()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    log = self._config("log").read_text()
                    self.stop()
                    raise RuntimeError(f"PgBouncer does not answer: {error} {log}") from error
                time.sleep(0.1)
            else:
                return

    def rss_kb(self) -> int:
        """Resident memory of the process."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found
        return int(found.group(1))

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        shutil.rmtree(self._directory, ignore_errors=True)
