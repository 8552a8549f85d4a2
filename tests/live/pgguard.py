"""A pgguard process in front of a PostgreSQL server, as an operator would start it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from live import certificates
from live.endpoint import Endpoint, Ran, clean_environment, password_of
from live.postgres import Postgres
from live.waiting import PATIENCE, wait_until

ROOT = Path(__file__).parents[2]
PRODUCTION = ROOT / "policies" / "production.yaml"
READY = re.compile(
    r"pgguard ready: listen=(?P<host>\S+):(?P<port>\d+) upstream=(?P<upstream>\S+) policy=(?P<policy>\S+) "
    r"rules=(?P<rules>\d+) mode=(?P<mode>enforce|observe)( workers=\d+)?\n"
)


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """For any pgguard command: this checkout's package, whether it is installed or not."""
    return clean_environment({"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **(more or {})})


def run_pgguard(
    *arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, timeout: float = 2 * PATIENCE
) -> Ran:
    """Run a pgguard command to its end."""
    ran = subprocess.run(
        [sys.executable, "-m", "pgguard", *arguments], capture_output=True, text=True, timeout=timeout, check=False,
        env=environment(env), cwd=cwd or tempfile.gettempdir(), stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return Ran(ran.returncode, ran.stdout, ran.stderr)


class Pgguard(Endpoint):
    """One running pgguard. ``start`` waits for its ready line; ``stop`` is SIGTERM, ``kill`` is -9."""

    def __init__(
        self, upstream: Postgres, policies: Path = PRODUCTION, *arguments: str, env: Mapping[str, str] | None = None
    ) -> None:
        self.upstream = upstream
        self.bindir = upstream.bindir
        self.policies = policies
        self.arguments = arguments
        self.env = env
        self.directory = Path(tempfile.mkdtemp(prefix="pgguard-"))
        self.state = self.directory / "state.db"
        self.audit = self.directory / "audit.jsonl"
        self.audited = True  # False: started without --audit
        self.process: subprocess.Popen[bytes] | None = None
        self.ready: Mapping[str, str] = {}

    def command(self) -> list[str]:
        """What is started."""
        return [
            sys.executable, "-m", "pgguard", "serve", "--listen", "127.0.0.1:0",
            "--upstream", f"{self.upstream.host}:{self.upstream.port}", "--policies", str(self.policies),
            "--state", f"sqlite:///{self.state}", "--admin-dsn", self.upstream.dsn("pgguard_admin"),
            *(["--audit", str(self.audit)] if self.audited else []), *self._tls(), *self._workers(), *self.arguments,
        ]  # fmt: skip

    def _workers(self) -> list[str]:
        """Several of them, where that is wanted everywhere."""
        several = os.environ.get("LIVE_WORKERS", "")
        return ["--workers", several] if several and "--workers" not in self.arguments else []

    def _tls(self) -> list[str]:
        """On both sides, where it is wanted everywhere."""
        authority = certificates.everywhere()
        if authority is None or "--tls-cert" in self.arguments:
            return []
        certificate, key = authority.issue(f"guard{id(self)}")
        upstream = ["--upstream-tls", "require"] if self.upstream.has_certificate else []
        return ["--tls-cert", str(certificate), "--tls-key", str(key), *upstream]

    def start(self) -> Pgguard:
        """Start, and wait until it listens. A second start uses the same state and audit file."""
        try:
            self._start()
        except BaseException:
            self.discard()
            raise
        return self

    def _start(self) -> None:
        with self._stdout.open("wb") as out, self._stderr.open("ab") as err:
            self.process = subprocess.Popen(
                self.command(), stdout=out, stderr=err, stdin=subprocess.DEVNULL, cwd=self.directory,
                env=environment(self.env), start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + PATIENCE
        while not (ready := READY.fullmatch(self.stdout())):
            assert self.process.poll() is None, f"pgguard ended with {self.process.returncode}: {self.logs()}"
            assert time.monotonic() < deadline, f"pgguard is not ready: {self.stdout()!r} {self.logs()}"
            time.sleep(0.02)
        self.ready = ready.groupdict()
        self.host, self.port = self.ready["host"], int(self.ready["port"])

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def terminate(self) -> None:
        """SIGTERM, without waiting."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Wait for its end, which gives clients half a minute; the exit code."""
        assert self.process is not None
        return self.process.wait(30 + PATIENCE)

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(PATIENCE)

    def reload(self) -> None:
        """SIGHUP: read the policy again."""
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """End it if it still runs, judge its logs, and remove its files."""
        try:
            if self.process is not None and self.is_running():
                self.terminate()
                assert self.wait() == 0, f"SIGTERM ended with exit code {self.process.returncode}: {self.logs()}"
            self.assert_logs_are_clean()
        finally:
            self.discard()

    def discard(self) -> None:
        """End it at once and remove its files, without judging anything."""
        if self.is_running():
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def assert_logs_are_clean(self) -> None:
        """No traceback, and nothing that asyncio or Python complained of by itself."""
        logs = self.logs()
        for sign in ("Traceback", "never retrieved", "was never awaited", "ResourceWarning", "MemoryError"):
            assert sign not in logs, logs

    def logs(self) -> str:
        return self._stderr.read_text(errors="replace") if self._stderr.exists() else ""

    def stdout(self) -> str:
        return self._stdout.read_text(errors="replace") if self._stdout.exists() else ""

    def wait_for_log(self, words: str) -> None:
        """Wait until ``words`` stand in the logs."""
        wait_until(lambda: words in self.logs(), lambda: f"{words!r} is not in the logs: {self.logs()}")

    def records_with(self, wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """All records, once one is there that is ``wanted``: some are written after the answer."""
        wait_until(lambda: any(map(wanted, self.records())), lambda: f"no such record: {self.records()}")
        return self.records()

    def records(self) -> list[dict[str, Any]]:
        """What stands in the audit file by now, without a last line that is only half written."""
        written = self.audit.read_text() if self.audit.exists() else ""
        return [json.loads(line) for line in written[: written.rfind("\n") + 1].splitlines()]

    def most_requests(self) -> int:
        """How many requests one caller has filed here, of the caller with most of them."""
        with contextlib.closing(sqlite3.connect(f"file:{self.state}?mode=ro", uri=True)) as state:
            counts = state.execute("select count(*) from pgguard_requests group by caller").fetchall()
        return max((count for (count,) in counts), default=0)

    def rss_kb(self) -> int:
        """Resident memory of the process."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found
        return int(found.group(1))

    def open_files(self) -> int:
        """Open descriptors of the process: what a leaked connection would add to."""
        assert self.process is not None
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def links(self) -> list[str]:
        """What the open descriptors of the process, and of its workers, are."""
        assert self.process is not None
        pid = self.process.pid
        workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        found = []
        for one in (str(pid), *workers):
            for entry in os.scandir(f"/proc/{one}/fd"):
                with contextlib.suppress(OSError):  # closed meanwhile
                    found.append(os.readlink(entry.path))
        return found

    def cli(self, *arguments: str, user: str = "bob") -> Ran:
        """A pgguard command that talks to the console, as ``user`` with the password in libpq's environment."""
        env = {
            "PGHOST": self.host, "PGPORT": str(self.port), "PGUSER": user, "PGPASSWORD": password_of(user),
            "PGDATABASE": "pgguard",
        }  # fmt: skip
        return run_pgguard(*arguments, env=env, cwd=self.directory)

    def approve(self, number: int, *arguments: str, user: str = "bob") -> str:
        """Approve a request as a second person; what the command printed."""
        ran = self.cli("approve", str(number), *arguments, user=user)
        assert ran.returncode == 0, ran.stderr or ran.stdout
        return ran.stdout

    @property
    def _stdout(self) -> Path:
        return self.directory / "stdout"

    @property
    def _stderr(self) -> Path:
        return self.directory / "stderr"


def policy_file(directory: Path, text: str, name: str = "own.yaml") -> Path:
    """A policy that a test writes for itself."""
    path = directory / name
    path.write_text(text)
    return path
