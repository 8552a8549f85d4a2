"""``python -m bench.crowd``: many connections at once, most of them idle, on one pgguard."""

from __future__ import annotations

import argparse
import os
import platform
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from threading import Event, Thread

from live.endpoint import Endpoint
from live.pgguard import PRODUCTION, Pgguard
from live.postgres import Postgres, bindir_of
from live.raw import Raw

from bench.lanes import DATABASE, USER, fill
from bench.table import markdown
from bench.throughput import KEYED_UPDATE, SELECT, Throughput

ROWS = 100_000


def waits(way: Endpoint, stop: Event) -> list[float]:
    """Of one more client, who wants a row every 20 ms, in milliseconds."""
    found = []
    with Raw.connect(way, USER, DATABASE) as raw:
        while not stop.is_set():
            began = time.perf_counter()
            raw.query("select abalance from pgbench_accounts where aid = 1")
            found.append((time.perf_counter() - began) * 1000)
            stop.wait(0.02)
    return found


def busy(way: Endpoint, script: str, clients: int, seconds: int) -> tuple[float, float, float]:
    """Transactions per second of so many clients; median and 99th percentile of what one more waits meanwhile."""
    stop, found = Event(), list[float]()
    thread = Thread(target=lambda: found.extend(waits(way, stop)))
    thread.start()
    try:
        tps = Throughput("", script, "prepared", clients, ROWS, seconds).run(way)
    finally:
        stop.set()
        thread.join(60)
    return tps, median(found), quantiles(found, n=100)[-1]


def lanes(server: Postgres, workers: int) -> Iterator[tuple[str, Endpoint]]:
    """One after the other, so that none takes anything from another."""
    yield "direct", server
    for count in (1, workers) if workers > 1 else (1,):
        guard = Pgguard(server, PRODUCTION, "--workers", str(count)).start()
        try:
            yield "pgguard" if count == 1 else f"pgguard, {count} workers", guard
        finally:
            guard.stop()


def memory_of(guard: Pgguard) -> str:
    """In MB, of all its processes; what they share counts in each."""
    assert guard.process is not None
    pids = [guard.process.pid]
    for pid in pids:
        pids += [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return f"{pages * resource.getpagesize() / 2**20:,.0f}"


def crowd(way: Endpoint, idle: int, clients: int, seconds: int) -> list[list[str]]:
    """A row of the table for each of: nobody idle, and ``idle`` connections that each ran one statement."""
    rows = []
    with ExitStack() as stack:
        for standing in (0, idle):
            began = time.perf_counter()
            for _ in range(standing):
                raw = stack.enter_context(Raw.connect(way, USER, DATABASE))
                raw.query("select abalance from pgbench_accounts where aid = 1")
            took = time.perf_counter() - began
            memory = memory_of(way) if isinstance(way, Pgguard) else "-"
            for label, script in (("SELECT", SELECT), ("UPDATE by key", KEYED_UPDATE)):
                tps, middle, worst = busy(way, script, clients, seconds)
                signed_in = f"{standing / took:,.0f}" if standing else "-"
                rows.append([f"{label}, {clients} busy, {standing:,} idle", f"{tps:,.0f}", f"{middle:.1f}",
                             f"{worst:.1f}", signed_in, memory])  # fmt: skip
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.crowd", description=__doc__)
    parser.add_argument("--idle", type=int, default=2000)
    parser.add_argument("--busy", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2, help="of a second pgguard; 1: without that (default: 2)")
    chosen = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    room = str(chosen.idle + chosen.busy + 60)
    server = Postgres(15 if bindir_of(15) else 18, max_connections=room, shared_buffers="256MB").start()
    try:
        fill(server, ROWS)
        print(f"PostgreSQL {server.value('show server_version')}, Python {platform.python_version()}, "
              f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f} at start\n", flush=True)  # fmt: skip
        for name, way in lanes(server, chosen.workers):
            head = [name, "tps", "one more: median (ms)", "p99", "sign-ins/s", "memory (MB)"]
            print(markdown(head, crowd(way, chosen.idle, chosen.busy, chosen.seconds)), end="\n\n", flush=True)
            server.wait_until(f"select count(*) < 5 from pg_stat_activity where usename = '{USER}'", seconds=60)
            if isinstance(way, Pgguard):
                print(f"memory when all have gone: {memory_of(way)} MB", end="\n\n", flush=True)
    finally:
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
