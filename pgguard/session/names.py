"""Which prepared statement and which portal a name means: one map for Parse/Bind and PREPARE/EXECUTE (FACTS F10).

A name is believed only after the server confirmed it (ParseComplete, CloseComplete). Within the client's own batch a
Parse not yet confirmed is believed too: were it to fail, the server would skip everything behind it up to the Sync.
After code that pgguard did not read no name is believed until it is parsed again, which ``reparse`` sees to.
"""

from __future__ import annotations

from typing import Final

from pgguard.session.judge import Judged, never

_LOST: Final = -1


class Prepared:
    """A statement as it was parsed. ``judged`` is what was said of it under ``version`` of the desk that said it;
    ``by_sql``: ``text`` is the PREPARE that made it; ``closed``: we had the server forget it."""

    __slots__ = ("by_sql", "closed", "judged", "param_types", "text", "version")

    def __init__(
        self, text: bytes, param_types: tuple[int, ...], judged: Judged, version: int, *, by_sql: bool = False
    ) -> None:
        self.by_sql = by_sql
        self.text = text
        self.param_types = param_types
        self.judged = judged
        self.version = version
        self.closed = False

    @property
    def lost(self) -> bool:
        """Whether its name may stand for something else by now."""
        return self.version == _LOST

    def lose(self) -> None:
        """In place: its ParseComplete may still come, and must not make it believed again."""
        self.judged = never(self.judged)
        self.version = _LOST


class Portal:
    """A bound statement: what an Execute of it would run. ``params`` is what an approval is bound to besides the text;
    ``holds``: a cursor WITH HOLD, which outlives its transaction."""

    __slots__ = ("holds", "judged", "params", "prepared")

    def __init__(
        self, judged: Judged, params: bytes, *, holds: bool = False, prepared: Prepared | None = None
    ) -> None:
        self.prepared = prepared  # what it was bound from, to be judged again when it runs
        self.judged = judged
        self.params = params
        self.holds = holds


def key(name: bytes) -> bytes:
    """Names match on 63 bytes (NAMEDATALEN - 1)."""
    return name[:63]


class Names:
    """The maps of one session."""

    def __init__(self) -> None:
        self.statements: dict[bytes, Prepared] = {}
        self.portals: dict[bytes, Portal] = {}
        self.batch: dict[bytes, Prepared | None] = {}  # parsed or closed (None) since the last Sync, not confirmed

    def statement(self, name: bytes) -> Prepared | None:
        """What ``name`` means for the next Bind of this batch; None: unknown."""
        if self.batch and name in self.batch:
            return self.batch[name]
        return self.statements.get(name)

    def confirmed(self, name: bytes, prepared: Prepared | None) -> None:
        """The server said ParseComplete, or (None) CloseComplete."""
        if prepared is None:
            self.statements.pop(name, None)
        else:
            self.statements[name] = prepared

    def taint(self) -> None:
        """Unread code ran: it may have closed, replaced or made any of these. A name that stood for a transaction
        statement may still do so, and must not be run as if it were just any statement."""
        self.statements = {name: prepared for name, prepared in self.statements.items() if not prepared.by_sql}
        self.forget_portals()
        for prepared in (*self.statements.values(), *self.batch.values()):
            if prepared is not None:
                prepared.lose()

    def close_controls(self) -> list[bytes]:
        """Names of transaction statements that the server knows, to be closed there: unread code can EXECUTE them."""
        found = []
        for name, prepared in (*self.statements.items(), *self.batch.items()):
            if prepared is not None and prepared.judged.control and name and not prepared.closed:
                prepared.closed = True
                prepared.lose()
                found.append(name)
        return found

    def forget_portals(self) -> None:
        """After an error: which portals are left is the server's secret."""
        if self.portals:
            self.portals = {n: Portal(never(p.judged), b"") for n, p in self.portals.items() if p.judged.control}
