"""Seconds to move many rows in one statement, with a client that does nothing but move bytes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from live import frontend
from live.endpoint import Endpoint
from live.raw import Raw

from bench.lanes import DATABASE, USER

COLUMNS = "aid, bid, abalance"
READY = b"Z\0\0\0\5I"
CHUNK = 1 << 18


@dataclass(frozen=True)
class Stream:
    """One statement whose rows go one way. The number is its wall-clock time, sign-in left out."""

    label: str
    move: Callable[[Raw], None]
    unit = "s"

    def run(self, way: Endpoint) -> float:
        with Raw.connect(way, USER, DATABASE) as raw:
            began = time.perf_counter()
            self.move(raw)
            return time.perf_counter() - began


def workloads(rows: int) -> list[Stream]:
    words = f"{rows:,} rows"
    select = f"select {COLUMNS} from pgbench_accounts limit {rows}"
    return [
        Stream(f"SELECT {words}", lambda raw: _drain(raw, frontend.query(select))),
        Stream(f"COPY {words} TO STDOUT", lambda raw: _drain(raw, frontend.query(f"copy ({select}) to stdout"))),
        Stream(f"COPY {words} FROM STDIN", lambda raw: _pour(raw, rows)),
    ]


def _drain(raw: Raw, message: bytes) -> None:
    buffer = bytearray(CHUNK)
    raw.send(message)
    tail = b""
    while tail != READY:
        got = raw.socket.recv_into(buffer)
        if not got:
            raise RuntimeError("the connection ended in the middle of the rows")
        tail = (tail + bytes(buffer[max(0, got - 6) : got]))[-6:]


def _pour(raw: Raw, rows: int) -> None:
    # One CopyData per 100 rows, and whole batches of them per write: the client must not be what is measured.
    row = b"1234567\t1\t0\n"
    message = frontend.copy_data(row * 100)
    raw.send(frontend.query(f"copy sink ({COLUMNS}) from stdin"))
    raw.until("G")
    batch = message * 200
    whole, rest = divmod(rows // 100, 200)
    for _ in range(whole):
        raw.send(batch)
    answer = raw.ask(message * rest, frontend.copy_done())
    if answer[0].tag != f"COPY {rows // 100 * 100}":
        raise RuntimeError(f"COPY answered {answer[0].tag or answer[0].fields}")
