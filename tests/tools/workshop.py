"""``python -m tests.tools.workshop`` installs what the tools' tests need, at its current version, into .cache/tools.

Every language has a folder of its own there; nothing else of the machine is touched, except that root may install the
languages themselves with apt. What cannot be had is said, and its tests are skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.tools import table

HOME: Final = table.ROOT / ".cache" / "tools"
PROGRAMS: Final = Path(__file__).parent / "drivers"
APT: Final = {
    "npm": ("nodejs", "npm"), "go": ("golang-go",), "cargo": ("cargo", "libssl-dev", "pkg-config"),
    "mvn": ("maven", "default-jdk-headless"),
    "pgbouncer": ("pgbouncer",),
    "sqitch": ("sqitch", "libdbd-pg-perl"),
}  # fmt: skip
PYTHON: Final = ("psycopg[binary]", "asyncpg", "sqlalchemy[asyncio]", "django", "pgcli")
NODE: Final = ("pg", "pg-cursor", "pg-copy-streams", "postgres")
RUST: Final = ("tokio --features full", "tokio-postgres", "futures-util", "bytes", "native-tls", "postgres-native-tls")


class Unavailable(Exception):
    """What was to be installed cannot be had here; the message says why."""


def run(*command: str, into: str = "", **env: str) -> str:
    """Run a command in the folder of a language; what it printed."""
    folder = HOME / into
    folder.mkdir(parents=True, exist_ok=True)
    ran = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        last = (ran.stderr or ran.stdout).strip().splitlines()[-1:]
        raise Unavailable(f"{' '.join(command[:4])}: {' '.join(last)}")
    return ran.stdout


def program(name: str) -> str:
    """The path of a program, which apt installs if it may; below /usr/sbin too, where Debian puts some."""
    where = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/go/bin", "/usr/sbin"])
    found = shutil.which(name, path=where)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        run("apt-get", "update", "-qq")
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *APT[name]]
        run(*command, DEBIAN_FRONTEND="noninteractive")
        found = shutil.which(name, path=where)
    if found is None:
        raise Unavailable(f"{name} is not installed")
    return found


def python() -> None:
    interpreter = HOME / "python" / "bin" / "python"
    if not interpreter.exists():
        run(sys.executable, "-m", "venv", str(HOME / "python"))
    run(str(interpreter), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-U", *PYTHON)


def node() -> None:
    run(
        program("npm"),
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        *(f"{name}@latest" for name in NODE),
        into="node",
    )


def go() -> None:
    compiler = program("go")
    if not (HOME / "go" / "go.mod").exists():
        run(compiler, "mod", "init", "drivers", into="go")
    shutil.copy(PROGRAMS / "use_pgx.go", HOME / "go")
    run(compiler, "get", "github.com/jackc/pgx/v5@latest", into="go")
    run(compiler, "mod", "tidy", into="go")
    run(compiler, "build", "-o", "use_pgx", into="go", GOFLAGS="-p=1")


def java() -> None:
    maven = [program("mvn"), "-q", "-B"]
    run(*maven, "dependency:get", "-Dartifact=org.postgresql:postgresql:RELEASE", "-Dtransitive=false", into="java")
    jars = Path.home().glob(".m2/repository/org/postgresql/postgresql/42.*/postgresql-42.*.jar")
    newest = max(jars, key=lambda jar: [int(part) for part in jar.parent.name.split(".") if part.isdigit()])
    shutil.copy(newest, HOME / "java" / "pgjdbc.jar")
    run("javac", "-cp", "pgjdbc.jar", "-d", ".", str(PROGRAMS / "UsePgjdbc.java"), into="java")


def rust() -> None:
    cargo = program("cargo")
    if not (HOME / "rust" / "Cargo.toml").exists():
        run(cargo, "init", "--quiet", "--vcs", "none", "--name", "drivers", "--edition", "2021", into="rust")
        for crate in RUST:
            run(cargo, "add", "-q", *crate.split(), into="rust")
    run(cargo, "update", "-q", into="rust")
    locked = tomllib.loads((HOME / "rust" / "Cargo.lock").read_text())["package"]
    (HOME / "rust" / "version").write_text(next(one["version"] for one in locked if one["name"] == "tokio-postgres"))
    shutil.copy(PROGRAMS / "use_tokio_postgres.rs", HOME / "rust" / "src" / "main.rs")
    run(cargo, "build", "-q", "-j1", into="rust")


def pooler() -> None:
    program("pgbouncer")


LANGUAGES: Final[dict[str, Callable[[], None]]] = {
    "python": python, "node": node, "go": go, "java": java, "rust": rust, "pooler": pooler,
}  # fmt: skip


def install(parts: Mapping[str, Callable[[], None]], prefix: str = "") -> int:
    """Install those that are named on the command line, or all; always 0: what is missing is said and skipped."""
    for name in sys.argv[1:] or parts:
        try:
            parts[name]()
            print(f"{prefix}{name}: ready")
        except (Unavailable, ValueError, OSError) as trouble:
            print(f"{prefix}{name}: not here, its tools stay untested: {trouble}")
    return 0


if __name__ == "__main__":
    sys.exit(install(LANGUAGES))
