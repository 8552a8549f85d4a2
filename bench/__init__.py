"""What pgguard costs: the same work direct, through PgBouncer and through pgguard, in one run on one machine.

A *lane* is a way to the same server. A *workload* runs on one lane and returns one number. Rounds are interleaved,
every lane once per round and each time in another order, so that whatever else the machine does falls on all lanes
alike; the table holds medians and ratios. Nothing is asserted: numbers are for people, compared within one run only.

The server, the pgguard process and the raw client are those of the live tests.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

# The tooling is not a package that gets installed; pytest finds it the same way.
sys.path.insert(0, str(ROOT / "tests"))
