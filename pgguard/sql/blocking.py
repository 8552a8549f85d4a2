"""Which forms of DDL and maintenance block a table in use: they scan, rewrite or index it while others wait.

The words stand in ``Statement.details``, for checks to speak of. They decide nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgguard.sql import tree as t
from pgguard.sql.names import SERIALS
from pgguard.sql.tree import Tree
from pgguard.sql.volatile import calls_volatile

_VALIDATED = {
    "CONSTR_CHECK": "constraint check",
    "CONSTR_FOREIGN": "constraint foreign key",
    "CONSTR_NOTNULL": "constraint not null",
}
_INDEXED = {
    "CONSTR_UNIQUE": "constraint unique",
    "CONSTR_PRIMARY": "constraint primary key",
    "CONSTR_EXCLUSION": "constraint exclude",
}


def subcommand(command: Tree) -> Iterator[str]:
    """Of one AlterTableCmd."""
    subtype, given = command.get("subtype", ""), command.get("def", {})
    if subtype == "AT_AddColumn":
        yield from _column(given.get("ColumnDef", {}))
    elif subtype == "AT_AddConstraint":
        yield from _constraint(given.get("Constraint", {}))
    elif subtype == "AT_DetachPartition" and not given.get("PartitionCmd", {}).get("concurrent"):
        yield "detach partition"


def statement(node: str, body: Tree) -> Iterator[str]:
    """Of a whole statement."""
    if node == "IndexStmt" and not body.get("concurrent") and not t.only(body["relation"]):
        yield "create index"
    elif node == "DropStmt" and body.get("removeType") == "OBJECT_INDEX" and not body.get("concurrent"):
        yield "drop index"
    elif node == "ReindexStmt" and not t.switched_on(body.get("params", ()), "concurrently"):
        yield "reindex"
    elif node == "RefreshMatViewStmt" and not body.get("concurrent") and not body.get("skipData"):
        yield "refresh"
    elif node == "VacuumStmt" and t.switched_on(body.get("options", ()), "full"):
        yield "vacuum full"
    elif node == "ClusterStmt":
        yield "cluster"


def _column(column: Tree) -> Iterator[str]:
    constraints = [item["Constraint"] for item in column.get("constraints", ())]
    kinds = {constraint.get("contype", "") for constraint in constraints}
    names = t.strings(column.get("typeName", {}).get("names", ()))
    filled = kinds & {"CONSTR_DEFAULT", "CONSTR_IDENTITY", "CONSTR_GENERATED"}
    if len(names) == 1 and names[0] in SERIALS:
        yield "column serial"
    elif not filled and kinds & {"CONSTR_NOTNULL", "CONSTR_PRIMARY"}:
        yield "column required"
    for constraint in constraints:
        match constraint.get("contype"):
            case "CONSTR_IDENTITY":
                yield "column identity"
            case "CONSTR_GENERATED" if constraint.get("generated_kind", "s") == "s":
                yield "column stored"
            case "CONSTR_DEFAULT" if calls_volatile(constraint.get("raw_expr")):
                yield "column volatile default"
            case "CONSTR_UNIQUE" | "CONSTR_PRIMARY":
                yield "column unique"


def _constraint(constraint: Tree) -> Iterator[str]:
    kind = constraint.get("contype", "")
    if kind in _VALIDATED and not constraint.get("skip_validation"):
        yield _VALIDATED[kind]
    elif kind in _INDEXED and "indexname" not in constraint:
        yield _INDEXED[kind]
