"""Statements per second, by pgbench."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from live.endpoint import Endpoint, clean_environment, password_of

from bench.lanes import DATABASE, USER

PICK = "\\set aid random(1, {accounts})\n"
SELECT = PICK + "SELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n"
KEYED_UPDATE = PICK + "UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :aid;\n"
# Touches the same single row, but no unique key says so: it has to be measured.
RANGE_UPDATE = PICK + "UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid BETWEEN :aid AND :aid;\n"
# The same row again, by a function whose body cannot be read to its end: whatever it does is measured.
CALLING_SELECT = PICK + "SELECT balance(:aid);\n"


@dataclass(frozen=True)
class Throughput:
    """One pgbench run. The number is transactions per second, without the time to connect."""

    label: str
    script: str
    mode: str  # simple or prepared
    clients: int
    accounts: int
    seconds: int
    unit = "tps"

    def run(self, way: Endpoint) -> float:
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write(self.script.format(accounts=self.accounts))
            script.flush()
            command = [
                str(Path(way.bindir) / "pgbench"), "-n", "-f", script.name, "-M", self.mode, "-c", str(self.clients),
                "-j", str(min(self.clients, 2)), "-T", str(self.seconds), "-h", way.host, "-p", str(way.port),
                "-U", USER, DATABASE,
            ]  # fmt: skip
            ran = subprocess.run(
                command, check=False, capture_output=True, text=True, timeout=self.seconds + 60,
                env=clean_environment({"PGPASSWORD": password_of(USER)}),
            )  # fmt: skip
        found = re.search(r"^tps = ([\d.]+)", ran.stdout, re.MULTILINE)
        # A number made partly of refusals would look fast.
        failed = re.search(r"number of failed transactions: ([1-9]\d*)", ran.stdout)
        if ran.returncode or not found or failed or "ERROR" in ran.stderr:
            raise RuntimeError(f"pgbench {self.label}: {ran.stderr or ran.stdout}")
        return float(found.group(1))


def workloads(accounts: int, seconds: int) -> list[Throughput]:
    """Select-only in both protocols with one and eight clients, and what is proved or must be measured."""
    selects = [
        Throughput(f"SELECT by key, {mode}, {_clients(clients)}", SELECT, mode, clients, accounts, seconds)
        for mode in ("simple", "prepared")
        for clients in (1, 8)
    ]
    scripts = {
        "UPDATE by key (proved)": KEYED_UPDATE,
        "UPDATE by range (measured)": RANGE_UPDATE,
        "SELECT of a function (measured)": CALLING_SELECT,
    }
    judged = [
        Throughput(f"{name}, {mode}, 1 client", script, mode, 1, accounts, seconds)
        for name, script in scripts.items()
        for mode in ("simple", "prepared")
    ]
    return selects + judged


def _clients(count: int) -> str:
    return "1 client" if count == 1 else f"{count} clients"
