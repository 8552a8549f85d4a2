"""``python -m tests.regress [VERSION...]``: PostgreSQL's regression scripts direct and through pgguard, compared.

Runs them twice direct, which finds the scripts whose output is not stable, and once in each mode of pgguard. Names
those that differ, and writes the counts into docs/compatibility.md when all scripts were run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from live.endpoint import Endpoint
from live.postgres import Postgres, bindir_of

from tests.docs.generated import DOCS, with_part
from tests.regress import scripts
from tests.regress.scripts import Compared, Outputs, Scripts
from tests.regress.source import CACHE, Unavailable, scripts_of
from tests.regress.stand import MODES, guarded, trusting_server

PAGE = DOCS / "compatibility.md"


def main() -> int:
    """The exit code: 0 when nothing differs, 1 when something does, 3 when there is nothing to run."""
    parser = argparse.ArgumentParser(prog="python -m tests.regress", description=__doc__)
    parser.add_argument("versions", nargs="*", type=int, metavar="VERSION", help="major versions (default: 15 18)")
    parser.add_argument("--mode", choices=MODES, action="append", help="one of the modes (default: each)")
    parser.add_argument("--only", default="", help="these scripts, with commas between, and test_setup")
    chosen = parser.parse_args()
    codes = [one_version(version, chosen) for version in chosen.versions or (15, 18)]
    return max(codes) if codes else 3


def one_version(version: int, chosen: argparse.Namespace) -> int:
    if bindir_of(version) is None:
        print(f"PostgreSQL {version} is not here")
        return 3
    try:
        root = scripts_of(version)
    except Unavailable as trouble:
        print(f"PostgreSQL {version}: {trouble}")
        return 3
    only = tuple(filter(None, chosen.only.split(",")))
    plan = scripts.scheduled(root, CACHE / "work", only)
    modes = chosen.mode or list(MODES)
    with trusting_server(version) as server:
        found = _modes(server, plan, modes)
        shown = f"{server.value('show server_version')}".split()[0]
    if not only and len(modes) == len(MODES):
        _write(version, shown, root, found)
    return int(any(compared.differ for compared in found.values()))


def _modes(server: Postgres, plan: Scripts, modes: list[str]) -> dict[str, Compared]:
    first, second = (_kept(server, server, plan, f"direct{number}") for number in (1, 2))
    found = {}
    for mode in modes:
        with guarded(server, MODES[mode]) as guard:
            through = _kept(server, guard, plan, mode)
        compared = scripts.compared(first, second, through)
        print(
            f"PostgreSQL {server.version}, {MODES[mode].name}: {compared.identical} of {len(compared.stable)} identical"
            f" ({compared.lines} lines; {compared.scripts} scripts were run)"
        )
        for name in compared.differ:
            print(f"  {name}: diff {_folder('direct1') / name}.out {_folder(mode) / name}.out")
        found[mode] = compared
    return found


def _folder(tag: str) -> Path:
    return CACHE / "out" / tag


def _kept(server: Postgres, endpoint: Endpoint, plan: Scripts, tag: str) -> Outputs:
    """The outputs, which also stay in files for whoever wants to look at a difference."""
    began = time.monotonic()
    outputs = scripts.run(plan, server, endpoint, _progress(tag))
    folder = _folder(tag)
    folder.mkdir(parents=True, exist_ok=True)
    for name, output in outputs.items():
        (folder / f"{name}.out").write_bytes(scripts.scrubbed(output))
    print(f"  {tag}: {len(outputs)} scripts in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return outputs


def _progress(tag: str) -> Callable[[str], None]:
    if not sys.stderr.isatty():
        return lambda name: None
    return lambda name: print(f"\r  {tag}: {name}\x1b[K", end="\r", file=sys.stderr, flush=True)


def _write(version: int, server: str, root: Path, found: dict[str, Compared]) -> None:
    source = root.parents[2].name.removeprefix("postgresql-")
    lines = [
        f"PostgreSQL {server}, scripts of {source}:",
        "",
        "| pgguard with | scripts with stable output | lines | identical through pgguard | differ |",
        "|---|---:|---:|---:|---|",
    ]
    for mode, compared in found.items():
        differ = ", ".join(f"`{name}`" for name in compared.differ) or "none"
        lines.append(
            f"| {MODES[mode].name} | {len(compared.stable)} | {compared.lines} | {compared.identical} | {differ} |"
        )
    PAGE.write_text(with_part(PAGE.read_text(), f"regress-{version}", "\n".join(lines)))


if __name__ == "__main__":
    sys.exit(main())
