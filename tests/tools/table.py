"""``python -m tests.tools.table`` writes what was tried with which version into the table of docs/compatibility.md.

A test tells ``record`` what it tried, which writes a line of JSON to ``RESULTS``. What was not tried this time keeps
its row.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from tests.docs.generated import DOCS, with_part

ROOT: Final = Path(__file__).parents[2]
RESULTS: Final = ROOT / ".cache" / "tools" / "results.jsonl"
PAGE: Final = DOCS / "compatibility.md"
KINDS: Final = ("driver", "program", "migrations", "pooler")
HEAD: Final = "| kind | tool | version | PostgreSQL | |\n|---|---|---|---|---|"


def record(kind: str, name: str, version: str, servers: str = "15, 18", result: str = "works") -> None:
    """Remember what was tried. ``result`` is a sentence for people; "untested: ..." says why there is none."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    with RESULTS.open("a") as file:
        row = {"kind": kind, "name": name, "version": version, "servers": servers, "result": result}
        file.write(json.dumps(row) + "\n")


def tried() -> dict[tuple[str, str], str]:
    """The rows of this time; the last word counts."""
    if not RESULTS.exists():
        return {}
    rows = map(json.loads, RESULTS.read_text().splitlines())
    return {
        (row["kind"], row["name"]): "| {kind} | {name} | {version} | {servers} | {result} |".format_map(
            {"version": "", "servers": "15, 18", "result": "works", **row}
        )
        for row in rows
    }


def rows_of(page: str) -> dict[tuple[str, str], str]:
    """The rows that the page has."""
    part = page.partition("<!-- begin tools -->")[2].partition("<!-- end tools -->")[0]
    found = {}
    for line in part.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 2 and cells[1] in KINDS:
            found[cells[1], cells[2]] = line
    return found


def with_rows(page: str, rows: dict[tuple[str, str], str]) -> str:
    """The page with these rows, and those of its own that they do not replace, by kind and name."""
    merged = {**rows_of(page), **rows}
    ordered = [merged[key] for key in sorted(merged, key=lambda key: (KINDS.index(key[0]), key[1].lower()))]
    return with_part(page, "tools", "\n".join([HEAD, *ordered]))


def main() -> None:
    PAGE.write_text(with_rows(PAGE.read_text(), tried()))


if __name__ == "__main__":
    main()
