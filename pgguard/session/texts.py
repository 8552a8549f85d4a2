"""What was read of long texts by somebody else, kept for the next time."""

from __future__ import annotations

from pgguard.sql.statement import ReadText


class Texts:
    """For all sessions of a database. A very long text is kept by nobody but the session that waits for it."""

    MOST = 8 * 1024 * 1024  # bytes of text
    LONGEST = 256 * 1024

    def __init__(self) -> None:
        self._kept: dict[bytes, ReadText] = {}
        self._bytes = 0

    def find(self, text: bytes) -> ReadText | None:
        return self._kept.get(text) if len(text) <= self.LONGEST else None

    def keep(self, text: bytes, found: ReadText) -> None:
        if len(text) > self.LONGEST or text in self._kept:
            return
        self._bytes += len(text)
        if self._bytes > self.MOST:
            self._kept.clear()
            self._bytes = len(text)
        self._kept[text] = found
