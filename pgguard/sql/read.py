"""One text into its statements: the front door of reading, which never raises for any text."""

from __future__ import annotations

import json
import re

from pgguard.sql import grammar
from pgguard.sql.classify import classify
from pgguard.sql.draft import opaque
from pgguard.sql.limits import too_many, too_much
from pgguard.sql.statement import ReadText, Statement
from pgguard.sql.tree import Tree

# Long lists of plain constants (the rows of a bulk INSERT) are most of a large tree and say nothing about it. No
# quote inside a JSON string is unescaped, so the patterns cannot match there.
_LARGE = 256 * 1024
# What is left of a tree then: Python needs some 10 bytes for each of these, and a second for 30 MB.
_MAX_TREE = 64 * 1024 * 1024
_CONSTANT = re.compile(
    rb'\{"A_Const":\{(?:"[ifs]val":\{(?:"[ifs]val":(?:-?\d+|"(?:[^"\\]|\\.)*"))?\}|"isnull":true|"boolval":\{(?:"boolval":true)?\})'
    rb',"location":-?\d+\}\}'
)
_PLACE = rb'"(?:location|(?:rexpr_)?list_(?:start|end))":-?\d+'
_PLACES = re.compile(rb",%b|(?<=\{)%b(?=\})" % (_PLACE, _PLACE))


def _rows() -> re.Pattern[bytes]:
    """Rows of VALUES that name the same as the row before them, whatever their constants are."""
    inner = flat = rb'[^\[\]{}"]++|"(?:[^"\\]|\\.)*+"'
    for _ in range(10):
        inner = rb"%b|[\[{](?:%b)*+[\]}]" % (flat, inner)
    return re.compile(rb'(\{"List":\{"items":\[(?:%b)*+\]\}\})(?:,\1)++' % inner)


_ROWS = _rows()
_SPACE = b" \t\n\r\f\v"


def read(text: bytes, *, apart: bool = False) -> ReadText:
    """The statements of ``text``, with byte offsets into it. A text that is not UTF-8, too much to read, or no SQL
    comes back as one OPAQUE statement with ``error`` set. ``apart``: in a process that may end over it."""
    trouble = too_much(text, apart=apart)
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
        raw = _ROWS.sub(rb"\1", _PLACES.sub(b"", raw))
        if len(raw) > _MAX_TREE:
            return _unreadable(text, f"the parse tree is longer than {_MAX_TREE} bytes")
    try:
        tree: Tree = json.loads(raw)
        statements = tuple(_statement(text, item) for item in tree.get("stmts", ()))
    except RecursionError:
        return _unreadable(text, "the text is too deeply nested")
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as fault:
        # FAIL CLOSED: a tree in a shape that nobody foresaw is a text that was not understood.
        return _unreadable(text, f"the parse tree has an unknown shape ({type(fault).__name__})")
    trouble = too_many(statements)
    return _unreadable(text, trouble) if trouble else ReadText(statements)


def unread(text: bytes, why: str) -> ReadText:
    """What stands for a text that nobody could, or had the time to, read."""
    return _unreadable(text, why)


def _statement(text: bytes, item: Tree) -> Statement:
    start: int = item.get("stmt_location", 0)
    length: int = item.get("stmt_len", 0) or len(text) - start
    piece = text[start : start + length]
    start += len(piece) - len(piece.lstrip(_SPACE))
    return classify(item["stmt"], start, len(piece.strip(_SPACE)))


def _unreadable(text: bytes, error: str) -> ReadText:
    return ReadText((opaque("", 0, len(text), error),), error)
