"""A child process that ends with us, however we end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Account:
    """An operating system user to run a process as."""

    name: str
    uid: int
    gid: int


@dataclass(slots=True)
class Child:
    """One running process. ``stop`` may be called at any time, and twice."""

    name: str
    running: subprocess.Popen[str]
    ask: signal.Signals = signal.SIGTERM  # what asks it to end
    patience: float = 10.0  # seconds between asking and killing
    _stopped: bool = field(default=False, repr=False)

    def stop(self) -> None:
        """Ask, wait, and kill what does not listen. Afterwards there is no such process."""
        if self._stopped:
            return
        self._stopped = True
        try:
            if self.running.poll() is None:
                self.running.send_signal(self.ask)
                self.running.wait(self.patience)
        except subprocess.TimeoutExpired:
            pass
        finally:  # also when somebody presses Ctrl-C a second time
            if self.running.poll() is None:
                self.running.kill()
                self.running.wait()
            if self.running.stdout is not None:
                self.running.stdout.close()


def start(
    name: str,
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    log: Path,
    account: Account | None = None,
    ask: signal.Signals = signal.SIGTERM,
    patience: float = 10.0,
    listen_to_stdout: bool = False,
) -> Child:
    """Start ``command`` with its messages in the file ``log``, as ``account`` where one is given.

    In a session of its own: a Ctrl-C in the terminal reaches us alone, and we end our children in the right order.
    """
    with log.open("ab") as messages:
        running = subprocess.Popen(
            [*_ends_with_parent(ask), *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if listen_to_stdout else messages,
            stderr=messages,
            env=dict(env),
            text=True,
            cwd="/",
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,  # root's groups do not go along
        )
    return Child(name, running, ask, patience)


def run(command: Sequence[str | Path], *, env: Mapping[str, str], account: Account | None) -> tuple[int, str]:
    """Run ``command`` to its end as ``account``: its exit code and all that it said. Raises OSError."""
    done = subprocess.run(
        list(map(str, command)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(env),
        text=True,
        errors="replace",
        check=False,
        cwd="/",
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    return done.returncode, done.stdout.strip()


def _ends_with_parent(ask: signal.Signals) -> list[str]:
    # Where we are killed with -9 no code of ours runs any more, so the kernel has to do it (Linux, util-linux).
    setpriv = shutil.which("setpriv", path=os.defpath + ":/usr/sbin:/sbin")
    return [setpriv, "--pdeathsig", ask.name.removeprefix("SIG"), "--"] if setpriv else []
