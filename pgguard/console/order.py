"""What a command is, what it is given, and what it answers with."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from pgguard.console.desk import Desk
from pgguard.console.language import pattern
from pgguard.console.words import printable
from pgguard.store.lifecycle import NO_SUCH, NOT_YOU

SYNTAX = "42601"
WRONG_VALUE = "22P02"

Row = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """A command's answer."""

    rows: tuple[Row, ...]
    tag: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A command's refusal, as it goes into an ErrorResponse."""

    sqlstate: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """One command as it was given: by whom, ``proved`` or not, with which values, every word of it in ``shape``."""

    person: str
    proved: bool
    desk: Desk
    values: Mapping[str, int | str | None]
    shape: str = ""
    verb: str = ""
    address: str = ""
    application: str = ""

    def number(self, name: str, highest: int) -> int | Failed | None:
        """The whole number of this name; None when it was left out."""
        if name not in self.values:
            return None
        value = str(self.values[name] or "")
        if not re.fullmatch(r"[0-9]{1,100}", value):
            return Failed(WRONG_VALUE, f'invalid whole number: "{printable(value)}"')
        if int(value) > highest:
            return Failed(NO_SUCH, f"there is no request {value}") if name == "n" else Failed(
                "22003", f"number {value} is out of range")  # fmt: skip
        return int(value)


@dataclass(frozen=True, slots=True)
class Command:
    """``usage`` is the pattern as people read it, see ``language.pattern``; ``columns`` are a promise. ``verb``: what
    it does, in a word for the audit; "" for what only shows."""

    usage: str
    columns: tuple[str, ...]
    run: Callable[[Order], Awaitable[Result | Failed]]
    doc: str
    wanted: re.Pattern[str]
    verb: str = ""


def row(usage: str, columns: str, run: Callable[[Order], Awaitable[Result | Failed]], doc: str) -> Command:
    """A row of the table of commands."""
    first = usage.partition(" ")[0]
    verb = "" if first == "SHOW" else first.lower()
    return Command(usage, tuple(columns.split()), run, doc, pattern(usage), verb)


def seconds(written: int | str | None) -> float | Failed | None:
    """A time as people write it: 90m, 24h, 7d."""
    if written is None:
        return None
    found = re.fullmatch(r"([0-9]{1,6})([smhd])", str(written))
    if found is None:
        return Failed(WRONG_VALUE, f'invalid time: "{printable(str(written))}"', "Write it as in 30m, 24h or 7d.")
    return float(int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[found[2]])


def unproved(verb: str) -> Failed:
    """FAIL CLOSED: who was not asked for a password could be anybody."""
    return Failed(
        NOT_YOU, f"cannot {verb}: the server let you in without asking for a password",
        "Sign in through a pg_hba.conf line with a password method (scram-sha-256), so that you are who you say.",
    )  # fmt: skip
