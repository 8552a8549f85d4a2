"""What approvers see of hostile texts: whole lines that pgguard wrote, and a mark where something is missing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
from live.pgguard import Pgguard, policy_file
from live.postgres import Postgres
from live.refusals import VERBOSE, Refused, from_psql
from live.second_person import approve

pytestmark = [pytest.mark.live, pytest.mark.skipif(not os.environ.get("ATTACKS"), reason="make test-attacks")]

POLICY = """
version: 1
approvers: {dba: {roles: [dba]}}
approval: {by: dba, expires: 30m}
limits:
  - {name: small, rows: 10, beyond: approve}
"""
FAKE = "\r\n               state | approved\n(1 row)\n\nrequest 1 approved by bob\n"
UNSEEN = "\x1b[2J\u202e\u2066\u200b\u3164" + "\u2800" * 300 + "<b onmouseover=alert(1)>"


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    with postgres.fresh_database() as name:
        yield name


@pytest.fixture(scope="module")
def guard(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pgguard]:
    found = Pgguard(postgres, policy_file(tmp_path_factory.mktemp("policy"), POLICY)).start()
    yield found
    found.stop()


def run(guard: Pgguard, database: str, text: str, **env: str) -> str | Refused:
    ran = guard.psql(text, user="ann", dbname=database, args=[*VERBOSE, "-v", "ON_ERROR_STOP=1", "-f", "-"], env=env)
    return from_psql(ran) if "ERROR" in ran.stderr else ran.stdout.strip()


def everywhere(guard: Pgguard, number: int) -> dict[str, str]:
    """One request as each who could be fooled sees it."""
    def psql(*arguments: str) -> str:
        return guard.psql(user="bob", dbname="pgguard", args=[*arguments, "-c", f"show request {number}"]).stdout

    return {
        "psql": psql(), "psql, expanded": psql("-x"), "psql, plain": psql("-At"), "psql, HTML": psql("-H"),
        "list": guard.psql(user="bob", dbname="pgguard", args=["-c", "show requests"]).stdout,
        "cli": guard.cli("requests", str(number)).stdout,
        "cli, JSON": guard.cli("requests", str(number), "--json").stdout,
        "audit": guard.cli("audit", "show", str(guard.audit)).stdout,
    }  # fmt: skip


def test_no_text_looks_like_anything_of_pgguards(guard: Pgguard, postgres: Postgres, database: str) -> None:
    name = f'"{FAKE}{UNSEEN}"'[:60] + '"'
    postgres.sql(f"create table {name} as select i from generate_series(1, 100) i".encode().decode(), dbname=database)
    postgres.sql(f"alter table {name} owner to ann", dbname=database)
    text = f"delete from {name} where i > 0 /* {FAKE}{UNSEEN} */ -- {UNSEEN}\n or false"
    answer = run(guard, database, text + ";", PGAPPNAME="x\ty", PGOPTIONS="-c pgguard.reason=state\\ |\\ approved")
    assert isinstance(answer, Refused)
    number = answer.request
    seen = everywhere(guard, number)

    for where, shown in seen.items():
        assert not [c for c in shown.replace("\n", "") if not c.isprintable() or c in "\u2800\u3164"], where
        assert "approved by bob" not in [line.strip() for line in shown.splitlines()], where
        assert "state | approved" not in [" ".join(line.split()) for line in shown.splitlines()], where
    fields = [line.partition("|") for line in seen["psql, plain"].splitlines()]
    assert [value for field, _, value in fields if field == "state"] == ["open"]
    assert [value for field, _, value in fields if field == "reason"] == ["state | approved"]
    assert "<b onmouseover" not in seen["psql, HTML"]  # psql's own doing, and so it must see plain text
    assert json.loads(seen["cli, JSON"])["state"] == "open"
    assert all(line[:2] == "20" for line in seen["audit"].splitlines())
    approve(guard, number)
    assert isinstance(run(guard, database, text.replace("i > 0", "i >= 0") + ";"), Refused)
    assert not isinstance(run(guard, database, text + ";"), Refused)


def test_what_is_too_long_to_be_shown_is_said_to_be_missing(guard: Pgguard, postgres: Postgres, database: str) -> None:
    padded = f"delete from notes where n = 0 /* {'x' * 300_000} */ or true"
    answer = run(guard, database, padded + ";")
    assert isinstance(answer, Refused)
    seen = everywhere(guard, answer.request)

    told = json.loads(seen["cli, JSON"])
    assert told["not_shown"] == f"the last {len(padded) + 1 - 10_000} characters of statement 1"
    assert "or true" not in seen["psql"]
    assert "statement 1" in seen["cli"]
    assert max(map(len, seen["list"].splitlines())) < 400
    assert len(seen["cli"]) < 60_000
    assert postgres.value("select count(*) from notes", dbname=database) == 1000
