"""How many statements of one database came to what, since pgguard started."""

from __future__ import annotations


class Counts:
    """``statements``: all that were judged; of them ``proved`` writes, and those that were ``measured``; then what was
    ``held`` for a second person and ``refused``, a transaction refused at its COMMIT counted once more."""

    __slots__ = ("held", "measured", "proved", "refused", "statements")

    def __init__(self) -> None:
        self.statements = 0
        self.proved = 0
        self.measured = 0
        self.held = 0
        self.refused = 0

    def add(self, others: Counts) -> None:
        """Those of another worker."""
        self.statements += others.statements
        self.proved += others.proved
        self.measured += others.measured
        self.held += others.held
        self.refused += others.refused
