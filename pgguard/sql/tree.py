"""Small questions to libpg_query's JSON tree: names, flags and constants as its nodes spell them.

Two habits of that JSON matter everywhere: a field that is zero, false or empty is left out, and a field whose type is
fixed in PostgreSQL's source carries no node name (``"relation": {"relname": ...}``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pgguard.sql.statement import Name

Tree = dict[str, Any]


def strings(nodes: Iterable[Tree]) -> list[str]:
    """The parts of a dotted name; anything that is no name (``*``, a subscript) is skipped."""
    return [node["String"].get("sval", "") for node in nodes if "String" in node]


def dotted(nodes: Iterable[Tree]) -> Name:
    """A name from its parts: the last is the name, the one before it the schema, a database in front is ignored."""
    parts = strings(nodes)
    if not parts:
        return Name("")
    return Name(parts[-1], parts[-2] if len(parts) > 1 else None)


def relation(node: Tree) -> Name:
    """The name in a RangeVar."""
    return Name(node["relname"], node.get("schemaname"))


def only(node: Tree) -> bool:
    """Whether ONLY was written in front of a RangeVar."""
    return not node.get("inh", False)


def options(nodes: Iterable[Tree]) -> dict[str, Any]:
    """A list of DefElem by name, the last one winning; None for an option without a value."""
    return {node["DefElem"]["defname"]: node["DefElem"].get("arg") for node in nodes if "DefElem" in node}


def switched_on(nodes: Iterable[Tree], option: str) -> bool:
    """Whether a boolean option is on. FAIL CLOSED: whatever is not plainly off is on, and on once is on."""
    for node in nodes:
        element = node.get("DefElem", {})
        if element.get("defname") == option:
            argument = element.get("arg")
            if argument is None or constant(argument).lower() not in ("off", "false", "0"):
                return True
    return False


def constant(node: Tree) -> str:
    """The words of a constant, as SHOW would print it; "" when it is none."""
    if "TypeCast" in node:
        return constant(node["TypeCast"]["arg"])
    value: Tree = node.get("A_Const") or node
    if "isnull" in value:
        return ""
    for kind, inner in (("String", "sval"), ("Integer", "ival"), ("Float", "fval"), ("Boolean", "boolval")):
        if kind in value or inner in value:
            found = value.get(kind, value.get(inner))
            plain = found.get(inner) if isinstance(found, dict) else found
            if plain is None:
                plain = {"sval": "", "ival": 0, "fval": "0", "boolval": False}[inner]
            return str(plain) if not isinstance(plain, bool) else ("on" if plain else "off")
    return ""
