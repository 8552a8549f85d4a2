"""Medians and ratios as a Markdown table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

WAYS = ("direct", "PgBouncer", "pgguard")
Numbers = Mapping[str, Sequence[float]]


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are numbers."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        first = cells[0].ljust(widths[0])
        others = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        return "| " + " | ".join([first, *others]) + " |"

    rule = "|" + "|".join(["-" * (widths[0] + 2)] + ["-" * (width + 1) + ":" for width in widths[1:]]) + "|"
    return "\n".join([line(head), rule, *(line(row) for row in rows)])


def throughput(results: Mapping[str, Numbers]) -> str:
    """More is better: the ratios are shares of the others' throughput. ``adds`` is latency on top of direct."""
    head = ["workload (tps)", *WAYS, "pgguard / PgBouncer", "pgguard / direct", "adds (us)"]
    rows = []
    for label, numbers in results.items():
        adds = "-"
        if label.endswith("1 client") and {"direct", "pgguard"} <= numbers.keys():
            adds = f"{1e6 / median(numbers['pgguard']) - 1e6 / median(numbers['direct']):.0f}"
        rows.append([label, *_medians(numbers, "{:,.0f}"), *_ratios(numbers), adds])
    return markdown(head, rows)


def streams(results: Mapping[str, Numbers]) -> str:
    """Less is better: the ratios are times the others' time."""
    head = ["stream (s)", *WAYS, "pgguard / PgBouncer", "pgguard / direct"]
    rows = [[label, *_medians(numbers, "{:.2f}"), *_ratios(numbers)] for label, numbers in results.items()]
    return markdown(head, rows)


def memory(results: Mapping[str, tuple[int, int, float]], idle: int) -> str:
    head = ["idle connections (KB)", "none", str(idle), "per connection"]
    rows = [[way, f"{none:,}", f"{many:,}", f"{each:.1f}"] for way, (none, many, each) in results.items()]
    return markdown(head, rows)


def _medians(numbers: Numbers, form: str) -> list[str]:
    return [form.format(median(numbers[way])) if numbers.get(way) else "-" for way in WAYS]


def _ratios(numbers: Numbers) -> list[str]:
    if not numbers.get("pgguard"):
        return ["-", "-"]
    own = median(numbers["pgguard"])
    return [f"{own / median(numbers[way]):.2f}" if numbers.get(way) else "-" for way in ("PgBouncer", "direct")]
