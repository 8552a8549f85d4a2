"""What goes with the session's temporary objects: lasting objects that came to stand on one.

A session ends, or says DISCARD, and PostgreSQL drops its temporary schema with everything that depends on it: a domain
whose default asks a temporary sequence takes the columns of its type along, a table made OF a temporary type goes
itself. That happens behind the last COMMIT, where nobody looks, so it counts when the dependency is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pgguard.evidence.measurement import Destroyed
from pgguard.evidence.sides import KINDS, Side, Sides
from pgguard.evidence.temporary import CONFIGURATION, FUNCTION, RELATION, SECTION, TYPE

HOW = "made to go with a temporary object"


def going(sides: Sides) -> Iterator[Destroyed]:
    """Of what was there before, each thing that goes with the session's temporary schema."""
    for classid, objid, number in sides.inside.lists.get(SECTION, {}).values():
        find = _FINDERS.get(classid)
        if find is not None:
            yield from find(sides.outside, objid, number)


def _relation(outside: Side, oid: str, number: int) -> Iterator[Destroyed]:
    relation = outside.relations.get(oid)
    if relation is None:
        return
    if not number:
        yield Destroyed(KINDS.get(relation.kind, "table"), relation.name, HOW, int(oid), relation.rows)
    elif (column := outside.columns.get((oid, number))) is not None:
        yield Destroyed("column", f"{relation.name}.{column.name}", HOW, int(oid), relation.rows)


def _listed(kind: str, section: str) -> Callable[[Side, str, int], Iterator[Destroyed]]:
    def find(outside: Side, oid: str, number: int) -> Iterator[Destroyed]:
        found: list[Any] | None = outside.lists.get(section, {}).get(oid)
        if found is not None and not str(found[0]).startswith("pg_temp_"):
            name = found[0] if len(found) == 1 else f"{found[0]}.{found[2]}"
            yield Destroyed(kind, name, HOW, int(oid))

    return find


# An object of any other class that is there already comes to stand on another one only by being replaced, which is seen
# as that.
_FINDERS: dict[str, Callable[[Side, str, int], Iterator[Destroyed]]] = {
    str(RELATION): _relation,
    str(TYPE): _listed("type", "type"),
    str(FUNCTION): _listed("function", "function"),
    str(CONFIGURATION): _listed("text search configuration", "text search configuration"),
}
