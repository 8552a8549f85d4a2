"""Each migration tool: ten additive migrations pass; what destroys is held, and runs once somebody else agreed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from live.endpoint import Endpoint, Ran
from live.pgguard import Pgguard

from tests.tools import table
from tests.tools.migrations import pages
from tests.tools.migrations.tool import ADDITIVE, Tool
from tests.tools.migrations.tools import TOOLS
from tests.tools.stand import Stand

pytestmark = pytest.mark.live

HELD = re.compile(r'approval required: request (\d+), rule "[\w-]+", (?:destroys|\d+ rows)')
NO_CLAIM = "the session does not say which environment it means"
HARM = {
    11: ("select string_agg(column_name, ' ') from information_schema.columns where table_name = 'customers'"
         " and column_name in ('phone', 'mobile')", "phone", "mobile"),
    12: ("select format_type(atttypid, atttypmod) from pg_attribute where attrelid = 'orders'::regclass"
         " and attname = 'amount'", "numeric(10,2)", "numeric(8,0)"),
    13: ("select count(*) from orders", 3000, 2269),
}  # fmt: skip


@dataclass
class Project:
    """A tool's project and the database that it is for."""

    stand: Stand
    tool: Tool
    folder: Path
    database: str
    last: int = 0

    def lay_out(self, last: int) -> None:
        self.last = last
        self.tool.lay_out(self.folder, last)

    def run(self, command: tuple[str, ...], endpoint: Endpoint, *, claim: bool = True) -> Ran:
        # {last}: the migration before the newest one
        last = str(self.last - 1)
        return self.tool.run(command, self.folder, endpoint, self.database, claim=claim, last=last)

    def done(self, command: tuple[str, ...], endpoint: Endpoint, *, claim: bool = True) -> str:
        ran = self.run(command, endpoint, claim=claim)
        assert ran.returncode == 0, output(ran)
        return output(ran)

    def refused(self, endpoint: Endpoint, words: str | re.Pattern[str], *, claim: bool = True) -> str:
        """It fails, says why, and leaves everything as it was; then it is ready for the next attempt."""
        before = self.state()
        ran = self.run(self.tool.up, endpoint, claim=claim)
        assert ran.returncode != 0, output(ran)
        assert re.search(words, output(ran)), output(ran)
        if self.tool.repair:
            self.done(self.tool.repair, endpoint)
        assert self.state() == before
        return output(ran)

    def state(self) -> list[object]:
        """What the tool believes to be applied, and what is really there."""
        applied = self.stand.server.sql(self.tool.applied, dbname=self.database)
        return [applied, *(self.value(probe) for probe, _, _ in HARM.values())]

    def value(self, query: str) -> object:
        return self.stand.server.value(query, dbname=self.database)

    def schema(self) -> list[str]:
        command = ("pg_dump", "--schema-only", "--no-owner", "-x", self.database)
        dump = self.stand.run(command, self.stand.server, self.database, user="postgres")
        assert dump.returncode == 0, dump.stderr
        return [line for line in dump.stdout.splitlines() if "restrict " not in line]


def output(ran: Ran) -> str:
    return ran.stdout + ran.stderr


@pytest.fixture(params=TOOLS, ids=str)
def tool(request: pytest.FixtureRequest, needs: Callable[[str, str, Path | None], None]) -> Tool:
    found: Tool = request.param
    needs("migrations", found.name, found.needs)
    return found


def test_ten_additive_migrations_pass_without_a_word(stand: Stand, tool: Tool, tmp_path: Path) -> None:
    """As a role outside ``apps`` that makes no claim, with a backfill in the transaction that adds the column."""
    schemas = []
    for endpoint in (stand.server, stand.guard()):
        with stand.server.fresh_database("template0") as name:
            project = Project(stand, tool, tmp_path / name, name)
            project.lay_out(ADDITIVE)
            if tool.first:
                project.done(tool.first, stand.server, claim=False)
            said = project.done(tool.up, endpoint, claim=False)
            schemas.append(project.schema())
            assert not re.search("PGG0|approval|refused", said)
            assert project.value("select count(*) from customers where country in ('SE', 'DE')") == 1000
            assert project.value("select indisvalid from pg_index where indexrelid = 'orders_placed_at'::regclass")

    assert schemas[0] == schemas[1]


def test_what_destroys_is_held_and_runs_once_approved(stand: Stand, tool: Tool, tmp_path: Path) -> None:
    guard = stand.guard()
    with stand.server.fresh_database("template0") as name:
        project = Project(stand, tool, tmp_path, name)
        project.lay_out(ADDITIVE)
        if tool.first:
            project.done(tool.first, stand.server, claim=False)
        project.done(tool.up, stand.server, claim=False)
        for number, (probe, before, after) in HARM.items():
            project.lay_out(number)
            assert project.value(probe) == before
            if number == min(HARM):
                project.refused(guard, NO_CLAIM, claim=False)
            said = approve_until_it_passes(project, guard, tool.rounds.get(number, 1))
            assert project.value(probe) == after
            if number == min(HARM):
                pages.keep(tool, said)
        applied = stand.server.sql(tool.applied, dbname=name)

    assert applied
    table.record("migrations", tool.name, version_of(stand, tool, tmp_path), result=f"{tool.note}, see {link(tool)}")


def approve_until_it_passes(project: Project, guard: Pgguard, rounds: int) -> str:
    """Bob approves, the same command runs again; the last refusal."""
    said = ""
    for _ in range(rounds):
        said = project.refused(guard, HELD)
        numbers = HELD.findall(said)
        guard.approve(int(numbers[-1]))
    before = project.state()
    project.done(project.tool.up, guard)
    assert project.state() != before
    assert project.state()[0] != before[0], "the tool does not know that it was applied"
    assert "customers" in said or "orders" in said or "rows" in said
    return said


def version_of(stand: Stand, tool: Tool, folder: Path) -> str:
    ran = tool.run(tool.version, folder, stand.server, "postgres", claim=False)
    found = re.search(tool.number, output(ran))
    assert found, output(ran)
    return found[1]


def link(tool: Tool) -> str:
    return f"[{tool.page}](tools/{tool.page}.md)"
