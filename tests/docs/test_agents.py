"""The program in docs/agents.md, as it stands there, in front of the sample company: it asks, waits, and takes a no."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from live.endpoint import password_of
from live.pgguard import ROOT, environment
from live.postgres import Postgres

from tests.docs.stand import Shown, stand
from tests.docs.transcript import FENCE, blocks

pytestmark = pytest.mark.live

PAGE = (ROOT / "docs" / "agents.md").read_text()
SHOWN = "".join(text for language, text in FENCE.findall(PAGE) if language == "")


@pytest.fixture
def guard(server: Postgres) -> Iterator[Shown]:
    """As the page starts it, with the page's own logins."""
    (roles,) = blocks(PAGE, "sql")
    for statement in filter(None, map(str.strip, roles.split(";"))):
        role = statement.split()[2]
        server.sql(statement.replace("SECRET", password_of(role)))
    try:
        with stand(server, PAGE) as (guard, _):
            (program,) = blocks(PAGE, "python")
            (guard.directory / "agent.py").write_text(program)
            yield guard
    finally:
        for role in ("agent", "agent_requests"):
            server.sql(f"drop role {role}")


class Agent:
    """The program, running."""

    def __init__(self, guard: Shown, statement: str, user: str = "agent", seconds: str = "30") -> None:
        dsn = f"host={guard.host} port={guard.port} user={user} dbname=shop"
        self.running = subprocess.Popen(
            [sys.executable, str(guard.directory / "agent.py"), dsn, statement, seconds],
            env=environment({"PGPASSWORD": password_of(user)}), cwd=Path("/"),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def says(self, lines: int) -> list[str]:
        assert self.running.stdout is not None
        return [self.running.stdout.readline().rstrip("\n") for _ in range(lines)]

    def ends_with(self) -> str:
        # Not communicate: it would lose what readline has read ahead.
        assert self.running.stdout is not None
        out = self.running.stdout.read()
        self.running.wait(60)
        self.running.stdout.close()
        return out.rstrip("\n")


def count(server: Postgres, where: str) -> int:
    number: int = server.value(f"select count(*) from returns where {where}", dbname="shop")
    return number


def test_it_asks_waits_and_goes_on_when_somebody_said_yes(guard: Shown, server: Postgres) -> None:
    agent = Agent(guard, "DELETE FROM returns WHERE id <= 40")
    said = agent.says(3)

    assert "\n".join(said) in SHOWN
    assert said[0] == "request 1 waits for approval:"
    assert count(server, "id <= 40") == 40
    with pytest.raises(psycopg.Error), guard.connect("agent", "pgguard") as own:
        own.execute("approve 1")
    assert "ticket 4711" in guard.cli("requests", "1").stdout

    guard.approve(1)

    assert agent.ends_with() == "done: DELETE 40"
    assert "\ndone: DELETE 40\n" in SHOWN
    assert count(server, "id <= 40") == 0


def test_it_takes_a_no(guard: Shown, server: Postgres) -> None:
    agent = Agent(guard, "DELETE FROM returns WHERE id <= 40")
    agent.says(3)
    assert guard.cli("deny", "1", "--reason", "we need them").returncode == 0

    assert agent.ends_with() == "stopped: request 1 is denied: we need them"
    assert (
        Agent(guard, "DELETE FROM returns WHERE id <= 40").ends_with().startswith("stopped, PGG04: approval not valid")
    )
    assert count(server, "id <= 40") == 40


def test_it_does_not_wait_for_ever(guard: Shown, server: Postgres) -> None:
    agent = Agent(guard, "DELETE FROM returns WHERE id <= 40", seconds="1")

    assert agent.ends_with().endswith("stopped: request 1 is open: ")
    assert count(server, "id <= 40") == 40


def test_what_the_policy_refuses_ends_at_once(guard: Shown, server: Postgres) -> None:
    said = Agent(guard, "DROP TABLE returns").ends_with()

    assert said in SHOWN
    assert said.startswith("stopped, PGG01:")
    assert count(server, "true") > 0


def test_small_work_needs_nobody(guard: Shown, server: Postgres) -> None:
    assert Agent(guard, "DELETE FROM returns WHERE id = 1").ends_with() == "done: DELETE 1"
    assert Agent(guard, "SELECT count(*) FROM returns").ends_with() == "done: SELECT 1"


def test_a_role_that_can_only_ask(guard: Shown, server: Postgres) -> None:
    """However small: nothing of it happens before a second person said yes."""
    user = "agent_requests"
    for statement in (
        "DELETE FROM returns WHERE id = 1",
        "UPDATE returns SET id = id WHERE id = 1",
        "WITH gone AS (DELETE FROM returns WHERE id = 1 RETURNING *) SELECT * FROM gone",
        "DO $$ BEGIN DELETE FROM returns WHERE id = 1; END $$",
        "CREATE TABLE mine (id int)",
        "ALTER TABLE returns ADD COLUMN more int",
    ):
        said = Agent(guard, statement, user, "0").ends_with()

        assert "waits for approval" in said, (statement, said)
    assert Agent(guard, "GRANT dev TO agent", user).ends_with().startswith("stopped, PGG01")
    assert Agent(guard, "SELECT count(*) FROM returns", user).ends_with() == "done: SELECT 1"
    assert count(server, "id = 1") == 1
    assert server.value("select to_regclass('mine') is null", dbname="shop")

    agent = Agent(guard, "DELETE FROM returns WHERE id = 1", user)
    assert agent.says(4)[-1] == "request 1 was tried 2 times."
    guard.approve(1)

    assert agent.ends_with() == "done: DELETE 1"
    assert count(server, "id = 1") == 0
