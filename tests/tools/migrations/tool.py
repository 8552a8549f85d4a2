"""A migration tool: how its project looks with its first migrations in it, and how it is run against an endpoint."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from live.endpoint import Endpoint, Ran, clean_environment, password_of

from tests.tools.migrations.install import HOME

HERE = Path(__file__).parent
HISTORY = sorted((HERE / "history").glob("*.sql"))
ADDITIVE = 10
USER = "ann"
SETTING = "-c pgguard.environment=production"
NUMBER = re.compile(r"0*(\d+)_")


@dataclass(frozen=True)
class Tool:
    """``up`` applies what is not applied yet; {url}, {host}, {port} and {database} in it and in ``env`` are filled in.

    ``claim`` is what the URL gets so that the session says which environment it means; without it that is PGOPTIONS.
    ``first`` is run on the server itself, for what an older database already has.
    ``applied`` asks the tool's own table what it believes to be there. ``repair`` is what the tool itself wants to be
    run after a migration that failed, whoever made it fail.
    """

    name: str
    page: str
    needs: Path
    lay_out: Callable[[Path, int], None]
    up: tuple[str, ...]
    applied: str
    version: tuple[str, ...]
    url: str = "postgresql://{user}:{password}@{host}:{port}/{database}?sslmode=disable"
    claim: str = ""
    first: tuple[str, ...] = ()
    repair: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    number: str = r"(\d+\.\d[\w.]*)"  # of its version, in what ``version`` prints
    rounds: Mapping[int, int] = field(default_factory=dict)  # approvals that a migration takes, if not one
    note: str = "works"  # for the table

    def __str__(self) -> str:
        return self.page

    def run(
        self, command: tuple[str, ...], folder: Path, endpoint: Endpoint, database: str, *, claim: bool, **more: str
    ) -> Ran:
        """One command of the tool, as ann, who owns the tables."""
        where = {"host": endpoint.host, "port": str(endpoint.port), "database": database, "user": USER,
                 "password": password_of(USER), **more}  # fmt: skip
        where["url"] = self.url.format(**where) + (self.claim if claim else "")
        env = {
            "PGPASSWORD": password_of(USER), "PATH": f"{endpoint.bindir}:{clean_environment()['PATH']}",
            "HOME": str(folder), **{name: value.format(**where) for name, value in self.env.items()},
            **({"PGOPTIONS": SETTING} if claim and not self.claim else {}),
        }  # fmt: skip
        ran = subprocess.run(
            [word.format(**where) for word in command], cwd=folder, env=clean_environment(env),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        return Ran(ran.returncode, ran.stdout, ran.stderr)


CLAIM_IN_URL = "&options=" + quote(SETTING)


def own_project(name: str) -> Callable[[Path, int], None]:
    """The tool's project as it lies in projects/, without the migrations behind number ``last``."""

    def lay_out(folder: Path, last: int) -> None:
        def later(_: str, names: list[str]) -> list[str]:
            return [one for one in names if (found := NUMBER.match(one)) and int(found[1]) > last]

        shutil.copytree(HERE / "projects" / name, folder, ignore=later, dirs_exist_ok=True)

    return lay_out


def from_history(
    name: str, before: str = "", *, behind: str = "", alone: str | None = None
) -> Callable[[Path, int], None]:
    """Each file of history/ as the tool wants it: ``name`` with {number} and {title}, its text between ``before`` and
    ``behind``; ``alone`` instead of ``before`` where it cannot run in a transaction."""

    def lay_out(folder: Path, last: int) -> None:
        for path in HISTORY[:last]:
            number, _, title = path.stem.partition("_")
            text = path.read_text()
            head = alone if alone is not None and "concurrently" in text else before
            target = folder / name.format(number=number, title=title)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(head + text + behind)

    return lay_out


def installed(*parts: str) -> Path:
    """Where ``install`` puts what it installs."""
    return HOME.joinpath(*parts)
