"""One harmless case, as a family's file writes it: what is sent, in which protocol form, and what a server answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CASES = Path(__file__).with_name("cases")
FORMS = ("simple", "extended", "named", "asyncpg", "pipeline", "psql", "program")
KEYS = {"name", "form", "steps", "user", "fails", "since", "compare", "options", "known"}


@dataclass(frozen=True)
class Step:
    """One statement, or what a program is called with. ``values`` None stands for NULL. ``data``: of a COPY FROM."""

    sql: str
    values: tuple[str | None, ...] = ()
    types: tuple[int, ...] = ()
    rows: int = 0
    data: str | None = None


@dataclass(frozen=True)
class Case:
    """``fails``: the SQLSTATEs that PostgreSQL itself answers, in order; a case that says none must not fail anywhere.
    ``compare``: rows, or shape where rows hold what differs between two databases. ``options``: of StartupMessage.
    ``known``: what is not right yet, in words, "on 18" at its end where only that version shows it."""

    family: str
    name: str
    form: str
    steps: tuple[Step, ...]
    user: str = "ann"
    fails: tuple[str, ...] = ()
    since: int = 15
    compare: str = "rows"
    options: str = ""
    known: str = ""

    def is_known(self, version: int) -> bool:
        """Whether it fails on this version today."""
        words, _, last = self.known.rpartition(" on ")
        return bool(self.known) and (not words or not last.isdigit() or int(last) == version)

    @property
    def id(self) -> str:
        return f"{self.family}: {self.name}"


def all_cases() -> list[Case]:
    """Every case of every family."""
    return [case for path in sorted(CASES.glob("*.yaml")) for case in _family(path)]


def _family(path: Path) -> Iterator[Case]:
    # BaseLoader: every scalar is a text, so that `on`, `null` and 1.0 stay what they are in SQL.
    whole = yaml.load(path.read_text(), Loader=yaml.BaseLoader)
    unknown = whole.keys() - {"family", "form", "cases"}
    assert not unknown, f"{path.name}: unknown keys {sorted(unknown)}"
    for entry in whole["cases"]:
        yield _case(whole["family"], whole.get("form", "simple"), entry)


def _case(family: str, form: str, entry: Any) -> Case:
    if isinstance(entry, str):  # one statement that is its own name
        entry = {"name": entry if len(entry) < 100 else entry[:100] + " ...", "steps": [entry]}
    unknown = entry.keys() - KEYS
    assert not unknown, f"{family}: unknown keys {sorted(unknown)} in {entry}"
    case = Case(
        family=family, name=entry["name"], form=entry.get("form", form), steps=tuple(_steps(entry["steps"])),
        user=entry.get("user", "ann"), fails=tuple(entry.get("fails", "").split()), since=int(entry.get("since", 15)),
        compare=entry.get("compare", "rows"), options=entry.get("options", ""), known=entry.get("known", ""),
    )  # fmt: skip
    assert case.form in FORMS, f"{case.id}: unknown form {case.form}"
    assert case.compare in ("rows", "shape"), f"{case.id}: unknown comparison {case.compare}"
    return case


def _steps(entry: Any) -> Iterator[Step]:
    """A list, or a text of one statement in each line."""
    lines = entry.splitlines() if isinstance(entry, str) else entry
    yield from map(_step, filter(None, lines) if isinstance(entry, str) else lines)


def _step(entry: Any) -> Step:
    """A text; a list of a text and its values; or a mapping."""
    if isinstance(entry, str):
        return Step(entry)
    if isinstance(entry, list):
        return Step(entry[0], tuple(map(_value, entry[1:])))
    assert entry.keys() <= {"sql", "values", "types", "rows", "data"}, entry
    return Step(
        sql=entry["sql"], values=tuple(map(_value, entry.get("values", ()))),
        types=tuple(map(int, entry.get("types", ()))), rows=int(entry.get("rows", 0)), data=entry.get("data"),
    )  # fmt: skip


def _value(text: str) -> str | None:
    return None if text == "\\N" else text
