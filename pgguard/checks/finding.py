"""What a check says of a statement, as plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """A hazard that a check saw in a statement. ``check`` is its public name, ``says`` one sentence for people."""

    check: str
    says: str
