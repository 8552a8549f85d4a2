"""The tokens of a text: what an approval is bound to, and the comment in front."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache

from pgguard.sql import grammar, limits


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
    count, everything else does. FAIL CLOSED: a text that cannot be scanned is digested byte for byte."""
    tokens = None if 0 in text or len(text) > limits.MAX_BYTES or limits.lexes_slowly(text) else grammar.scan(text)
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


def without_token(text: bytes) -> bytes:
    """``text`` with the token in its leading comment overwritten with spaces: it is nobody else's business."""
    comment = leading_comment(text)
    if comment is None or not comment.token:
        return text
    return text[: comment.start] + b" " * (comment.end - comment.start) + text[comment.end :]


_COMMENT = re.compile(rb"[ \t\r\n\f\v]*/\*[ \t\r\n]*pgguard:(.*?)\*/", re.DOTALL)
_FIELD = re.compile(rb"\s*(token|reason)\s*=\s*(?:'((?:[^']|'')*)'|([^\s,']+))\s*(?:,|\Z)")


def leading_comment(text: bytes) -> LeadingComment | None:
    """What the comment in front of ``text`` says to pgguard; None when there is none, or when it is not exactly in
    the form above (an unknown word, a field twice, a comment within the comment)."""
    comment = _COMMENT.match(text)
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
