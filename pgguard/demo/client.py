"""psql, as the people and programs of the sample company start it."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pgguard.demo.embedded import plain_environment


@dataclass(frozen=True, slots=True)
class Login:
    """Where somebody signs in, and as whom."""

    host: str
    port: int
    user: str
    password: str
    database: str

    def conninfo(self) -> str:
        """libpq's words for it, without the password, which has no place in a command line."""
        return f"host={self.host} port={self.port} user={self.user} dbname={self.database}"

    def environment(self) -> dict[str, str]:
        return plain_environment() | {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGDATABASE": self.database,
            "PGCLIENTENCODING": "UTF8",
            "PGCONNECT_TIMEOUT": "15",
            "PGAPPNAME": "psql",
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """How a program ended and what it said."""

    exit_code: int
    said: str  # what it printed
    complained: str = ""  # what it printed as errors

    @property
    def sqlstate(self) -> str:
        """Of the first ErrorResponse, as psql prints it with VERBOSITY verbose; "" when there was none."""
        found = re.search(r"^(?:psql:.*?)?(?:ERROR|FATAL|PANIC):\s+([0-9A-Z]{5}):", self.complained, re.MULTILINE)
        return found[1] if found else ""

    @property
    def request(self) -> int | None:
        """The number of the request that was filed."""
        found = re.search(r"\brequest (\d+)\b", self.complained)
        return int(found[1]) if found else None


class Psql:
    """One psql program. ``program`` is its full path."""

    def __init__(self, program: Path) -> None:
        self.program = program

    def run(self, login: Login, sql: str, *, claim: str = "", as_file: bool = False, timeout: float = 300.0) -> Answer:
        """Run ``sql`` and say how it went. As a file every statement is sent on its own, as a migration tool does;
        else the whole text is one string. ``claim``: the environment that the client says it is in."""
        environment = login.environment()
        if claim:
            environment["PGOPTIONS"] = f"-c pgguard.environment={claim}"
        command = [
            str(self.program), "--no-psqlrc", "--no-password", "--tuples-only", "--no-align",
            "--set=ON_ERROR_STOP=1", "--set=VERBOSITY=verbose",
            *(["--file=-"] if as_file else [f"--command={sql}"]),
        ]  # fmt: skip
        return ask(command, environment, sql if as_file else "", timeout)

    def line(self, login: Login) -> str:
        """What to paste into a terminal: it needs nothing but this program."""
        return (
            f"PGPASSWORD={shlex.quote(login.password)} {shlex.quote(str(self.program))} {shlex.quote(login.conninfo())}"
        )


def ask(command: list[str], environment: Mapping[str, str], told: str = "", timeout: float = 60.0) -> Answer:
    """Run a client program to its end. One that hangs is killed, and that is its answer."""
    try:
        done = subprocess.run(
            command, input=told, capture_output=True, text=True, check=False, env=environment, timeout=timeout, cwd="/"
        )
    except subprocess.TimeoutExpired:
        return Answer(-1, "", f"no answer within {timeout:.0f} seconds")
    return Answer(done.returncode, done.stdout, done.stderr)
