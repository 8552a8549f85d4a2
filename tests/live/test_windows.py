"""Rules that speak of time, in a running pgguard: those whose time is now hold, the others are not there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from live.pgguard import Pgguard, policy_file
from live.postgres import Postgres
from live.refusals import VERBOSE, from_psql

pytestmark = pytest.mark.live

POLICY = """
version: 1
approvers: {{dba: {{roles: [dba]}}}}
approval: {{by: dba}}
limits:
  - {{name: now, match: {{time: "{now}"}}, rows: 10, beyond: approve}}
  - {{name: then, match: {{time: "{then}"}}, rows: 0, beyond: refuse}}
rules:
  - {{name: freeze, match: {{effect: drop, time: "{now}"}}, then: refuse}}
"""


def test_rules_by_the_clock(start_guard: Callable[..., Pgguard], postgres: Postgres, tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    now = f"{today - timedelta(days=2)}/{today + timedelta(days=2)}"
    policy = policy_file(tmp_path, POLICY.format(now=now, then=f"not {now}"))
    with postgres.fresh_database() as database:
        guard = start_guard(postgres, policy)

        def run(text: str) -> str:
            ran = guard.psql(user="ann", dbname=database, args=[*VERBOSE, "-c", text])
            if ran.returncode:
                refused = from_psql(ran)
                return f"{refused.sqlstate} {refused.message}"
            return ran.stdout.strip()

        assert run("update notes set n = 1 where id < 9") == "UPDATE 8"
        assert 'rule "now", 1000 rows (limit 10)' in run("delete from notes")
        assert 'rule "freeze"' in run("drop table notes")

        guard.policies.write_text(POLICY.format(now=f"not {now}", then=now))
        assert guard.psql(user="bob", dbname="pgguard", args=["-c", "reload"]).returncode == 0

        assert run("update notes set n = 1 where id < 9").startswith("PGG03")
        assert 'rule "freeze"' not in run("drop table notes")
