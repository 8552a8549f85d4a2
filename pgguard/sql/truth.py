"""Whether a formula over atoms holds whatever its atoms are: truth tables, one bit per assignment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any

MAX_ATOMS = 12  # 3 ** 12 assignments are a table of 66 kB

# A formula: ("const", truth), ("not", f), ("and", [f]), ("or", [f]), or ("is", atom, orders): the atom's subject
# compared with its constant is one of these of "<", "=", ">". An atom is (kind, subject, constant); the kinds "pair"
# and "value" have the three orders, every other is "=" (it holds) or not.
Formula = tuple[Any, ...]
Atom = tuple[str, str, Any]

TRUE: Formula = ("const", True)
FALSE: Formula = ("const", False)


def holds(formula: Formula) -> bool:
    """Whether ``formula`` is true under every assignment; False too when it has more than ``MAX_ATOMS`` atoms."""
    atoms = dict.fromkeys(_atoms(formula))
    if len(atoms) > MAX_ATOMS:
        return False
    tables, size = _tables(list(atoms))
    everything = (1 << size) - 1
    return _table(formula, tables, everything) == everything


def _atoms(formula: Formula) -> Iterator[Atom]:
    pending = [formula]
    while pending:
        kind, *rest = pending.pop()
        if kind == "is":
            yield rest[0]
        elif kind != "const":
            pending.extend([rest[0]] if kind == "not" else rest[0])


def _tables(atoms: list[Atom]) -> tuple[dict[Atom, dict[str, int]], int]:
    """For each atom and order the assignments in which the atom has that order, and how many assignments there are."""
    points: dict[str, set[Decimal]] = {}
    for _, subject, constant in atoms:
        if isinstance(constant, Decimal):
            points.setdefault(subject, set()).add(constant)
    # A subject compared with numbers lies below, on, or between them: one variable with 2n + 1 places. Every other
    # atom is a variable of its own.
    widths: dict[Any, int] = {subject: 2 * len(numbers) + 1 for subject, numbers in points.items()}
    widths |= {atom: 3 if atom[0] in ("pair", "value") else 2 for atom in atoms if not isinstance(atom[2], Decimal)}
    places: dict[Any, list[int]] = {}
    size = 1
    for variable, width in widths.items():
        for masks in places.values():
            masks[:] = [_or(mask << size * place for place in range(width)) for mask in masks]
        places[variable] = [((1 << size) - 1) << size * place for place in range(width)]
        size *= width
    tables = {}
    for atom in atoms:
        if isinstance(atom[2], Decimal):
            masks, number = places[atom[1]], 2 * sorted(points[atom[1]]).index(atom[2]) + 1
            tables[atom] = {"<": _or(masks[:number]), "=": masks[number], ">": _or(masks[number + 1 :])}
        else:
            tables[atom] = dict(zip("=<>", places[atom], strict=False))
    return tables, size


def _or(masks: Any) -> int:
    return reduce(or_, masks, 0)


def _table(formula: Formula, tables: dict[Atom, dict[str, int]], everything: int) -> int:
    match formula[0]:
        case "const":
            return everything if formula[1] else 0
        case "not":
            return everything & ~_table(formula[1], tables, everything)
        case "is":
            return _or(tables[formula[1]].get(order, 0) for order in formula[2])
    conjunction = formula[0] == "and"
    join: Callable[[int, int], int] = int.__and__ if conjunction else int.__or__
    return reduce(join, (_table(part, tables, everything) for part in formula[1]), everything if conjunction else 0)
