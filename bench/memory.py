"""Resident memory per idle connection of the proxies."""

from __future__ import annotations

import time
from contextlib import ExitStack

from live.pgguard import Pgguard
from live.raw import Raw

from bench.lanes import DATABASE, USER
from bench.pgbouncer import PgBouncer


def per_connection_kb(proxy: Pgguard | PgBouncer, idle: int) -> tuple[int, int, float]:
    """KB with no connection, with ``idle`` signed-in ones that each ran one statement, and per connection."""
    with Raw.connect(proxy, USER, DATABASE) as first:  # what the first connection loads is not the price of each
        first.query("select 1")
    time.sleep(0.5)
    before = proxy.rss_kb()
    with ExitStack() as stack:
        for _ in range(idle):
            raw = stack.enter_context(Raw.connect(proxy, USER, DATABASE))
            raw.query("select abalance from pgbench_accounts where aid = 1")
        time.sleep(0.5)
        after = proxy.rss_kb()
    return before, after, (after - before) / idle
