"""What a session did that the other workers must know of, and whether they do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pgguard.proxy.workers import Workers
    from pgguard.session.connection import Session


class Telling:
    """``due``: so much of it they have not heard yet; ``then`` is called when they have. When one of them is gone it
    stays due, and this process is about to end."""

    __slots__ = ("_then", "due")

    def __init__(self, then: Callable[[], None]) -> None:
        self.due = 0
        self._then = then

    def tell(self, workers: Workers | None, session: Session) -> None:
        """All news of the session's world."""
        if workers is not None:
            self.due += 1
            workers.tell(session.desk.caller.database, session.world).add_done_callback(self._told)

    def _told(self, told: asyncio.Future[list[None]]) -> None:
        if not told.cancelled() and told.exception() is None:
            self.due -= 1
            self._then()
