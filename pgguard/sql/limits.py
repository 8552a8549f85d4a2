"""What is too much to read: linear checks that stand before the native parser, and what may be read at once.

libpg_query recurses over the tree that it built: 100,000 chained ``+`` or JOIN end the process with a segmentation
fault, 50,000 did not (8 MB stack). Deep nesting to the right is stopped earlier by bison's own limit of 10,000. The
lexer is quadratic in runs of operator characters that it must give back (``/*/*/*``, ``++++``): 10,000 take 0.7 s.
Counting the depth takes longer than parsing, so beyond ``MAX_COUNTED`` bytes it is not done, and the text is read
apart, in a process that may end. For the event loop's sake everything that is not ``short`` is read there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from pgguard.sql import grammar
from pgguard.sql.statement import Statement

MAX_BYTES = 64 * 1024 * 1024
MAX_COUNTED = 4 * 1024 * 1024
MAX_DEPTH = 5_000  # tokens on one path of the tree; also: no text of fewer bytes can be deeper
MAX_JOINS = 1_000  # JOIN, UNION, INTERSECT, EXCEPT: they chain over commas and AND
MAX_LEXING = 4_000_000  # steps of the lexer's quadratic part, measured at 5 to 12 ns each
MAX_STATEMENTS = 10_000
MAX_NAMED = 20_000  # different things that the statements of a text name: each is looked up when it is judged

# Reading takes 1 to 2 us for a byte of the worst sorts, judging 20 us for a statement.
SHORT_BYTES = 8 * 1024
_SHORT_STATEMENTS = 32
_SHORT_RUN = re.compile(rb"[-~!@#^&|`?+*/%<>=]{256}")
_SURELY_SHORT = 1024

_OPERATOR_RUN = re.compile(rb"[-~!@#^&|`?+*/%<>=]{16,}")


def too_much(text: bytes, *, apart: bool = False) -> str:
    """Why ``text`` must not be given to the native parser, in words; "" when it may. ``apart``: this process is there
    for that alone, and may end."""
    most = MAX_BYTES if apart else MAX_COUNTED
    if len(text) > most:
        return f"the text is longer than {most} bytes"
    if 0 in text:
        return "the text contains a NUL byte"
    if lexes_slowly(text):
        return "the text has too long runs of operator characters"
    if MAX_DEPTH < len(text) <= MAX_COUNTED:
        kinds = grammar.token_kinds(text)
        if kinds is None:
            return "the text cannot be split into tokens"
        depth, joins = measure(kinds)
        if depth > MAX_DEPTH:
            return f"the text is nested or chained more than {MAX_DEPTH} tokens deep"
        if joins > MAX_JOINS:
            return f"the text has more than {MAX_JOINS} joins and set operations"
    return ""


def short(text: bytes) -> bool:
    """Whether reading it takes so little (about 10 ms of the worst that there is) that others may wait for it."""
    size = len(text)
    return size <= _SURELY_SHORT or (
        size <= SHORT_BYTES and text.count(b";") <= _SHORT_STATEMENTS and _SHORT_RUN.search(text) is None
    )


def too_many(statements: tuple[Statement, ...]) -> str:
    """Why what was read is too much to be judged, in words; "" when it is not."""
    if len(statements) > MAX_STATEMENTS:
        return f"the text has more than {MAX_STATEMENTS} statements"
    if sum(map(_named, statements)) > MAX_NAMED + 16 * len(statements):
        return f"the text names more than {MAX_NAMED} things"
    return ""


def _named(statement: Statement) -> int:
    own = (
        len(statement.reads) + len(statement.writes) + len(statement.calls) + len(statement.operators)
        + len(statement.types) + len(statement.columns) + len(statement.drops)
        + len(statement.subcommands) + len(statement.details)
        + sum(len(write.columns) for write in statement.writes)
        + sum(len(term.values) for term in statement.key_terms or ())
    )  # fmt: skip
    return own + sum(map(_named, statement.inner))


def lexes_slowly(text: bytes) -> bool:
    """Whether the scanner itself would take long. Counts inside strings too: more than there is, never less."""
    return sum(len(run) ** 2 for run in _OPERATOR_RUN.findall(text) if _given_back(run)) > MAX_LEXING


def _given_back(run: bytes) -> bool:
    # A run without + - or /* is one token, and one of nothing but - is a comment to the end of its line.
    return (b"+" in run or b"-" in run or b"/*" in run) and bool(run.strip(b"-"))


@cache
def _vocabulary() -> dict[bytes, str]:
    """Token kind -> what it means for depth. Kinds left out are links of a chain."""
    words = {
        "open": b"( [ case",
        "close": b") ]",
        "end": b"end",
        "cut": b", ;",
        "when": b"when then else",
        "and": b"and",
        "or": b"or",
        "between": b"between",
        "join": b"join union intersect except",
    }
    return {kind: meaning for meaning, text in words.items() for kind in grammar.kinds(text)}


@cache
def _case() -> bytes:
    return grammar.kinds(b"case")[0]


def measure(kinds: Iterable[bytes]) -> tuple[int, int]:
    """Upper bounds of a statement's depth in tokens, and how many joins and set operations it has.

    A path of the tree runs through the open brackets (CASE is one) and, in each, through the chain since the last
    comma: lists are flat, and so are AND and OR, but for the AND of BETWEEN. ``when`` separates the arms of a CASE.
    """
    vocabulary, case = _vocabulary(), _case()
    deepest = joins = total = count = between = 0
    stack: list[tuple[int, int, bool]] = []  # chain and open BETWEENs of each outer bracket, and whether it is a CASE
    in_case = False
    for kind in kinds:
        meaning = vocabulary.get(kind)
        total += 1
        count += 1
        if meaning is None:
            pass
        elif meaning == "open":
            stack.append((count, between, in_case))
            count, between, in_case = 0, 0, kind == case
        elif meaning == "close" or (meaning == "end" and in_case):
            if stack:
                total -= count
                count, between, in_case = stack.pop()
        elif meaning == "and" and between:
            between -= 1
        elif meaning == "between":
            between += 1
        elif meaning == "join":
            joins += 1
        elif meaning in ("cut", "and", "or") or (meaning == "when" and in_case):
            total -= count
            count = between = 0
        if total > deepest:
            deepest = total
    return deepest, joins
