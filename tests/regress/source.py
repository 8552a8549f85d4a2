"""PostgreSQL's own regression scripts, fetched from Debian's source packages into a cache that git ignores.

apt gets a list of sources and folders of its own: nothing of the machine's configuration is touched, no package is
installed, and it needs no root.
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
CACHE: Final = ROOT / ".cache" / "regress"
KEYRING: Final = "/usr/share/keyrings/debian-archive-keyring.gpg"
MIRROR: Final = "http://deb.debian.org"

# Where a major version's source is to be had. Debian's unpacked sources are compared with servers of other minor
# versions as well: what counts is that a script says the same direct and through pgguard.
SUITES: Final = {
    15: ("debian bookworm main", "debian-security bookworm-security main"),
    17: ("debian trixie main", "debian-security trixie-security main"),
    18: ("debian forky main", "debian sid main"),
}


class Unavailable(Exception):
    """The scripts cannot be had here; the message says why."""


def scripts_of(version: int) -> Path:
    """The folder src/test/regress of this major version, or of the newest before it whose source is to be had; fetched
    if it is not there yet."""
    version = max((known for known in SUITES if known <= version), default=version)
    home = CACHE / str(version)
    found = sorted(home.glob("*/src/test/regress/parallel_schedule"))
    if not found:
        _fetch(version, home)
        found = sorted(home.glob("*/src/test/regress/parallel_schedule"))
    if not found:
        raise Unavailable(f"no regression scripts in the source of PostgreSQL {version}")
    return found[-1].parent


def _fetch(version: int, home: Path) -> None:
    if version not in SUITES:
        raise Unavailable(f"no suite is known that has the source of PostgreSQL {version}")
    if shutil.which("apt-get") is None:
        raise Unavailable(f"apt-get is not here; put an unpacked PostgreSQL source into {home.relative_to(ROOT)}")
    home.mkdir(parents=True, exist_ok=True)
    options = _apt(version, home / "apt")
    _run("apt-get", *options, "update", cwd=home)
    package = f"postgresql-{version}"
    shown = _run("apt-cache", *options, "showsrc", package, cwd=home)
    versions = [line.split()[1] for line in shown.splitlines() if line.startswith("Version:")]
    trouble = f"the source of {package} is in none of these: {', '.join(SUITES[version])}"
    for wanted in reversed(versions):  # a mirror may list a version that it does not have any more
        try:
            _run("apt-get", *options, "source", "--download-only", f"{package}={wanted}", cwd=home)
        except Unavailable as error:
            trouble = str(error)
            continue
        break
    else:
        raise Unavailable(trouble)
    for archive in sorted(home.glob("*.orig.tar.*")):
        _unpack(archive, home)
        archive.unlink()
    shutil.rmtree(home / "apt")


def _apt(version: int, folder: Path) -> list[str]:
    """Options that give apt a world of its own below ``folder``."""
    (folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (folder / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    lines = []
    for suite in SUITES[version]:
        archive, name, part = suite.split()
        lines.append(f"deb-src [signed-by={KEYRING}] {MIRROR}/{archive} {name} {part}\n")
    sources = folder / "sources.list"
    sources.write_text("".join(lines))
    settings = {
        "Dir::Etc::sourcelist": sources, "Dir::Etc::sourceparts": "-", "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder / "cache", "APT::Sandbox::User": "root",
    }  # fmt: skip
    return [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]


def _run(*command: str, cwd: Path) -> str:
    ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise Unavailable(f"{command[0]}: {(ran.stderr or ran.stdout).strip()}")
    return ran.stdout


def _unpack(archive: Path, home: Path) -> None:
    """Only src/test/regress: the rest of the source is of no use here."""
    with tarfile.open(archive) as tar:
        wanted = [member for member in tar if "/src/test/regress/" in member.name]
        tar.extractall(home, members=wanted, filter="data")
