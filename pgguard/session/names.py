"""Which prepared statement and which portal a name means: one map for Parse/Bind and PREPARE/EXECUTE (FACTS F10).

A name is believed only after the server confirmed it (ParseComplete, CloseComplete). Within the client's own batch a
Parse not yet confirmed is believed too: were it to fail, the server would skip everything behind it up to the Sync.
After code that pgguard did not read no name is believed until it is parsed again.
"""

from __future__ import annotations

from pgguard.session.judge import Judged


class Prepared:
    """A statement as it was parsed. ``judged`` is what was said of it under ``version`` of the desk that said it."""

    __slots__ = ("judged", "param_types", "text", "version")

    def __init__(self, text: bytes, param_types: tuple[int, ...], judged: Judged, version: int) -> None:
        self.text = text
        self.param_types = param_types
        self.judged = judged
        self.version = version


class Portal:
    """A bound statement: what an Execute of it would run. ``params`` is a digest source for approvals."""

    __slots__ = ("judged", "params", "prepared", "started")

    def __init__(self, prepared: Prepared | None, judged: Judged, params: bytes) -> None:
        self.prepared = prepared
        self.judged = judged
        self.params = params
        self.started = False


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
        """Unread code ran: it may have closed, replaced or made any of these."""
        self.statements.clear()
        self.portals.clear()
        for name in self.batch:
            self.batch[name] = None
