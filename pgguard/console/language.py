"""The console's small language: a text becomes statements, and a usage line becomes a pattern that they can match."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      (?P<space>  \s+ | --[^\n]* | /\*.*?(?:\*/|\Z) )
    | (?P<number> [0-9]+ )(?!\w)
    | (?P<span>   [0-9]+[A-Za-z]+ )(?!\w)
    | (?P<word>   [A-Za-z_][\w]* )
    | '(?P<text>  (?:[^']++|'')*+ )'
    | \(\s*'(?P<cast> (?:[^']++|'')*+ )'(?:::(?P<type> \w+ ))?\s*\)
    | \$(?P<param> [0-9]{1,4} )(?!\w)
    | (?P<end>    ; )
    | (?P<other>  . )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_USAGE = re.compile(r" \[|\]|'(\w+)'|\b([a-z])\b")


@dataclass(frozen=True, slots=True)
class Param:
    """A ``$n`` whose value comes with Bind."""

    number: int


Argument = int | str | Param


@dataclass(frozen=True, slots=True)
class Said:
    """One statement: its words in capitals, with n, s or p where a number, string or parameter stands, and those."""

    shape: str
    arguments: tuple[Argument, ...]

    @property
    def params(self) -> int:
        """The highest parameter number."""
        return max((argument.number for argument in self.arguments if isinstance(argument, Param)), default=0)


def statements(text: str) -> list[Said]:
    """The statements of a text; empty ones are left out. Any text can be read; what makes no sense matches nothing."""
    found: list[Said] = []
    shape: list[str] = []
    arguments: list[Argument] = []
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup or ""
        value = token[kind]
        if kind == "word":
            shape.append(value.upper())
        elif kind == "number":
            shape.append("n")
            arguments.append(int(value[:100]))
        elif kind == "span":  # 24h is what a person writes, and a string for those who match it
            shape.append("s")
            arguments.append(value[:100])
        elif token["cast"] is not None:  # how pgjdbc writes a parameter into a Query
            value = token["cast"]
            whole = (token["type"] or "").startswith("int") and value.isascii() and value.isdigit()
            shape.append("n" if whole else "s")
            arguments.append(int(value[:100]) if whole else value.replace("''", "'"))
        elif kind == "text":
            shape.append("s")
            arguments.append(value.replace("''", "'"))
        elif kind == "param":
            shape.append("p")
            arguments.append(Param(int(value)))
        elif kind == "other":
            shape.append(value)
        elif kind == "end":
            if shape:
                found.append(Said(" ".join(shape), tuple(arguments)))
            shape, arguments = [], []
    if shape:
        found.append(Said(" ".join(shape), tuple(arguments)))
    return found


def pattern(usage: str) -> re.Pattern[str]:
    """The pattern of a usage line such as ``APPROVE n [AT MOST k] [TOKEN]``: capitals stand for themselves, a small
    letter for a number, a quoted name for a string, brackets for what can be left out."""

    def piece(found: re.Match[str]) -> str:
        if found[1] or found[2]:
            return f"(?P<{found[1] or found[2]}>[{'s' if found[1] else 'n'}p])"
        return "(?: " if found[0] == " [" else ")?"

    return re.compile(_USAGE.sub(piece, usage))


def match(wanted: re.Pattern[str], said: Said) -> Mapping[str, Argument] | None:
    """The arguments by the names that the usage gives them; None when the statement is not of this pattern."""
    found = wanted.fullmatch(said.shape)
    if found is None:
        return None
    places = [place for place, letter in enumerate(said.shape) if letter in "nsp"]
    spans = {name: found.start(name) for name in wanted.groupindex if found.start(name) >= 0}
    return {name: said.arguments[places.index(start)] for name, start in spans.items()}


def resolved(argument: Argument, values: Sequence[str | None]) -> int | str | None:
    """The argument's value, a parameter's taken from ``values``."""
    return values[argument.number - 1] if isinstance(argument, Param) else argument
