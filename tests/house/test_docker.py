"""The container files, checked as far as it can be without an engine: they parse, and all that they name exists."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def instructions() -> list[list[str]]:
    """The Dockerfile as words per instruction, comments left out."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [shlex.split(line) for line in text.splitlines() if line and not line.startswith("#")]


def test_the_options_in_the_compose_file_are_options_of_serve(compose: dict[str, Any]) -> None:
    if find_spec("pgguard.cli") is None or find_spec("pgguard.cli.main") is None:
        pytest.skip("there is no command line yet")
    shown = subprocess.run(
        [sys.executable, "-m", "pgguard", "serve", "--help"],
        cwd=ROOT, capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "200", "TERM": "dumb"},
    )  # fmt: skip
    known = set(re.findall(r"--[a-z][a-z-]*", shown.stdout))
    command = compose["services"]["pgguard"]["command"]
    variables = [name for name in compose["services"]["pgguard"]["environment"] if name.startswith("PGGUARD_")]

    assert command[0] == "serve"
    assert {word.split("=")[0] for word in command[1:]} <= known
    assert {"--" + name.removeprefix("PGGUARD_").lower().replace("_", "-") for name in variables} <= known


def test_what_must_be_given_is_given(compose: dict[str, Any]) -> None:
    guard = compose["services"]["pgguard"]
    given = {word.split("=")[0] for word in guard["command"][1:]}

    assert {"--listen", "--upstream", "--policies", "--state"} <= given
    assert guard["environment"]["PGGUARD_ADMIN_DSN"].startswith("postgresql://pgguard_admin:")


def test_files_mounted_and_copied_exist(compose: dict[str, Any]) -> None:
    mounted = [
        volume.split(":")[0]
        for service in compose["services"].values()
        for volume in service["volumes"]
        if volume.startswith("./")
    ]
    copied = [
        source
        for name, *words in instructions()
        if name == "COPY" and not words[0].startswith("--from")
        for source in words[:-1]
    ]

    assert mounted
    assert copied
    assert [path for path in (*mounted, *copied) if not (ROOT / path).exists()] == []


def test_the_image_has_what_the_package_needs_to_build() -> None:
    copied = {word for name, *words in instructions() if name == "COPY" for word in words}

    assert {"pyproject.toml", "setup.py", "README.md", "LICENSE", "pgguard", "policies"} <= copied


def test_paths_in_the_command_are_paths_of_the_image(compose: dict[str, Any]) -> None:
    guard = compose["services"]["pgguard"]
    options = dict(word[2:].split("=", 1) for word in guard["command"][1:])
    targets = [words[-1] for name, *words in instructions() if name == "COPY"]

    assert Path(options["policies"]).parent.as_posix() in targets
    assert (ROOT / "policies" / Path(options["policies"]).name).is_file()
    volume = next(words[0] for name, *words in instructions() if name == "VOLUME")
    assert options["state"] == f"sqlite:///{volume}/pgguard.db"
    assert options["audit"].startswith(volume)
    assert any(mount.endswith(f":{volume}") for mount in guard["volumes"])


def test_volumes_and_dependencies_are_declared(compose: dict[str, Any]) -> None:
    named = {
        volume.split(":")[0]
        for service in compose["services"].values()
        for volume in service["volumes"]
        if not volume.startswith("./")
    }

    assert named == set(compose["volumes"])
    assert set(compose["services"]["pgguard"]["depends_on"]) <= set(compose["services"])
    assert dict(word[2:].split("=", 1) for word in compose["services"]["pgguard"]["command"][1:])["upstream"] in {
        f"{name}:5432" for name in compose["services"]
    }


def test_the_server_is_reached_through_pgguard_only(compose: dict[str, Any]) -> None:
    """Nobody comes in without a password, and not round the guard."""
    assert "ports" not in compose["services"]["postgres"]
    assert compose["services"]["postgres"]["environment"]["POSTGRES_HOST_AUTH_METHOD"] == "scram-sha-256"
    assert not any(words and words[0] == "root" for name, *words in instructions() if name == "USER")
    assert any(name == "USER" for name, *_ in instructions())


@pytest.mark.live
def test_the_roles_script_runs(tmp_path: Path) -> None:
    """What the database container runs at its first start, against a server."""
    from pgguard.demo.embedded import Embedded

    with Embedded() as server:
        environment = {
            "PATH": f"{server.bindir}:{os.environ['PATH']}",
            "PGHOST": server.host, "PGPORT": str(server.port), "PGPASSWORD": server.password,
            "POSTGRES_USER": server.user, "PGGUARD_ADMIN_PASSWORD": "it's secret",
        }  # fmt: skip
        subprocess.run(["sh", ROOT / "docker" / "roles.sh"], env=environment, check=True, capture_output=True)
        check = "select 1 from pg_roles where rolname = 'dba' and not rolcanlogin"
        signed_in = subprocess.run(
            [server.bindir / "psql", "-XAtc", check, "-U", "pgguard_admin", "-d", "postgres"],
            env={**environment, "PGPASSWORD": "it's secret"}, check=True, capture_output=True, text=True,
        )  # fmt: skip

    assert signed_in.stdout.strip() == "1"
