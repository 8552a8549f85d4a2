"""pgguard itself in front of the embedded server, as the process that a user would start."""

from __future__ import annotations

import re
import select
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path
from types import TracebackType

import pgguard
from pgguard.demo.client import Answer, Login, ask
from pgguard.demo.company import ADMIN, Company
from pgguard.demo.embedded import HOST, plain_environment
from pgguard.demo.process import Child, start
from pgguard.errors import ConfigError

READY_SECONDS = 30.0
CONSOLE = "pgguard"  # the database that is pgguard's own
# ``serve`` gives statements in flight 30 seconds; longer than that it must not take.
STOP_SECONDS = 35.0


class Guard:
    """``with Guard(company) as guard:`` and there is a pgguard at ``guard.host``, ``guard.port``."""

    def __init__(self, company: Company, *, port: int = 0, policies: Path | None = None) -> None:
        self.company = company
        self.host = HOST
        self.port = port
        self.policies = policies or shipped_policies() / "production.yaml"
        if not self.policies.is_file():
            raise ConfigError(f"no policy file {self.policies}")
        self.folder: Path | None = None
        self.ready = ""  # the line that it printed
        self._child: Child | None = None

    def __enter__(self) -> Guard:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End it and remove its state. May be called twice."""
        try:
            if self._child is not None:
                self._child.stop()
                self._child = None
        finally:
            if self.folder is not None:
                shutil.rmtree(self.folder, ignore_errors=True)
                self.folder = None

    def running(self) -> bool:
        return self._child is not None and self._child.running.poll() is None

    def login(self, role: str, *, database: str = "") -> Login:
        """``role``'s own login through pgguard."""
        direct = self.company.login(role)
        return Login(self.host, self.port, role, direct.password, database or direct.database)

    def approve(self, role: str, number: int) -> Answer:
        """``role`` runs ``pgguard approve``, signed in with the role's own database login."""
        environment = self.login(role, database=CONSOLE).environment() | _importable()
        return ask([sys.executable, "-m", "pgguard", "approve", str(number)], environment)

    def _start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pgguard-demo-"))
        server = self.company.server
        command: list[str | Path] = [
            sys.executable, "-m", "pgguard", "serve",
            "--listen", f"{self.host}:{self.port}", "--upstream", f"{server.host}:{server.port}",
            "--policies", self.policies.resolve(), "--state", f"sqlite:///{self.folder}/pgguard.db",
            "--audit", self.folder / "audit.jsonl",
        ]  # fmt: skip
        # A password in a command line can be read by everybody on the machine.
        admin = server.dsn("postgres", ADMIN, self.company.passwords[ADMIN])
        environment = plain_environment() | _importable() | {"PGGUARD_ADMIN_DSN": admin}
        log = self.folder / "log"
        self._child = start("pgguard", command, env=environment, log=log, patience=STOP_SECONDS, listen_to_stdout=True)
        self.ready = self._first_line(self._child)
        found = re.search(r"\blisten=(\S+):(\d+)", self.ready)
        if not self.ready.startswith("pgguard ready:") or found is None:
            self._child.stop()
            words = log.read_text(errors="replace").strip().splitlines()
            raise ConfigError(
                f"pgguard did not start: {words[-1] if words else self.ready or 'no answer'}", exit_code=3
            )
        self.port = int(found[2])

    def _first_line(self, child: Child) -> str:
        stdout = child.running.stdout
        assert stdout is not None
        readable, _, _ = select.select([stdout], [], [], READY_SECONDS)
        return stdout.readline().strip() if readable else ""


def shipped_policies() -> Path:
    """The folder of the shipped policies: in the source tree, else where an installation puts them."""
    installed = Path(sysconfig.get_path("data"), "share/pgguard/policies")
    for folder in (Path(pgguard.__file__).parents[1] / "policies", installed):
        if (folder / "production.yaml").is_file():
            return folder
    raise ConfigError("policies/production.yaml is not installed")


def _importable() -> dict[str, str]:
    # The process starts in another folder: a source tree that is not installed must still be found.
    return {"PYTHONPATH": str(Path(pgguard.__file__).parents[1])}
