"""``pgguard policy explain --dsn``: measured on a real server, by the session of ``serve``, and nothing of it stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from live.pgguard import PRODUCTION, policy_file, run_pgguard
from live.postgres import Postgres
from live.refusals import unharmed

pytestmark = pytest.mark.live


def explain(server: Postgres, database: str, sql: str, *more: str, policies: Path = PRODUCTION) -> tuple[int, str]:
    ran = run_pgguard(
        "policy", "explain", sql, "--policies", str(policies), "--dsn", server.dsn("ann", database), *more,
        env={"PGGUARD_ADMIN_DSN": server.dsn("pgguard_admin", database)},
    )  # fmt: skip
    return ran.returncode, ran.stdout + ran.stderr


def test_it_measures_and_rolls_back(server: Postgres, database: str) -> None:
    with unharmed(server, database):
        code, said = explain(server, database, "delete from notes where n = 0 or n <> 0")

    assert code == 0, said
    assert "dry run, nothing was changed: 1000 rows deleted; it would need approval" in said
    assert "notes" in said
    assert "statements: delete" in said
    assert "check: always-true" in said


def test_what_is_allowed_and_what_is_wrong(server: Postgres, database: str, tmp_path: Path) -> None:
    required = policy_file(tmp_path, PRODUCTION.read_text().replace("# audit: required ", "audit: required "))

    assert explain(server, database, "select 1", policies=required)[1].startswith("allow: it changes nothing")
    with unharmed(server, database):
        code, said = explain(server, database, "delete from nosuch")
        assert (code, 'relation "nosuch" does not exist' in said) == (1, True)
        code, said = explain(server, database, "delete from notes", "--json")
    assert code == 0
    assert "1000 rows deleted" in json.loads(said)["notices"][0]["message"]


def test_a_server_that_is_away_and_a_wrong_address(server: Postgres, database: str) -> None:
    for dsn, code in (("postgresql://ann@127.0.0.1:1/x", 3), ("nonsense", 2), ("postgresql://127.0.0.1/x", 2)):
        ran = run_pgguard("policy", "explain", "select 1", "--policies", str(PRODUCTION), "--dsn", dsn)

        assert ran.returncode == code, ran
        assert ran.stderr.count("\n") == 1
