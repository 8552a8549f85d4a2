"""``python -m tests.docs.generated`` writes the pages, and parts of pages, that come from the code itself.

The command line comes from the Typer app, settings from ``Configuration``, checks from their docstrings, the vocabulary
of policies from the list of statements. Between the
markers ``<!-- begin NAME -->`` and ``<!-- end NAME -->`` of a page nothing is written by hand.
"""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

import typer
from pydantic_core import PydanticUndefined
from typer.models import ArgumentInfo, OptionInfo

from pgguard import checks
from pgguard.cli.configuration import Configuration
from pgguard.cli.main import app
from pgguard.evidence.reading import CATALOGS
from pgguard.evidence.victims import LARGE_OBJECT, victims_sql
from tests.docs import vocabulary

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_VALUES = {str: "TEXT", int: "N", float: "NUMBER", Path: "FILE"}


def pages() -> dict[Path, str]:
    """Every page that is generated, or has a generated part, as it must be."""
    parts = {
        DOCS / "reference" / "cli.md": ("commands", command_line()),
        DOCS / "configuration.md": ("settings", settings()),
        DOCS / "checks.md": ("checks", all_checks()),
        DOCS / "design.md": ("lock-free", lock_free()),
        DOCS / "policy.md": ("vocabulary", vocabulary.table()),
    }
    return {path: with_part(path.read_text(), *part) for path, part in parts.items()}


def with_part(page: str, name: str, text: str) -> str:
    """The page with ``text`` between the markers of this name."""
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    head, found, rest = page.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the markers of {name} are missing")
    return f"{head}{begin}\n{text.strip()}\n\n{end}{tail}"


def commands(of: typer.Typer = app, name: str = "pgguard") -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every command that does something, by its full name, in the order of ``pgguard --help``."""
    for command in of.registered_commands:
        assert command.callback is not None
        yield f"{name} {command.name or command.callback.__name__}", command.callback
    for group in of.registered_groups:
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, f"{name} {group.name}")


def command_line() -> str:
    """A heading and a table for each command."""
    return "\n\n".join(_command(name, function) for name, function in commands())


def _command(name: str, function: Callable[..., Any]) -> str:
    arguments, options = [], []
    hints = get_type_hints(function, include_extras=True)
    for parameter in inspect.signature(function).parameters.values():
        kind, told = get_args(hints[parameter.name])[:2]
        needed = parameter.default is inspect.Parameter.empty
        if isinstance(told, ArgumentInfo):
            shown = told.metavar or parameter.name.upper()
            arguments.append((shown if needed else f"[{shown}]", told.help))
        else:
            options.append((_option(parameter.name, kind, told) + (" (required)" if needed else ""), told.help))
    usage = " ".join([name, *(["[OPTIONS]"] if options else []), *(shown for shown, _ in arguments)])
    lines = [f"## {name}", "", " ".join((inspect.getdoc(function) or "").split()), "", "```", usage, "```"]
    described = [(shown, means) for shown, means in (*arguments, *options) if means]
    if described:
        lines += ["", "| what | meaning |", "|---|---|"]
        lines += [f"| `{shown}` | {' '.join(means.split())} |" for shown, means in described]
    return "\n".join(lines)


def _option(name: str, kind: Any, told: OptionInfo) -> str:
    # Inside Annotated the first name stands where the default would.
    given = [one for one in (told.default, *(told.param_decls or ())) if isinstance(one, str)]
    names = ", ".join(sorted(given or [f"--{name.replace('_', '-')}"], key=len))
    inner = [one for one in get_args(kind) if one is not NoneType] or [kind]
    return names if inner[0] is bool else f"{names} {_VALUES[inner[0]]}"


def settings() -> str:
    """A heading for each setting of ``pgguard serve``."""
    found = []
    for name, field in Configuration.model_fields.items():
        key = name.replace("_", "-")
        default = "required" if field.default is PydanticUndefined else _default(field.default)
        found.append(
            f"### {key}\n\n{field.description}\n\n"
            f"Flag `--{key}`, variable `PGGUARD_{name.upper()}`, key `{key}`; {default}."
        )
    return "\n\n".join(found)


def _default(value: object) -> str:
    if value in (None, ""):
        return "no default"
    if isinstance(value, bool):
        return f"default `{str(value).lower()}`"
    return f"default `{value}`"


def all_checks() -> str:
    """A heading for each check, from its module's docstring."""
    return "\n\n".join(_check(name, find) for name, find in checks.ALL)


def _check(name: str, find: Any) -> str:
    docstring = inspect.getdoc(inspect.getmodule(find)) or ""
    first, _, rest = docstring.partition("\n\n")
    summary = " ".join(first.split()).removeprefix(f"{name}: ")
    told = re.split(r"\n(?=\*\w+\*:)", rest)
    return "\n\n".join([f"## {name}", summary[0].upper() + summary[1:], *(_filled(part) for part in told)])


def _filled(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 120, break_long_words=False, break_on_hyphens=False)


def lock_free() -> str:
    """The functions that queries over pgguard's own connection call while a client waits."""
    everything = victims_sql({1259}, {(LARGE_OBJECT, 1), (2612, 1)}, CATALOGS.values())
    return _filled(", ".join(f"`{name}`" for name in sorted(set(re.findall(r"pg_catalog\.(\w+)\(", everything)))))


def main() -> None:
    """Writes what has changed."""
    for path, text in pages().items():
        if path.read_text() != text:
            path.write_text(text)
            sys.stdout.write(f"{path.relative_to(ROOT)}: written\n")


if __name__ == "__main__":
    main()
