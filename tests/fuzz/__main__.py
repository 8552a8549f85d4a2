"""``python -m tests.fuzz TARGET... [--seconds N]``: fuzz for long, guided by coverage where atheris is installed."""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

# Nothing of the project is imported before atheris may instrument it.
NAMES = ("framing", "startup", "frontend", "backend", "authentication", "signin", "reader", "session")


def guided(name: str, seconds: int, corpus: Path) -> int:
    """libFuzzer leaves the process when it is done, so each target has one of its own."""
    import atheris

    with atheris.instrument_imports(include=["pgguard"]):
        from tests.fuzz.seeds import SEEDS
        from tests.fuzz.targets import TARGETS
    folder = corpus / name
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (folder / f"seed-{number}").write_bytes(seed)
    arguments = [sys.argv[0], f"-max_total_time={seconds}", "-max_len=400", f"-artifact_prefix={folder}/", str(folder)]
    atheris.Setup(arguments, TARGETS[name])
    atheris.Fuzz()
    return 0


def blind(name: str, seconds: int) -> int:
    """Seeds in any order, with anything between and bytes changed, until the time is over."""
    from tests.fuzz.seeds import SEEDS
    from tests.fuzz.targets import TARGETS

    dice = Random()
    until, tried = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        parts = [dice.choice(SEEDS[name]) if dice.random() < 0.8 else dice.randbytes(dice.randint(0, 8))
                 for _ in range(dice.randint(1, 30))]  # fmt: skip
        data = bytearray(b"".join(parts))
        for _ in range(dice.choice((0, 0, 1, 3))):
            if data:
                data[dice.randrange(len(data))] = dice.randrange(256)
        try:
            TARGETS[name](bytes(data))
        except BaseException:
            print(f"{name}: {bytes(data)!r}", file=sys.stderr)
            raise
        tried += 1
    print(f"{name}: {tried:,} inputs in {seconds} s, none broke it")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(NAMES)}; none: all")
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--blind", action="store_true", help="do without atheris")
    parser.add_argument("--corpus", type=Path, default=Path(tempfile.gettempdir(), "pgguard-fuzz"))
    chosen = parser.parse_args()
    names = chosen.targets or NAMES
    with_atheris = importlib.util.find_spec("atheris") is not None and not chosen.blind
    if len(names) == 1:
        return guided(names[0], chosen.seconds, chosen.corpus) if with_atheris else blind(names[0], chosen.seconds)
    more = ["--blind"] if chosen.blind else []
    worst = 0
    for name in names:
        command = [sys.executable, "-m", "tests.fuzz", name, "--seconds", str(chosen.seconds), *more]
        worst = max(worst, subprocess.run([*command, "--corpus", chosen.corpus], check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
