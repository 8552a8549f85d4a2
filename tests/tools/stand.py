"""Where the tools' programs run: a server with the company, and pgguard in front of it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from live.certificates import Authority
from live.endpoint import Endpoint, Ran, clean_environment, password_of
from live.pgguard import PRODUCTION, Pgguard
from live.postgres import Postgres


class Stand:
    """A server (15 with TLS; the embedded 18 has none) and a pgguard that speaks TLS on both legs where it can."""

    def __init__(self, version: int, authority: Authority) -> None:
        self.authority = authority
        self.server = Postgres(version).start()
        self.server.create_company()
        if version == 15 and not self.server.has_certificate:
            self.server.use_certificate(*authority.issue("server"))
        self._guard: Pgguard | None = None
        self._used = 0

    def guard(self) -> Pgguard:
        """A caller has at most 20 open requests, so one process serves a few programs."""
        if self._guard is not None and self._used >= 4:
            self._stop_guard()
        if self._guard is None:
            certificate, key = self.authority.issue("guard")
            tls = ["--tls-cert", str(certificate), "--tls-key", str(key)]
            if self.server.has_certificate:
                tls += ["--upstream-tls", "verify-full", "--upstream-ca", str(self.authority.certificate)]
            self._guard, self._used = Pgguard(self.server, PRODUCTION, *tls).start(), 0
        self._used += 1
        return self._guard

    def _stop_guard(self) -> None:
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.stop()

    def stop(self) -> None:
        try:
            self._stop_guard()
        finally:
            self.server.stop()

    def transcript(
        self, command: Sequence[str], endpoint: Endpoint, database: str, *, tls: bool = False, **env: str
    ) -> str:
        """What a program printed, without what differs between two runs anyway; it must end well."""
        ran = self.run(command, endpoint, database, tls=tls, **env)
        assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
        return plain(ran.stdout + ran.stderr, endpoint, database)

    def run(
        self, command: Sequence[str], endpoint: Endpoint, database: str, *, tls: bool = False, timeout: float = 120,
        user: str = "ann", script: str = "", **env: str,
    ) -> Ran:  # fmt: skip
        """Run a program that finds its server in libpq's environment."""
        verified = {
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": str(self.authority.certificate),
            "PGCHANNELBINDING": "require",
        }
        base = clean_environment({
            "PGHOST": endpoint.host, "PGPORT": str(endpoint.port), "PGUSER": user, "PGPASSWORD": password_of(user),
            "PGDATABASE": database, **(verified if tls else {"PGSSLMODE": "disable"}), **env,
        })  # fmt: skip
        base["PATH"] = f"{endpoint.bindir}:{base['PATH']}"
        ran = subprocess.run(
            command,
            input=script,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=base,
            cwd=Path(__file__).parent,
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr)


WEEKDAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} +\d+ [\d:]{8} \d{4}"
VARIES = [  # psql's \watch, object numbers, process numbers
    (WEEKDAY, "NOW"), (r"\b(lo_\w+) \d+", r"\1 N"), (r"\b(PID|pid)( *\| *| )\d+", r"\1 N"),
]  # fmt: skip


def plain(text: str, endpoint: Endpoint, database: str) -> str:
    """The text without the port and the name of the database."""
    text = re.sub(rf"\b{database}\b *", "DATABASE ", text).replace(str(endpoint.port), "PORT")
    for pattern, word in VARIES:
        text = re.sub(pattern, word, text)
    return re.sub(r" +\n", "\n", text)
