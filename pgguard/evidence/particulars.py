"""What a request tells a second person besides the measurement, as plain data: never a reason to allow or to refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Row = tuple[tuple[str, str | None], ...]  # (column, its value in text, shortened)


@dataclass(frozen=True, slots=True)
class Sample:
    """A few rows of one table as they would be lost, and of how many columns the values were left out (``mask``)."""

    table: str
    rows: tuple[Row, ...]
    masked: int = 0


@dataclass(frozen=True, slots=True)
class Size:
    """One table as it stood: ``rows`` by the planner's figure (None: nobody knows), ``size`` with its indexes."""

    rows: int | None
    size: int


@dataclass(frozen=True, slots=True)
class Particulars:
    """``locks``: (table, mode) held when it was judged; ``milliseconds``: from its arrival until then; ``sizes``: by
    the OID of the table; ``dependents``: what stands on the objects that it destroys, in words."""

    milliseconds: float = 0.0
    locks: tuple[tuple[str, str], ...] = ()
    samples: tuple[Sample, ...] = ()
    sizes: Mapping[int, Size] = field(default_factory=dict)
    dependents: tuple[str, ...] = ()
