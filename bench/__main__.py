"""``python -m bench``: run every workload on every lane and print the tables."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from typing import Protocol

from live.endpoint import Endpoint
from live.pgguard import Pgguard

from bench import budgets, memory, streams, table, throughput
from bench.lanes import DATABASE, Lanes, opened
from bench.pgbouncer import PgBouncer


class Workload(Protocol):
    @property
    def label(self) -> str: ...

    def run(self, way: Endpoint) -> float: ...


def rounds(lanes: Lanes, workloads: Sequence[Workload], count: int) -> dict[str, dict[str, list[float]]]:
    """Every workload on every lane once per round, the lanes in another order each time."""
    results: dict[str, dict[str, list[float]]] = {w.label: {way: [] for way in lanes.ways} for w in workloads}
    ways = list(lanes.ways)
    for number in range(count):
        order = ways[number % len(ways) :] + ways[: number % len(ways)]
        for workload in workloads:
            for way in order:
                if sys.stderr.isatty():
                    print(f"\rround {number + 1}/{count}  {workload.label}  {way}\x1b[K", end="", file=sys.stderr)
                results[workload.label][way].append(workload.run(lanes.ways[way]))
                lanes.server.sql("truncate sink", dbname=DATABASE)
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    return results


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short runs, for a look: noisy numbers")
    parser.add_argument("--rounds", type=int, help="how often each workload runs on each lane (default 5; quick 1)")
    parser.add_argument("--seconds", type=int, help="length of one pgbench run (default 5; quick 1)")
    parser.add_argument("--rows", type=int, help="rows of the streams (default 1000000; quick 200000)")
    parser.add_argument("--idle", type=int, help="idle connections for the memory figure (default 500; quick 100)")
    parser.add_argument("--only", choices=("throughput", "budgets", "streams", "memory"), help="one of the tables")
    chosen = parser.parse_args()
    quick = chosen.quick
    count = chosen.rounds or (1 if quick else 5)
    seconds = chosen.seconds or (1 if quick else 5)
    rows = chosen.rows or (200_000 if quick else 1_000_000)
    idle = chosen.idle or (100 if quick else 500)

    with opened(accounts=rows, idle=idle) as lanes:
        version = lanes.server.value("show server_version")
        print(f"PostgreSQL {version}, Python {platform.python_version()}, {os.cpu_count()} CPUs, "
              f"load {os.getloadavg()[0]:.1f} at start, median of {count}\n", flush=True)  # fmt: skip
        if chosen.only in (None, "throughput"):
            print(table.throughput(rounds(lanes, throughput.workloads(rows, seconds), count)), end="\n\n", flush=True)
        if chosen.only in (None, "budgets"):
            print(budgets.compared(lanes.server, rows, seconds, count), end="\n\n", flush=True)
        if chosen.only in (None, "streams"):
            print(table.streams(rounds(lanes, streams.workloads(rows), count)), end="\n\n", flush=True)
        if chosen.only in (None, "memory"):
            proxies = {way: proxy for way, proxy in lanes.ways.items() if isinstance(proxy, (Pgguard, PgBouncer))}
            found = {way: memory.per_connection_kb(proxy, idle) for way, proxy in proxies.items()}
            print(table.memory(found, idle), flush=True)
        return 3 if "pgguard" in lanes.missing else 0


if __name__ == "__main__":
    sys.exit(main())
