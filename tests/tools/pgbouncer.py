"""A PgBouncer in front of any endpoint, in session or transaction mode."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
from live.endpoint import Endpoint, clean_environment, password_of
from live.postgres import free_port, server_account

CONFIG = """\
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
unix_socket_dir =
auth_type = {auth_type}
auth_file = {directory}/userlist.txt
pool_mode = {mode}
default_pool_size = {size}
server_tls_sslmode = disable
{more}
"""
USERS = ("app", "ann", "bob", "pgguard_admin", "postgres")


class PgBouncer(Endpoint):
    """Running once it is made. Its own users sign in with SCRAM on both sides, from plain passwords in its file."""

    def __init__(
        self, upstream: Endpoint, program: str, mode: str, *more: str, size: int = 2, auth_type: str = "scram-sha-256"
    ) -> None:
        self.bindir = upstream.bindir
        self.port = free_port()
        self._directory = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
        config, users = self._directory / "pgbouncer.ini", self._directory / "userlist.txt"
        config.write_text(
            CONFIG.format(
                host=upstream.host, port=upstream.port, own=self.port, directory=self._directory, mode=mode, size=size,
                more="\n".join(more), auth_type=auth_type,
            )
        )  # fmt: skip
        users.write_text("".join(f'"{user}" "{password_of(user)}"\n' for user in USERS))
        account = server_account()
        if account:
            for path in (self._directory, config, users):
                os.chown(path, account["user"], account["group"])
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [program, str(config)], stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=clean_environment(),
                cwd=self._directory, start_new_session=True, **account,
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while True:
            try:
                self.connect("app", "postgres").close()
                return
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    log_text = self.log()
                    self.stop()
                    raise RuntimeError(f"PgBouncer does not answer: {error} {log_text}") from error
                time.sleep(0.1)

    def log(self) -> str:
        return (self._directory / "log").read_text()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(60)
        shutil.rmtree(self._directory, ignore_errors=True)
