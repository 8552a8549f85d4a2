"""What a DROP names, in the words that policies use.

A part of a relation (column, constraint, trigger, policy, rule) is ``Name(part, schema="table")`` or
``Name(part, schema="schema.table")``: the relation as the text has it stands where an object has its schema.
"""

from __future__ import annotations

from pgguard.sql import tree as t
from pgguard.sql.draft import part_of
from pgguard.sql.statement import DropTarget, Name
from pgguard.sql.tree import Tree

# Kinds of objects whose policy word is not their SQL name; the others are spelled as libpg_query spells them.
_KINDS = {
    "OBJECT_AGGREGATE": "function",
    "OBJECT_PROCEDURE": "function",
    "OBJECT_ROUTINE": "function",
    "OBJECT_DOMAIN": "type",
    "OBJECT_MATVIEW": "materialized view",
    "OBJECT_OPCLASS": "operator class",
    "OBJECT_OPFAMILY": "operator family",
    "OBJECT_FDW": "foreign data wrapper",
    "OBJECT_FOREIGN_SERVER": "server",
    "OBJECT_STATISTIC_EXT": "statistics",
    "OBJECT_TSCONFIGURATION": "text search configuration",
    "OBJECT_TSDICTIONARY": "text search dictionary",
    "OBJECT_TSPARSER": "text search parser",
    "OBJECT_TSTEMPLATE": "text search template",
}
_PARTS = frozenset(("trigger", "policy", "rule"))


def kind_of(object_type: str) -> str:
    """``OBJECT_FOREIGN_TABLE`` as people write it: "foreign table"."""
    return _KINDS.get(object_type) or object_type.removeprefix("OBJECT_").replace("_", " ").lower()


def targets(statement: Tree) -> list[DropTarget]:
    """Every object that a DropStmt names."""
    kind = kind_of(statement.get("removeType", ""))
    return [DropTarget(kind, _named(kind, item)) for item in statement.get("objects", ())]


def _named(kind: str, item: Tree) -> Name:
    if "String" in item:
        return Name(item["String"].get("sval", ""))
    if "TypeName" in item:
        return t.dotted(item["TypeName"]["names"])
    if "ObjectWithArgs" in item:
        return t.dotted(item["ObjectWithArgs"].get("objname", ()))
    parts = item.get("List", {}).get("items", ())
    if kind in _PARTS:
        return part_of(t.dotted(parts[:-1]), t.dotted(parts[-1:]).name)
    if kind in ("operator class", "operator family"):
        return t.dotted(parts[1:])
    if kind == "cast":
        return Name(" as ".join(str(t.dotted(part["TypeName"]["names"])) for part in parts if "TypeName" in part))
    if kind == "transform":
        return Name(" for ".join([*(str(t.dotted(part["TypeName"]["names"])) for part in parts if "TypeName" in part),
                                  *t.strings(parts)]))  # fmt: skip
    return t.dotted(parts)
