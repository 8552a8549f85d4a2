"""What a budget costs a proved write: keyed updates with and without one, in turns: throughput and processor time."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from statistics import median

from live.pgguard import PRODUCTION, Pgguard
from live.postgres import Postgres

from bench.table import markdown
from bench.throughput import KEYED_UPDATE, Throughput

BUDGET = """
budgets:
  - {name: bench, per: [caller, database], rows: 1000000000, window: 1h, beyond: refuse}
"""


def compared(server: Postgres, accounts: int, seconds: int, count: int) -> str:
    """A table with a row for each protocol."""
    limits = PRODUCTION.read_text().partition("\nbudgets:")[0]
    with tempfile.TemporaryDirectory() as folder:
        guards = []
        for name, text in (("without", limits), ("with", limits + BUDGET)):
            path = Path(folder, f"{name}.yaml")
            path.write_text(text)
            guards.append(Pgguard(server, path).start())
        try:
            rows = [_row(mode, guards, accounts, seconds, count) for mode in ("simple", "prepared")]
        finally:
            for guard in guards:
                guard.stop()
    head = ["UPDATE by key (proved), 1 client", "tps without", "tps with", "CPU without (us)", "CPU with (us)"]
    return markdown(head, rows)


def _row(mode: str, guards: list[Pgguard], accounts: int, seconds: int, count: int) -> list[str]:
    workload = Throughput("UPDATE by key", KEYED_UPDATE, mode, 1, accounts, seconds)
    tps: dict[int, list[float]] = {0: [], 1: []}
    spent: dict[int, list[float]] = {0: [], 1: []}
    for number in range(count * 2):
        which = number % 2 ^ (number // 2) % 2  # the lanes in another order each time
        before = processor_seconds(guards[which])
        tps[which].append(workload.run(guards[which]))
        used = processor_seconds(guards[which]) - before
        spent[which].append(1e6 * used / (tps[which][-1] * seconds))
    # The least of several: whatever else runs on the machine only adds to processor time.
    return [mode, *(f"{median(tps[n]):,.0f}" for n in (0, 1)), *(f"{min(spent[n]):.1f}" for n in (0, 1))]


def processor_seconds(guard: Pgguard) -> float:
    """User and system time of the process so far."""
    assert guard.process is not None
    fields = Path(f"/proc/{guard.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
