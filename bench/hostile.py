"""``python -m bench.hostile``: how long others wait for a SELECT while one client sends what is worst to read."""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable
from multiprocessing.synchronize import Event

from live import frontend
from live.pgguard import Pgguard
from live.postgres import Postgres, bindir_of
from live.raw import Raw

EVERY = 0.005
USER = "app"
DATABASE = "postgres"
ROW = "(%d, 'a name of some length', 'someone@example.com', 12.50, null, '2026-01-02 03:04:05')"

# What the first client sends, again and again; each text is made in its own process.
WORST: dict[str, Callable[[], str]] = {
    "nothing": lambda: "",
    "a SELECT of 8 kB, 1,000 ORs": lambda: "select 1 where 1=2" + " or 1=2" * 1_000,
    "1,500 statements in 8 kB": lambda: "end;" * 1_500,
    "1.6 MB of chained ORs": lambda: "select 1 where 1=2" + " or 1=2" * 228_000,
    "1 MB of nested parentheses": lambda: "select " + "(" * 500_000 + "1" + ")" * 500_000,
    "1 MB of chained +": lambda: "select 1" + "+1" * 500_000,
    "1 MB of statements": lambda: "select 1;" * 110_000,
    "1.9 MB of rows": lambda: rows(1_900_000),
    "20 MB of rows": lambda: rows(20_000_000),
    "60 MB of rows": lambda: rows(60_000_000),
}


def rows(size: int) -> str:
    """The rows of an INSERT of about so many bytes, as a SELECT: what the server does with them is not the question."""
    return "values " + ", ".join(ROW % number for number in range(size // len(ROW))) + " limit 1"


def attack(host: str, port: int, text: str, go: Event, stop: Event) -> None:
    guard = Pgguard.__new__(Pgguard)
    guard.host, guard.port = host, port
    message = frontend.query(WORST[text]())
    go.set()
    while not stop.is_set():
        try:
            with Raw.connect(guard, USER, DATABASE) as raw:
                raw.socket.settimeout(300)
                while not stop.is_set():
                    raw.ask(message)
                    stop.wait(0.01 if text == "nothing" else 0)
        except (OSError, EOFError):  # refused with the end of the connection: once more
            stop.wait(0.01)


def waits(raw: Raw, seconds: float) -> list[float]:
    """Milliseconds that each SELECT came late: one is due every ``EVERY`` seconds, whatever became of those before."""
    found: list[float] = []
    begin = time.perf_counter()
    while (due := begin + EVERY * len(found)) < begin + seconds:
        if (early := due - time.perf_counter()) > 0:
            time.sleep(early)
        raw.query("select 1")
        found.append((time.perf_counter() - due) * 1_000)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.hostile", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--only", help="texts that contain this word")
    chosen = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    server = Postgres(15 if bindir_of(15) else 18).start()
    guard = Pgguard(server)
    try:
        guard.start()
        print("| the first client sends | median (ms) | p99 | worst |\n|---|---:|---:|---:|")
        for text in WORST:
            if chosen.only and chosen.only not in text:
                continue
            go, stop = spawn.Event(), spawn.Event()
            first = spawn.Process(target=attack, args=(guard.host, guard.port, text, go, stop))
            with Raw.connect(guard, USER, DATABASE) as raw:
                raw.socket.settimeout(300)
                first.start()
                go.wait()
                found = sorted(waits(raw, chosen.seconds))
            stop.set()
            first.terminate()
            first.join()
            p99 = found[min(len(found) - 1, int(len(found) * 0.99))]
            print(f"| {text} | {statistics.median(found):.2f} | {p99:.1f} | {found[-1]:.0f} |", flush=True)
    finally:
        guard.discard()
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
