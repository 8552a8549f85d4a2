"""Hypothesis profiles of the whole suite: ``fast`` for every run, ``deep`` for the night."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Deadlines measure the machine, not the code: other processes share it. The fast profile tries the same examples each
# time, so that a run says something of the change; the deep one looks for new ones.
settings.register_profile("fast", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", parent=settings.get_profile("fast"), derandomize=False, max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))
