"""One text into its statements: the front door of reading, which never raises for any text."""

from __future__ import annotations

import json
import re

from pgguard.sql import grammar
from pgguard.sql.classify import classify
from pgguard.sql.draft import opaque
from pgguard.sql.limits import too_much
from pgguard.sql.statement import ReadText, Statement
from pgguard.sql.tree import Tree

# Long lists of plain constants (the rows of a bulk INSERT) are most of a large tree and say nothing about it. No
# quote inside a JSON string is unescaped, so the pattern cannot match there.
_LARGE = 256 * 1024
_CONSTANT = re.compile(
    rb'\{"A_Const":\{(?:"[ifs]val":\{(?:"[ifs]val":(?:-?\d+|"(?:[^"\\]|\\.)*"))?\}|"isnull":true|"boolval":\{(?:"boolval":true)?\})'
    rb',"location":-?\d+\}\}'
)
_SPACE = b" \t\n\r\f\v"


def read(text: bytes) -> ReadText:
    """The statements of ``text``, with byte offsets into it. A text that is not UTF-8, too much to read, or no SQL
    comes back as one OPAQUE statement with ``error`` set."""
    trouble = too_much(text)
    if trouble:
        return _unreadable(text, trouble)
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return _unreadable(text, "the text is not valid UTF-8")
    raw, error = grammar.parse(text)
    if error:
        return _unreadable(text, error)
    if len(raw) > _LARGE:
        raw = _CONSTANT.sub(b'{"A_Const":{"isnull":true}}', raw)
    try:
        tree: Tree = json.loads(raw)
        statements = tuple(_statement(text, item) for item in tree.get("stmts", ()))
    except RecursionError:
        return _unreadable(text, "the text is too deeply nested")
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as fault:
        # FAIL CLOSED: a tree in a shape that nobody foresaw is a text that was not understood.
        return _unreadable(text, f"the parse tree has an unknown shape ({type(fault).__name__})")
    return ReadText(statements)


def _statement(text: bytes, item: Tree) -> Statement:
    start: int = item.get("stmt_location", 0)
    length: int = item.get("stmt_len", 0) or len(text) - start
    piece = text[start : start + length]
    start += len(piece) - len(piece.lstrip(_SPACE))
    return classify(item["stmt"], start, len(piece.strip(_SPACE)))


def _unreadable(text: bytes, error: str) -> ReadText:
    return ReadText((opaque("", 0, len(text), error),), error)
