"""What drivers and pools send by habit, and what it means in the console: nothing, said truthfully."""

from __future__ import annotations

from dataclasses import dataclass

from pgguard.console.language import Said
from pgguard.console.order import Failed, Row

_TRANSACTIONS = {"BEGIN": "BEGIN", "START": "START TRANSACTION", "COMMIT": "COMMIT", "END": "COMMIT",
                 "ROLLBACK": "ROLLBACK", "ABORT": "ROLLBACK"}  # fmt: skip
_NOTHING_HERE = {"SET": "SET", "RESET": "RESET", "DISCARD": "DISCARD ALL", "DEALLOCATE": "DEALLOCATE",
                 "CLOSE": "CLOSE CURSOR", "UNLISTEN": "UNLISTEN"}  # fmt: skip
# asyncpg's pool sends this one before it gives a connection to somebody else.
_POOL_RESET = "SELECT PG_ADVISORY_UNLOCK_ALL ( )"


@dataclass(frozen=True, slots=True)
class Nothing:
    """A statement that does nothing here: its tag, a warning (SQLSTATE 25P01) where it could mislead, and what it
    answers with."""

    tag: str
    warning: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()


# psql's \\d and tab completion, and what drivers ask of types: there is no catalog here, so nothing is found in it.
_NOT_FOUND = Nothing("SELECT 0", columns=("nothing",))


def habit(said: Said) -> Nothing | Failed | None:
    """What to answer to a session or transaction statement; None when it is none."""
    words = said.shape.split(" ")
    if said.shape == _POOL_RESET:
        return Nothing("SELECT 0")
    if said.shape == "SELECT n":  # pools ask so whether anybody is there
        return Nothing("SELECT 1", columns=("?column?",), rows=((str(said.arguments[0]),),))
    if words[0] in ("SELECT", "WITH") and "PG_CATALOG" in words:
        return _NOT_FOUND
    if words[0] in _TRANSACTIONS:
        opens = words[0] in ("BEGIN", "START")
        warning = "there are no transactions here: each command takes effect at once" if opens else ""
        return Nothing(_TRANSACTIONS[words[0]], warning)
    if words[0] == "SET" and ("CLIENT_ENCODING" in words or "NAMES" in words):
        encodings = {str(a).upper() for a in said.arguments} | set(words)
        known = encodings & {"UTF8", "UTF-8", "UNICODE"}
        return Nothing("SET") if known else Failed("0A000", "the console speaks UTF8 only")
    if words[0] in _NOTHING_HERE:
        return Nothing(_NOTHING_HERE[words[0]])
    return None
