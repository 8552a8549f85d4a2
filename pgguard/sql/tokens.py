"""The tokens of a text: what an approval is bound to, and the comment in front."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache

from pgguard.sql import grammar, limits

MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class LeadingComment:
    """``/* pgguard: token=..., reason='...' */`` in front of a statement. ``start`` and ``end`` are the bytes of the
    token's value in the text, to be overwritten with spaces; both 0 when there is no token."""

    token: str = ""
    reason: str = ""
    start: int = 0
    end: int = 0


@cache
def _left_out() -> frozenset[bytes]:
    return frozenset(grammar.kinds(b"/* comment */ -- comment"))


@cache
def _semicolon() -> bytes:
    return grammar.kinds(b";")[0]


def token_digest(text: bytes) -> str:
    """SHA-256, hex, of the tokens with their exact spelling: comments, white space and semicolons at the end do not
    count, everything else does. FAIL CLOSED: a text that cannot be scanned, or is very long, is digested byte for
    byte."""
    tokens = None if 0 in text or len(text) > MAX_BYTES or limits.lexes_slowly(text) else grammar.scan(text)
    if tokens is None:
        return hashlib.sha256(b"bytes\0" + text).hexdigest()
    left_out, semicolon = _left_out(), _semicolon()
    kept = [token for token in tokens if token[2] not in left_out]
    while kept and kept[-1][2] == semicolon:
        kept.pop()
    digest = hashlib.sha256(b"tokens\0")
    for start, end, kind in kept:
        spelled = text[grammar.varint(start) : grammar.varint(end)]
        digest.update(b"%b %d %b" % (kind, len(spelled), spelled))
    return digest.hexdigest()


def shown(text: bytes) -> bytes:
    """``text`` for people: without a token, and cut where it is long."""
    return without_token(text) if len(text) <= _MAX_SHOWN else without_token(text[:_MAX_SHOWN]) + b" ..."


def without_token(text: bytes) -> bytes:
    """``text`` with the token in its leading comment overwritten with spaces: it is nobody else's business."""
    comment = leading_comment(text)
    if comment is None or not comment.token:
        return text
    return text[: comment.start] + b" " * (comment.end - comment.start) + text[comment.end :]



# A comment in front of a statement that is longer is none of ours.
_MAX_COMMENT = 8 * 1024
# So much of a statement is shown to people, and kept in the audit.
_MAX_SHOWN = 16 * 1024
_COMMENT = re.compile(rb"[ \t\r\n\f\v]*/\*[ \t\r\n]*pgguard:(.*?)\*/", re.DOTALL)
_FIELD = re.compile(rb"\s*(token|reason)\s*=\s*(?:'((?:[^']|'')*)'|([^\s,']+))\s*(?:,|\Z)")


def leading_comment(text: bytes) -> LeadingComment | None:
    """What the comment in front of ``text`` says to pgguard; None when there is none, or when it is not exactly in
    the form above (an unknown word, a field twice, a comment within the comment)."""
    comment = _COMMENT.match(text, 0, _MAX_COMMENT)
    if comment is None or b"/*" in comment[1]:
        return None
    body, offset = comment[1].rstrip(), comment.start(1)
    found: dict[str, tuple[str, int, int]] = {}
    position = 0
    while position < len(body):
        field = _FIELD.match(body, position)
        if field is None:
            return None
        name, group = field[1].decode(), 2 if field[2] is not None else 3
        if name in found:
            return None
        value = field[group].replace(b"''", b"'").decode("utf-8", "replace")
        found[name] = (value, offset + field.start(group), offset + field.end(group))
        position = field.end()
    if not found:
        return None
    token, start, end = found.get("token", ("", 0, 0))
    return LeadingComment(token, found.get("reason", ("", 0, 0))[0], start, end)
