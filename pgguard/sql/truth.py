"""Whether a formula over atoms holds whatever its atoms are: truth tables, one bit per assignment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

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
    found = _worked_out(formula)
    return found is not None and found.true == found.everything


def decided_by(formula: Formula, subjects: frozenset[str]) -> bool:
    """Whether ``formula`` can be true, and whether it is says nothing but what is asked of these subjects."""
    found = _worked_out(formula)
    if found is None or not found.true:
        return False
    return all(
        len({(found.true & mask) >> stride * place for place, mask in enumerate(masks)}) == 1
        for variable, (stride, masks) in found.variables.items()
        if (variable if isinstance(variable, str) else variable[1]) not in subjects
    )


class _Table(NamedTuple):
    """One bit per assignment. ``variables``: how far apart the places of each are, and a mask for each place."""

    true: int
    everything: int
    variables: dict[Any, tuple[int, list[int]]]


def _worked_out(formula: Formula) -> _Table | None:
    atoms = dict.fromkeys(_atoms(formula))
    if len(atoms) > MAX_ATOMS:
        return None
    tables, variables, size = _tables(list(atoms))
    everything = (1 << size) - 1
    return _Table(_table(formula, tables, everything), everything, variables)


def _atoms(formula: Formula) -> Iterator[Atom]:
    """Parts can be shared (a condition compared with another is used twice): each is looked at once."""
    pending, seen = [formula], {id(formula)}
    while pending:
        kind, *rest = pending.pop()
        if kind == "is":
            yield rest[0]
        elif kind != "const":
            parts = [part for part in ([rest[0]] if kind == "not" else rest[0]) if id(part) not in seen]
            seen.update(map(id, parts))
            pending.extend(parts)


def _tables(
    atoms: list[Atom],
) -> tuple[dict[Atom, dict[str, int]], dict[Any, tuple[int, list[int]]], int]:
    """For each atom and order the assignments in which the atom has that order; the variables; and how many
    assignments there are."""
    points: dict[str, set[Decimal]] = {}
    for _, subject, constant in atoms:
        if isinstance(constant, Decimal):
            points.setdefault(subject, set()).add(constant)
    # A subject compared with numbers lies below, on, or between them: one variable with 2n + 1 places. Every other
    # atom is a variable of its own.
    widths: dict[Any, int] = {subject: 2 * len(numbers) + 1 for subject, numbers in points.items()}
    widths |= {atom: 3 if atom[0] in ("pair", "value") else 2 for atom in atoms if not isinstance(atom[2], Decimal)}
    places: dict[Any, list[int]] = {}
    strides: dict[Any, int] = {}
    size = 1
    for variable, width in widths.items():
        strides[variable] = size
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
    return tables, {variable: (strides[variable], masks) for variable, masks in places.items()}, size


def _or(masks: Any) -> int:
    return reduce(or_, masks, 0)


def _table(
    formula: Formula, tables: dict[Atom, dict[str, int]], everything: int, done: dict[int, int] | None = None
) -> int:
    """The assignments under which ``formula`` is true. ``done``: of the parts that were worked out already."""
    done = {} if done is None else done
    found = done.get(id(formula))
    if found is None:
        match formula[0]:
            case "const":
                found = everything if formula[1] else 0
            case "not":
                found = everything & ~_table(formula[1], tables, everything, done)
            case "is":
                found = _or(tables[formula[1]].get(order, 0) for order in formula[2])
            case kind:
                join: Callable[[int, int], int] = int.__and__ if kind == "and" else int.__or__
                parts = (_table(part, tables, everything, done) for part in formula[1])
                found = reduce(join, parts, everything if kind == "and" else 0)
        done[id(formula)] = found
    return found
