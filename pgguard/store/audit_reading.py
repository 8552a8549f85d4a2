"""Reading audit files back: their records, and whether the chain over them is whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgguard.audit.chain import Broken, Link, Whole, read, walk
from pgguard.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records: fields that have exactly these values, ``since`` <= time < ``until`` (as in the records)."""

    fields: Mapping[str, str]
    since: str = ""
    until: str = ""

    def has(self, values: Mapping[str, Any]) -> bool:
        if values["time"] < self.since or (self.until and values["time"] >= self.until):
            return False
        return all(str(values.get(key)) == text for key, text in self.fields.items())


def lines_of(path: str | Path) -> Iterator[bytes]:
    """The file's lines with their line feeds. Raises ConfigError when it cannot be read."""
    try:
        with open(path, "rb") as file:
            yield from file
    except OSError as trouble:
        raise ConfigError(f"audit file {path}: {(trouble.strerror or str(trouble)).lower()}", exit_code=3) from None


def follow(path: str | Path, after: Link | None = None, known: Link | None = None) -> Whole | Broken:
    """Walks the whole chain of a file (``chain.walk``). Raises ConfigError when it cannot be read."""
    return walk(lines_of(path), after, known)


def verify(path: str | Path) -> Broken | None:
    """The first broken link of a file, None when its chain is whole. Raises ConfigError when it cannot be read."""
    found = follow(path)
    return found if isinstance(found, Broken) else None


def records(paths: Sequence[str | Path], wanted: Wanted | None = None) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Lines as they were written and their fields, in order; what is no whole record is left out (``verify`` names
    it)."""
    for path in paths:
        for line, values in _records(path):
            if wanted is None or wanted.has(values):
                yield line, values


def show(path: str | Path, fields: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
    """The fields of the records of one file."""
    return (values for _, values in records([path], Wanted(fields or {})))


def _records(path: str | Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    for line in lines_of(path):
        values = read(line.removesuffix(b"\n"))
        if isinstance(values, dict):
            yield line.removesuffix(b"\n"), values
