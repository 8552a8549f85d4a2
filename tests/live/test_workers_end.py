"""Several workers begin and end together, whichever of them, or of their sockets, comes to harm."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from live.endpoint import password_of
from live.pgguard import PRODUCTION, Pgguard
from live.postgres import Postgres
from live.test_start import one_line, serve
from live.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.live

Start = Callable[..., Pgguard]
Connection = psycopg.Connection[Any]
SEVERAL = ("--workers", "3")


def children(guard: Pgguard) -> list[int]:
    """The workers' processes, in the order of their numbers."""
    assert guard.process is not None
    pid = guard.process.pid
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def several(number: int, connect: Callable[[], Connection]) -> Iterator[list[Connection]]:
    with ExitStack() as closing:
        yield [closing.enter_context(connect()) for _ in range(number)]


def gone(pids: list[int]) -> bool:
    return not any(Path(f"/proc/{pid}/exe").exists() for pid in pids)


def test_so_many_processes_and_one_ready_line(postgres: Postgres, start_guard: Start) -> None:
    guard = start_guard(postgres, PRODUCTION, *SEVERAL)

    assert guard.stdout().count("\n") == 1
    assert guard.stdout().endswith(" workers=3\n")
    assert len(children(guard)) == 3
    pids = children(guard)
    guard.terminate()
    assert guard.wait() == 0
    assert gone(pids)
    assert '"level": "error"' not in guard.logs()


def test_what_is_in_flight_ends_in_each_of_them(postgres: Postgres, start_guard: Start) -> None:
    guard = start_guard(postgres, PRODUCTION, *SEVERAL)
    with postgres.fresh_database() as name, several(9, lambda: guard.connect("ann", name)) as connections:
        said: list[object] = []
        threads = [
            threading.Thread(target=lambda c=c: said.append(c.execute("select 7 from pg_sleep(3)").fetchone()))
            for c in connections
        ]
        for thread in threads:
            thread.start()
        asleep = f"datname = '{name}' and wait_event = 'PgSleep'"
        postgres.wait_until(f"select count(*) = 9 from pg_stat_activity where {asleep}")
        guard.terminate()
        for thread in threads:
            thread.join(PATIENCE)

        assert guard.wait() == 0
        assert said == [(7,)] * 9


@pytest.mark.parametrize("which", [0, 2])
def test_when_one_is_killed_all_of_them_end(postgres: Postgres, start_guard: Start, which: int) -> None:
    """What it had announced cannot be taken back. Nothing that was open is committed, and a new start knows all."""
    guard = start_guard(postgres, PRODUCTION, *SEVERAL)
    with (
        postgres.fresh_database() as name,
        several(6, lambda: guard.connect("ann", name, autocommit=False)) as connections,
    ):
        for n, connection in enumerate(connections, 1):
            connection.execute(f"delete from notes where id = {n}".encode())
        with pytest.raises(psycopg.Error), guard.connect("ann", name) as asking:
            asking.execute("delete from orders")
        pids = children(guard)
        os.kill(pids[which], signal.SIGKILL)

        assert guard.wait() == 1
        wait_until(lambda: gone(pids))
        assert f'"worker": {which}, "pid": {pids[which]}' in guard.logs()
        for connection in connections:
            with pytest.raises(psycopg.OperationalError):
                connection.execute("select 1")
        left = f"select not exists (select from pg_stat_activity where datname = '{name}' and usename = 'ann')"
        postgres.wait_until(left)
        assert postgres.value("select count(*) from notes", dbname=name) == 1000
        guard.start()
        assert guard.cli("requests", "1").returncode == 0
        assert guard.cli("audit", "verify", str(guard.audit)).returncode == 0


def test_when_the_parent_is_killed_all_of_them_end(postgres: Postgres, start_guard: Start) -> None:
    guard = start_guard(postgres, PRODUCTION, *SEVERAL)
    pids = children(guard)
    guard.kill()

    wait_until(lambda: gone(pids))
    guard.start()
    with guard.connect("ann", "postgres") as connection:
        assert connection.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize("workers", ["3", None])
def test_an_address_is_not_shared_with_another_pgguard(
    postgres: Postgres, start_guard: Start, tmp_path: Path, workers: str | None
) -> None:
    """The kernel would let two of them stand on one port, and nobody would know which of them he talks to."""
    guard = start_guard(postgres, PRODUCTION, *SEVERAL)
    ran = serve(postgres, tmp_path, listen=f"127.0.0.1:{guard.port}", workers=workers)

    one_line(ran, "cannot listen", "address already in use", exit_code=2)


@pytest.mark.parametrize(
    ("changed", "words", "code"),
    [
        ({"workers": "0"}, "workers", 2),
        ({"workers": "2", "policies": "/nowhere.yaml"}, "/nowhere.yaml", 2),
        ({"workers": "2", "admin_dsn": "postgresql://nobody:x@127.0.0.1:1/postgres"}, "127.0.0.1:1", 3),
        ({"workers": "2", "state": "sqlite:////nowhere/at/all.db"}, "nowhere", (2, 3)),
        ({"workers": "2", "audit": "/nowhere/audit.jsonl"}, "/nowhere", 2),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_once(
    postgres: Postgres, tmp_path: Path, changed: dict[str, str], words: str, code: int | tuple[int, ...]
) -> None:
    one_line(serve(postgres, tmp_path, **changed), words, exit_code=code)


def test_unix_socket_and_limit_of_connections(postgres: Postgres, start_guard: Start, tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="pgg"))  # a short path: that of a unix socket has a hundred bytes
    try:
        listen = f"{folder}:6432,127.0.0.1:0,[::1]:0"
        guard = start_guard(postgres, PRODUCTION, *SEVERAL, "--listen", listen, "--max-connections", "5")

        def connect() -> Connection:
            return psycopg.connect(
                host=str(folder), port=6432, user="ann", dbname="postgres", password=password_of("ann")
            )

        with several(5, connect), pytest.raises(psycopg.OperationalError, match="too many clients"):
            connect()
        guard.terminate()
        assert guard.wait() == 0
        assert os.listdir(folder) == []
    finally:
        for left in folder.iterdir():
            left.unlink()
        folder.rmdir()


def test_new_connections_go_to_all_of_them(postgres: Postgres, start_guard: Start) -> None:
    guard = start_guard(postgres, PRODUCTION, *SEVERAL)
    pids = children(guard)

    def now() -> list[int]:
        return [len(os.listdir(f"/proc/{pid}/fd")) for pid in pids]

    before = now()
    idle = [socket.create_connection((guard.host, guard.port)) for _ in range(60)]
    wait_until(lambda: all(one > other for one, other in zip(now(), before, strict=True)), lambda: (before, now()))
    for one in idle:
        one.close()
