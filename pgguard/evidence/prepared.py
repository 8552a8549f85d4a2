"""Which transactions are prepared on the server: COMMIT PREPARED of any other name fails as PostgreSQL says it."""

from __future__ import annotations

from collections.abc import Sequence

from pgguard.errors import ProtocolViolation
from pgguard.evidence.envelope import PREFIX, Row, array, opened, sealed

PREPARED_SQL = f"{PREFIX}SELECT {sealed(array('p.gid'))} FROM pg_catalog.pg_prepared_xact() p"


def parse_prepared(rows: Sequence[Row]) -> frozenset[str]:
    """The names, of all databases. Raises ProtocolViolation when it is not exactly that."""
    found: set[str] = set()
    for row in opened(rows):
        match row:
            case [str(gid)]:
                found.add(gid)
            case _:
                raise ProtocolViolation("server", "the list of prepared transactions is not complete")
    return frozenset(found)
