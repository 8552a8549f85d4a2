"""All that is ever asked of a long text, in one answer: it is read in another process, where nobody waits behind it."""

from __future__ import annotations

from dataclasses import replace

from pgguard.sql.read import read
from pgguard.sql.statement import ReadText
from pgguard.sql.tokens import token_digest

# predicate looks at no longer ones, and is slow to import.
_MAX_PREDICATES = 20 * 1024


def examine(text: bytes) -> ReadText:
    """``read``, with the digest of the tokens and the WHEREs that are always true."""
    found = read(text, apart=True)
    if found.error:
        return found
    always: tuple[str, ...] = ()
    if len(text) <= _MAX_PREDICATES:
        from pgguard.sql.predicate import every_always_true

        always = tuple(dict.fromkeys(every_always_true(text.decode())))
    return replace(found, digest=token_digest(text), always_true=always)
