"""The console with pgjdbc, node-postgres and psycopg, simple and extended: every command, the columns it promises."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from live.postgres import Postgres
from live.refusals import from_psycopg

from pgguard.console.commands import COMMANDS
from tests.tools.stand import Stand
from tests.tools.workshop import HOME

pytestmark = pytest.mark.live
PROGRAMS = Path(__file__).parent / "console"
JAR = HOME / "java" / "pgjdbc.jar"
PG = HOME / "node" / "node_modules" / "pg"
DRIVERS = {
    "pgjdbc": (("java", "-cp", str(JAR), str(PROGRAMS / "ConsoleWithPgjdbc.java")), JAR, "?"),
    "node-postgres": (("node", str(PROGRAMS / "console_node_postgres.cjs")), PG, "$"),
    "psycopg": ((sys.executable, str(PROGRAMS / "console_psycopg.py")), None, "?"),
}
COLUMNS = {command.usage: " ".join(command.columns) for command in COMMANDS}


def held(stand: Stand, server: Postgres) -> list[int]:
    """Three open requests."""
    numbers = []
    with server.fresh_database() as name, stand.guard().connect("ann", name) as ann:
        for last in (200, 300, 400):
            with pytest.raises(psycopg.Error) as error:
                ann.execute(f"update notes set n = 1 where id < {last}".encode())
            numbers.append(from_psycopg(error.value).request)
    return numbers


def marked(text: str, mark: str) -> str:
    """The driver's own marks for parameters."""
    parts = text.split("?")
    if mark == "?":
        return text
    return "".join(part + (f"${n}" if n < len(parts) else "") for n, part in enumerate(parts, 1))


@pytest.mark.parametrize("how", ["simple", "extended", "transactions"])
@pytest.mark.parametrize("name", DRIVERS)
def test_every_command(stand: Stand, name: str, how: str, needs: Callable[[str, str, Path | None], None]) -> None:
    command, path, mark = DRIVERS[name]
    needs("console", name, path)
    guard = stand.guard()
    first, second, third = held(stand, stand.server)

    def ask(*lines: str, user: str = "bob") -> list[str]:
        script = "".join(line + "\n" for line in lines)
        ran = stand.run(
            (*command, how), guard, "pgguard", user=user, script=script, NODE_PATH=str(PG.parent), NODE_NO_WARNINGS="1"
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout.splitlines()

    def values(text: str, *given: object) -> str:
        """As parameters where the driver has them, else in the text."""
        if name == "node-postgres" and how == "simple":
            for value in given:
                text = text.replace("?", str(value) if str(value).isdigit() else f"'{value}'", 1)
            return text
        return "\t".join([marked(text, mark), *map(str, given)])

    shown = [line for usage, line in (
        ("SHOW REQUESTS", "show requests"), ("SHOW ALL REQUESTS", "show all requests"),
        ("SHOW REQUEST n", values("show request ?", first)), ("SHOW BUDGETS", "show budgets"),
        ("SHOW SESSIONS", "show sessions"), ("SHOW RULES", "show rules"), ("SHOW STATS", "show stats"),
        ("SHOW HELP", "show help"), ("SHOW VERSION", "show version"),
    ) if usage in COLUMNS]  # fmt: skip
    told = ask(*shown, "select 1", "select c.relname from pg_catalog.pg_class c")
    for usage in [usage for usage in COLUMNS if usage.startswith("SHOW ")]:
        assert COLUMNS[usage] in told, (usage, told)
    assert f"{first}|open|ann|" in "\n".join(told)
    assert "requester|ann" in told
    assert not [line for line in told if line.startswith("error")], told
    assert told[-3:] == ["?column?", "1", "nothing"]

    approve, deny = COLUMNS["APPROVE n [AT MOST k] [USES u] [FOR 'time'] [TOKEN]"], COLUMNS["DENY n 'reason'"]
    assert any(line.startswith("error 42501 ") for line in ask(values("approve ?", first), user="ann"))
    decided = ask(
        values("approve ? at most ? uses ? for ?", first, 500, 2, "2h"), values("deny ? ?", second, "it is too much"),
        values("approve ?", 10**6), "approve",
    )  # fmt: skip
    at = decided.index(approve)
    assert decided[at + 1].startswith(f"{first}|approved|bob|20")
    assert decided[at + 2 : at + 4] == [deny, f"{second}|denied|bob|it is too much"]
    assert decided[at + 4].startswith("error 42704 ")
    assert decided[at + 5].startswith("error 42601 ")
    assert COLUMNS["WITHDRAW n"] in ask(values("withdraw ?", third), user="ann")
    steered = ask("pause '1s'", "resume", "reload")
    assert COLUMNS["PAUSE ['time']"] in steered
    assert not [line for line in steered if line.startswith("error")], steered
