"""``pgguard demo`` as a user starts it: what it prints works, Ctrl-C leaves nothing, mistakes are one clear line."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from pgguard.cli.demo import demo
from pgguard.demo.embedded import free_port

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "pgguard", "demo"]
needs_serve = pytest.mark.skipif(
    find_spec("pgguard.cli") is None or find_spec("pgguard.cli.main") is None, reason="there is no command line yet"
)


def app() -> typer.Typer:
    only_demo = typer.Typer()
    only_demo.command()(demo)
    return only_demo


@contextmanager
def running(tmp_path: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    # A temporary folder of its own, so that whatever is left behind is seen.
    tmp_path.chmod(0o755)
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [*COMMAND, *options],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(60)


def leftovers(tmp_path: Path) -> list[str]:
    """Folders and processes of a demo that ended."""
    commands = [path.read_bytes().decode(errors="replace") for path in readable(Path("/proc").glob("[0-9]*/cmdline"))]
    return [*(path.name for path in tmp_path.glob("pgguard-*")), *(line for line in commands if str(tmp_path) in line)]


def readable(paths: Iterator[Path]) -> Iterator[Path]:
    for path in paths:
        try:
            path.read_bytes()
        except OSError:
            continue
        yield path


def test_a_policy_that_is_not_there_is_one_clear_line() -> None:
    result = CliRunner().invoke(app(), ["--policies", "nosuch.yaml"])

    assert (result.exit_code, result.stderr) == (2, "pgguard demo: no policy file nosuch.yaml\n")


@needs_serve
@pytest.mark.live
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_what_it_prints_can_be_pasted_and_ctrl_c_ends_it(tmp_path: Path, how: signal.Signals) -> None:
    with running(tmp_path, "--port", str(free_port())) as process:
        assert process.stdout is not None
        shown = []
        for line in process.stdout:
            shown.append(line.rstrip("\n"))
            if "Ctrl-C stops everything" in line:
                break
        through, approve, direct = (line for line in shown if line.startswith("PGPASSWORD="))
        statement = next(line for line in shown if line.startswith("DELETE"))

        assert "approval required: request" in paste(through, statement).stderr
        assert paste(direct, "select count(*) from accounts;").stdout.strip() == "2000"
        assert "APPROVE N" in approve

        process.send_signal(how)
        assert process.wait(60) == 0

    assert leftovers(tmp_path) == []


def paste(line: str, statement: str) -> subprocess.CompletedProcess[str]:
    """A shell, the printed line, and a statement typed into the psql that it starts."""
    return subprocess.run(
        ["sh", "-c", f"{line} -XAt"], input=statement + "\n", capture_output=True, text=True, check=False, timeout=120
    )


@needs_serve
@pytest.mark.live
def test_the_tour_ends_as_it_must(tmp_path: Path) -> None:
    with running(tmp_path, "--tour") as process:
        said, _ = process.communicate(timeout=300)

    assert process.returncode == 0, said
    assert re.search(r"^all \d+ steps ended as they must$", said, re.MULTILINE)
    assert leftovers(tmp_path) == []


@needs_serve
@pytest.mark.live
def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        running(tmp_path, "--port", str(taken.getsockname()[1])) as process,
    ):
        said, _ = process.communicate(timeout=120)

    assert process.returncode != 0
    assert "Traceback" not in said
    assert "pgguard did not start" in said
    assert leftovers(tmp_path) == []
