"""The embedded server: it asks everybody for a password, and leaves neither process nor folder."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from shutil import copytree

import psycopg
import pytest

from pgguard.demo.embedded import Embedded, free_port, wheel_bindir
from pgguard.errors import ConfigError

pytestmark = pytest.mark.live


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:  # it has gone since
        return True


def test_it_runs_and_leaves_nothing(bindir: Path) -> None:
    with Embedded(bindir) as server:
        folder, pid = server.folder, server.pid
        assert folder is not None and pid is not None
        with psycopg.connect(server.dsn("postgres")) as connection:
            row = connection.execute("select current_user::text, current_setting('password_encryption')").fetchone()

        assert row == ("postgres", "scram-sha-256")
        assert list(folder.glob("password")) == []

    assert gone(pid)
    assert not folder.exists()


def test_nobody_comes_in_without_the_password(bindir: Path) -> None:
    with Embedded(bindir) as server:
        for dsn in (server.dsn("postgres", "postgres", "wrong"), f"host=127.0.0.1 port={server.port} user=postgres"):
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(dsn)


def test_an_exception_ends_it() -> None:
    with pytest.raises(RuntimeError, match="ours"), Embedded() as server:
        folder, pid = server.folder, server.pid
        raise RuntimeError("ours")

    assert folder is not None and not folder.exists()
    assert pid is not None and gone(pid)


def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match=r"could not create any TCP/IP sockets|in use") as caught:
            Embedded(port=taken.getsockname()[1]).__enter__()

    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3


def test_no_programs_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no PostgreSQL programs"):
        Embedded(tmp_path).__enter__()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
def test_programs_that_the_servers_user_cannot_read_are_copied(tmp_path: Path) -> None:
    """A virtual environment below /root, or installed with umask 077."""
    package = wheel_bindir().parents[1]
    hidden = tmp_path / "hidden"
    copytree(package / "pginstall", hidden / package.name / "pginstall", symlinks=True)
    copytree(package.with_name(package.name + ".libs"), hidden / (package.name + ".libs"), symlinks=True)
    hidden.chmod(0o700)

    with Embedded(hidden / package.name / "pginstall" / "bin") as server:
        assert server.folder is not None and (server.folder / "programs").is_dir()
        with psycopg.connect(server.dsn("postgres")) as connection:
            assert connection.execute("select 1").fetchone() == (1,)


SCRIPT = """
import signal, sys, time
from pgguard.demo.embedded import Embedded
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with Embedded() as server:
    print(server.pid, server.folder, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_signal_leaves_a_server(how: signal.Signals) -> None:
    root = Path(__file__).resolve().parents[2]
    script = [sys.executable, "-c", SCRIPT]
    with subprocess.Popen(script, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=root) as parent:
        assert parent.stdout is not None
        pid, folder = parent.stdout.readline().split()
        parent.send_signal(how)
        parent.wait(60)

    deadline = time.monotonic() + 60
    while not gone(int(pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert gone(int(pid))
    if how is signal.SIGKILL:  # no code of ours ran: the kernel ended the server, the folder stays
        subprocess.run(["rm", "-rf", folder], check=True)
    assert not Path(folder).exists()


def test_a_free_port_is_free() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free_port()))
