"""What somebody probably meant who wrote something that a policy file cannot say."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

# Words of other tools, and of plain English, for ours.
_OTHER_WORDS = {
    "deny": "refuse", "reject": "refuse", "block": "refuse", "forbid": "refuse", "stop": "refuse",
    "approval": "approve", "ask": "approve", "hold": "approve", "confirm": "approve", "review": "approve",
    "dry-run": "observe", "dry_run": "observe", "monitor": "observe", "log": "observe", "warn": "observe",
    "user": "caller as roles", "users": "caller roles", "members": "roles", "login": "caller as",
    "action": "then beyond", "effect": "then", "max": "rows", "limit": "rows", "period": "window", "when": "match",
    "if": "match", "unless": "except", "ip": "address", "app": "application_name", "function": "call",
    "object": "destroys", "drops": "destroys", "statement": "kind sql", "query": "sql", "name": "as",
}  # fmt: skip
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_TIME = re.compile(r"(\d{1,6})\s*(s|m|h|d|w)[a-z]*\s*")
_NUMBER = re.compile(r"(\d{1,3}(?:[_,. ']\d{3})+|\d+)\s*([km]?)\s*(?:rows)?", re.IGNORECASE)


def close(word: str, names: Iterable[str]) -> str:
    """The one of ``names`` that was probably meant, "" when none is near."""
    names = list(names)
    lower = word.strip().lower()
    others = [name for name in _OTHER_WORDS.get(lower, "").split() if name in names]
    first = [name for name in names if lower.startswith(f"{name} ")]
    alike = difflib.get_close_matches(lower.replace("-", "_"), names, n=1, cutoff=0.6)
    alike = alike or difflib.get_close_matches(lower, names, n=1, cutoff=0.6)
    return next(iter([*others, *alike, *first]), "")


def nearest(word: str, names: Iterable[str]) -> str:
    """``, did you mean "x"?``, or what there is to choose from."""
    names = list(names)
    if meant := close(word, names):
        return did_you_mean(meant)
    return f"; known are {', '.join(names)}" if names else ""


def did_you_mean(meant: str) -> str:
    """As the end of a sentence; "" for nothing."""
    return f', did you mean "{meant}"?' if meant else ""


def choice(value: Any, choices: tuple[str, ...]) -> str:
    """Which of a few words was meant."""
    if len(choices) == 1:
        return choices[0]
    return close(value, choices) if isinstance(value, str) else ""


def duration(value: Any) -> str:
    """``90m`` for "1h 30 minutes"."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value}m" if 0 < value < 1_000_000 else ""
    text = value.strip().lower() if isinstance(value, str) else ""
    parts = list(_TIME.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        return ""
    seconds = sum(int(part[1]) * _UNITS[part[2]] for part in parts)
    unit = next((unit for unit in "dhm" if seconds % _UNITS[unit] == 0), "s")
    return f"{seconds // _UNITS[unit]}{unit}" if seconds else ""


def number(value: Any) -> str:
    """``10000`` for "10k" and "10_000 rows"."""
    found = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return ""
    times = {"k": 1000, "m": 1_000_000}.get(found[2].lower(), 1)
    return str(int(re.sub(r"\D", "", found[1])) * times)


def share(value: Any) -> str:
    """``20%`` for 20, 0.2 and "20 %"."""
    found = re.fullmatch(r"(\d{1,2}|0?\.\d{1,2})\s*%?", str(value).strip())
    if found is None or isinstance(value, bool):
        return ""
    percent = float(found[1]) * (100 if "." in found[1] else 1)
    return f"{percent:g}%" if percent else ""


def for_yaml(problem: str) -> str:
    """What is usually wrong when YAML says this."""
    for sign, said in _YAML:
        if sign in problem:
            return f"; {said}"
    return ""


_YAML = (
    ("alias", "a text that begins with * needs quotes"),
    ("expected alphabetic or numeric character", "a text that begins with * or & needs quotes"),
    ("mapping values are not allowed", "a text with a colon in it needs quotes"),
    ("expected ',' or", "is a bracket left open, or a text with a colon in it without quotes?"),
    ("expected <block end>", "is it indented as the lines that it belongs to, with a colon behind its key?"),
    ("expected ':'", "is there a colon behind each key?"),
    ("cannot start any token", "a text that begins with this character needs quotes"),
)
