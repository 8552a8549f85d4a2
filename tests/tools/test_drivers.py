"""Each driver's program prints the same direct and through pgguard, and a refusal reaches its user."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.tools import table
from tests.tools.stand import Stand
from tests.tools.workshop import HOME

pytestmark = pytest.mark.live
PROGRAMS = Path(__file__).parent / "drivers"
OWN = sys.executable
PYTHON = str(HOME / "python" / "bin" / "python")
NODE = {"NODE_PATH": str(HOME / "node" / "node_modules"), "NODE_NO_WARNINGS": "1"}  # warnings name the process


@dataclass(frozen=True)
class Driver:
    """How its program is started, what must be installed for it, and how often ``refused`` is held."""

    name: str
    command: tuple[str, ...]
    held: int
    needs: Path | None = None
    env: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


def python(name: str, program: str, held: int, **env: str) -> Driver:
    return Driver(name, (PYTHON, str(PROGRAMS / program)), held, Path(PYTHON), env)


def node(name: str, package: str, program: str, held: int) -> Driver:
    return Driver(name, ("node", str(PROGRAMS / program)), held, HOME / "node" / "node_modules" / package, NODE)


DRIVERS = [
    Driver("psycopg", (OWN, str(PROGRAMS / "use_psycopg.py")), 4),
    Driver("asyncpg", (OWN, str(PROGRAMS / "use_asyncpg.py")), 4),
    Driver("psql", (OWN, str(PROGRAMS / "use_psql.py")), 3),
    python("SQLAlchemy with psycopg", "use_sqlalchemy.py", 2, DRIVER="psycopg"),
    python("SQLAlchemy with asyncpg", "use_sqlalchemy.py", 2, DRIVER="asyncpg"),
    python("Django", "use_django.py", 3),
    node("node-postgres", "pg", "use_node_postgres.cjs", 4),
    node("postgres.js", "postgres", "use_postgres_js.cjs", 4),
    Driver("pgx", (str(HOME / "go" / "use_pgx"),), 4, HOME / "go" / "use_pgx"),
    Driver("pgjdbc", ("java", "-cp", f"{HOME / 'java'}:{HOME / 'java' / 'pgjdbc.jar'}", "UsePgjdbc"), 8, HOME / "java"),
    Driver("tokio-postgres", (str(HOME / "rust" / "target" / "debug" / "drivers"),), 3, HOME / "rust" / "target"),
]
MESSAGE = r'approval required: request \d+, rule "[\w-]+", (999|1000|1001) rows \(limit 100\)'


@pytest.fixture(params=DRIVERS, ids=str)
def driver(request: pytest.FixtureRequest, needs: Callable[[str, str, Path | None], None]) -> Driver:
    found: Driver = request.param
    needs("driver", found.name, found.needs)
    return found


def test_ordinary_work_looks_the_same(stand: Stand, driver: Driver) -> None:
    command = (*driver.command, "ordinary")
    with stand.server.fresh_database() as name:
        direct = stand.transcript(command, stand.server, name, **driver.env)
    with stand.server.fresh_database() as name:
        guarded = stand.transcript(command, stand.guard(), name, **driver.env)

    assert guarded == direct
    assert len(direct.splitlines()) > 10


def test_ordinary_work_over_tls_looks_the_same(stand: Stand, driver: Driver) -> None:
    """Both ends verified, and bound to each other where the driver can."""
    if not stand.server.has_certificate:
        pytest.skip("the embedded server is built without TLS")
    command = (*driver.command, "ordinary")
    with stand.server.fresh_database() as name:
        direct = stand.transcript(command, stand.server, name, tls=True, **driver.env)
    with stand.server.fresh_database() as name:
        guarded = stand.transcript(command, stand.guard(), name, tls=True, **driver.env)

    assert guarded == direct


def test_a_refusal_reaches_the_user(stand: Stand, driver: Driver) -> None:
    with stand.server.fresh_database() as name:
        printed = stand.transcript((*driver.command, "refused"), stand.guard(), name, **driver.env)
        left = stand.server.value("select count(*) from notes", dbname=name)
    version = stand.run((*driver.command, "version"), stand.server, "postgres", **driver.env)
    table.record("driver", driver.name, version.stdout.strip())

    assert len(re.findall(MESSAGE, printed)) >= driver.held, printed
    assert "PGG02" in printed
    assert left == 1000
    assert re.search(r"left \D*1000$", printed, re.MULTILINE)
