"""Waits for what happens behind an answer, in another process or in another thread: patiently, and only as long."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 60.0  # seconds; it costs nothing where all is well, and a busy machine is no reason to fail


def wait_until(
    true: Callable[[], object], seen: Callable[[], object] | None = None, *, seconds: float = PATIENCE
) -> None:
    """Returns when ``true`` says so; an AssertionError tells what was ``seen`` instead."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not so after {seconds:g} s: {seen() if seen is not None else ''}"
        time.sleep(0.02)
