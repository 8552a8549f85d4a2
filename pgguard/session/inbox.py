"""The client's bytes that were not taken yet: joined only when a message needs it."""

from __future__ import annotations


class Inbox:
    """``data[start:]`` waits; ``data[start:scan]`` was looked at and belongs to the segment that is being gathered.
    INVARIANT: ``start`` <= ``scan`` <= len(data)."""

    def __init__(self) -> None:
        self.data = b""
        self.start = 0
        self.scan = 0
        self.need = 0  # bytes behind ``scan`` that must be there before looking again makes sense
        self._more: list[bytes] = []
        self._have = 0  # bytes in _more

    @property
    def waiting(self) -> int:
        """Bytes that were not taken yet."""
        return self._have + len(self.data) - self.start

    @property
    def untouched(self) -> bool:
        """Whether there is something that was not looked at."""
        return self._have > 0 or self.scan < len(self.data)

    @property
    def short(self) -> bool:
        """Whether only more bytes of the message that has begun can help: the client has to be read on."""
        return self._have + len(self.data) - self.scan < self.need

    def add(self, data: bytes) -> None:
        self._more.append(data)
        self._have += len(data)

    def gathered(self) -> bytes:
        """``data`` with what came since, once there is as much as is needed."""
        if self._have and self._have + len(self.data) - self.scan >= self.need:
            if self.start < len(self.data):
                self._more.insert(0, self.data[self.start :])
            self.data = self._more[0] if len(self._more) == 1 else b"".join(self._more)
            self.scan -= self.start
            self.start = self._have = self.need = 0
            self._more = []
        elif self.start == len(self.data):
            self.data = b""
            self.start = self.scan = 0
        return self.data

    def taken(self, end: int) -> None:
        """Everything up to ``end`` was taken, perhaps the beginning of the very message that more was needed of."""
        self.start = self.scan = end
        self.need = 0

    def piece(self, end: int) -> bytes:
        """``data[start:end]``, without a copy when that is all of it."""
        return self.data if self.start == 0 and end == len(self.data) else self.data[self.start : end]
