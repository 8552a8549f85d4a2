"""What holds for the whole suite: Hypothesis profiles (``fast`` for every run, ``deep`` for the night), and Ctrl-C."""

from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

# A shell without job control starts its background jobs with SIGINT ignored, and ignored it would stay in each process
# that a test starts and then interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Deadlines measure the machine, not the code: other processes share it. The fast profile tries the same examples each
# time, so that a run says something of the change; the deep one looks for new ones.
settings.register_profile("fast", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", parent=settings.get_profile("fast"), derandomize=False, max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))
