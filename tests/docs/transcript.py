"""Transcripts in the documentation: ``console`` blocks are taken apart, typed again for real, and written down anew.

The convention: a line that begins with ``$ `` is typed into a shell. If the command is psql, the lines that begin with
its prompt (``shop=> `` and its kin) are typed into it; a prompt ``shop-> `` goes on with the statement. Everything else
is what was printed. Passwords come from a password file; psql's banner is left out, and with it the NOTICE in front of
it that tells which environment this is.
"""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from live.waiting import wait_until

PROMPT = re.compile(r"^\w+[=-][*!]?[>#] ", re.MULTILINE)
WAITS = re.compile(rb"(?:\A|\n)\w+[=-][*!]?[>#] \Z")
BANNER = re.compile(
    r"\A(?:NOTICE:  this is \"\w+\"\n)?(?:psql \(.*\)\n)?(?:WARNING: .*\n)?(?:Type \"help\" for help\.\n)?\n?"
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# What is another one on each day and on each server; what stands in its place has the same width.
VARIES = (
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ"), "2026-11-20 12:00:00Z"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z"), "2026-11-20T12:00:00.000Z"),
    (re.compile(r"\b7\d{18}\b"), "7710169664855417377"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "0" * 64),
    (re.compile(r"\b\d+ ms until it was judged"), "12 ms until it was judged"),
    (re.compile(r"\d+ (?:kB|MB)\)"), "96 kB)"),
    (re.compile(r"\"session\":\"[0-9a-f]+\""), '"session":"5e551017"'),
    (re.compile(r"\"duration_ms\":[\d.]+"), '"duration_ms":1.5'),
)
_THINKING = 0.1  # seconds before a line is typed: the audit's queue of proved writes gathers for less
TOKEN = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+")


@dataclass(frozen=True, slots=True)
class Typed:
    """One shell command of a block, and the lines that follow it."""

    command: str
    printed: str

    @property
    def inputs(self) -> list[str]:
        """What was typed into psql, line by line."""
        return [line[found.end() :] for line in self.printed.splitlines() if (found := PROMPT.match(line))]


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of this language, in order."""
    return [text for tongue, text in FENCE.findall(page) if tongue == language]


def taken_apart(block: str) -> list[Typed]:
    """The commands of one block. Raises ValueError when it does not begin with one."""
    if not block.startswith("$ "):
        raise ValueError(f"a console block begins with a command: {block!r}")
    found = []
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, printed = part.partition("\n")
        while command.endswith("\\"):
            more, _, printed = printed.partition("\n")
            command += "\n" + more
        found.append(Typed(command, printed))
    return found


class Replay:
    """Types a page's blocks again, as slowly as people do: ``settled`` says whether pgguard has written down what it
    writes behind its answers. ``there`` makes a page's addresses real, ``back`` real ones the page's."""

    def __init__(
        self, environment: Mapping[str, str], cwd: Path, there: Callable[[str], str], back: Callable[[str], str],
        settled: Callable[[], bool],
    ) -> None:  # fmt: skip
        self.environment = environment
        self.cwd = cwd
        self.there = there
        self.back = back
        self.settled = settled
        self.tokens: dict[str, str] = {}

    def again(self, typed: Typed) -> str:
        """What is printed today, as it would stand on the page."""
        command = self._real(typed.command)
        wait_until(self.settled)
        if typed.inputs:
            printed = _psql(shlex.split(command), [self._real(line) for line in typed.inputs], self.environment)
        else:
            printed = subprocess.run(
                ["bash", "-c", command], env=dict(self.environment), cwd=self.cwd, text=True, timeout=120, check=False,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            ).stdout  # fmt: skip
        printed = self.back(printed)
        # A token of the page stands for the one that was printed in its place, also when it is used further down.
        self.tokens.update(zip(TOKEN.findall(typed.printed), TOKEN.findall(printed), strict=False))
        for shown, real in self.tokens.items():
            printed = printed.replace(real, shown)
        return printed

    def _real(self, text: str) -> str:
        for shown, real in self.tokens.items():
            text = text.replace(shown, real)
        return self.there(text)


def comparable(printed: str) -> str:
    """``printed`` without trailing blanks, and without what is another one each time."""
    for pattern, instead in VARIES:
        printed = pattern.sub(instead, printed)
    return "\n".join(line.rstrip() for line in printed.strip("\n").splitlines())


def _psql(command: list[str], lines: list[str], environment: Mapping[str, str]) -> str:
    """psql at a terminal, the lines typed one by one, each after its prompt."""
    if command[0] != "psql":
        raise ValueError(f"only psql is typed into, not {command[0]}")
    ours, theirs = pty.openpty()
    settings = termios.tcgetattr(theirs)
    settings[1] &= ~termios.OPOST  # line feeds stay line feeds
    termios.tcsetattr(theirs, termios.TCSANOW, settings)
    running = subprocess.Popen(
        ["psql", "-X", "-n", *command[1:]], env={**environment, "TERM": "dumb", "PSQL_PAGER": "cat"},
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    try:
        for line in lines:
            seen += _until_prompt(ours)
            time.sleep(_THINKING)
            os.write(ours, line.encode() + b"\n")
        seen += _until_prompt(ours)
        os.write(ours, b"\\q\n")
        running.wait(60)
    finally:
        if running.poll() is None:
            running.send_signal(signal.SIGKILL)
            running.wait(60)
        os.close(ours)
    text = BANNER.sub("", seen.decode().replace("\r\n", "\n"))
    return text[: text.rindex("\n") + 1] if "\n" in text else ""  # without the last prompt


def _until_prompt(terminal: int) -> bytes:
    seen = b""
    deadline = time.monotonic() + 60
    while not WAITS.search(seen):
        if not select.select([terminal], [], [], deadline - time.monotonic())[0]:
            raise TimeoutError(f"psql shows no prompt: {seen!r}")
        try:
            data = os.read(terminal, 65536)
        except OSError:  # its end of the terminal is closed
            data = b""
        if not data:
            raise EOFError(f"psql ended: {seen!r}")
        seen += data
    return seen
