"""Bodies of functions in SQL and PL/pgSQL: the statements that a call runs, read as statements of a client are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from pgguard.sql import grammar, limits
from pgguard.sql.plpgsql import PlPgSql
from pgguard.sql.read import read
from pgguard.sql.statement import Statement
from pgguard.sql.words import Unexpected

LANGUAGES = frozenset(("sql", "plpgsql"))
MAX_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Body:
    """``sets``: the columns of a trigger's row that it assigns; None: any of them. ``trouble``: why it was not read,
    in words that follow the function's name; then nothing else is known."""

    statements: tuple[Statement, ...] = ()
    sets: frozenset[str] | None = frozenset()
    trouble: str = ""


@lru_cache(maxsize=2048)
def read_body(language: str, source: bytes) -> Body:
    """What a function of that language runs. The text alone decides, so the answer outlives every catalog picture.

    FAIL CLOSED: trouble for whatever was not understood in full.
    """
    trouble = _unfit(source) if language in LANGUAGES else f"is written in {language}"
    if trouble:
        return Body(trouble=trouble)
    texts, sets = [source], frozenset[str]()
    if language == "plpgsql":
        try:
            reader = PlPgSql(source, grammar.scan(source) or [])
        except Unexpected as why:
            return Body(trouble=str(why))
        texts, sets = list(dict.fromkeys(reader.found)), frozenset(reader.sets)
        if reader.any_row:
            return _statements(language, texts, None)
    return _statements(language, texts, sets)


def _statements(language: str, texts: list[bytes], sets: frozenset[str] | None) -> Body:
    found: list[Statement] = []
    for text in texts:
        parsed = read(text)
        if parsed.error or (language == "plpgsql" and len(parsed.statements) != 1):
            return Body(trouble="cannot be read: " + (parsed.error or "a piece of it is no statement"))
        found += parsed.statements
    return Body(tuple(found), sets)


def _unfit(source: bytes) -> str:
    if len(source) > MAX_BYTES:
        return f"is longer than {MAX_BYTES} bytes"
    # With standard_conforming_strings off, which a session can set, a string does not end there.
    if b"\\'" in source:
        return "has a backslash in front of a quote"
    trouble = limits.too_much(source)
    return f"is too much to read: {trouble}" if trouble else ""
