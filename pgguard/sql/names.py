"""Everything that a piece of a statement names: relations, functions, operators, types, columns, at any depth.

FAIL CLOSED: where the grammar hides a call (``BETWEEN`` is ``>=`` and ``<=``, ``CASE x WHEN`` is ``=``, JSON_ARRAY is
a function on servers older than the grammar) the name is listed as if it had been written; a node that is not in
``KNOWN`` makes the statement opaque. Only CTE names are left out, by PostgreSQL's own scoping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pgguard.sql import tree as t
from pgguard.sql.settings import called_setting
from pgguard.sql.statement import Effect, Name, Setting, Write
from pgguard.sql.tree import Tree

Visible = frozenset[str]  # the CTE names that can be seen from a place

KNOWN = frozenset(
    """
    A_ArrayExpr A_Const A_Expr A_Indices A_Indirection A_Star ATAlterConstraint AccessPriv Alias AlterTableCmd BitString
    BoolExpr Boolean BooleanTest CTECycleClause CTESearchClause CaseExpr CaseWhen CoalesceExpr CollateClause ColumnDef
    ColumnRef CommonTableExpr Constraint CurrentOfExpr DefElem DeleteStmt Float FuncCall FunctionParameter GroupingFunc
    GroupingSet IndexElem InferClause InsertStmt Integer JoinExpr JsonAggConstructor JsonArgument JsonArrayAgg
    JsonArrayConstructor JsonArrayQueryConstructor JsonBehavior JsonFormat JsonFuncExpr JsonIsPredicate JsonKeyValue
    JsonObjectAgg JsonObjectConstructor JsonOutput JsonParseExpr JsonReturning JsonScalarExpr JsonSerializeExpr
    JsonTable JsonTableColumn JsonTablePathSpec JsonValueExpr List LockingClause MergeStmt MergeSupportFunc
    MergeWhenClause MinMaxExpr MultiAssignRef NamedArgExpr NullTest ObjectWithArgs OnConflictClause ParamRef
    PartitionBoundSpec PartitionCmd PartitionElem PartitionRangeDatum PartitionSpec PublicationObjSpec PublicationTable
    RangeFunction RangeSubselect RangeTableFunc RangeTableFuncCol RangeTableSample RangeVar ReplicaIdentityStmt
    ResTarget ReturningClause ReturningOption RoleSpec RowExpr SQLValueFunction SelectStmt SetToDefault SortBy
    StatsElem String SubLink TableLikeClause TypeCast TypeName UpdateStmt VacuumRelation VariableSetStmt WindowDef
    WithClause XmlExpr XmlSerialize
    """.split()
)

MAX_CTES = 1_000  # what each of them sees is a set of its own: the cost is the square

_LEAVES = frozenset("A_Const A_Star Alias Boolean Float Integer ParamRef RoleSpec SetToDefault String".split())
# FOR UPDATE OF names entries of FROM, and INTO a table that does not exist yet.
_SKIPPED = frozenset(("alias", "intoClause", "lockingClause", "withClause"))

_BETWEEN = {
    "AEXPR_BETWEEN": (">=", "<="),
    "AEXPR_BETWEEN_SYM": (">=", "<="),
    "AEXPR_NOT_BETWEEN": ("<", ">"),
    "AEXPR_NOT_BETWEEN_SYM": ("<", ">"),
}

# On servers older than the grammar these words are ordinary function names.
_SQL_JSON = {
    "JsonArrayAgg": "json_arrayagg",
    "JsonArrayConstructor": "json_array",
    "JsonArrayQueryConstructor": "json_array",
    "JsonObjectAgg": "json_objectagg",
    "JsonObjectConstructor": "json_object",
    "JsonParseExpr": "json",
    "JsonScalarExpr": "json_scalar",
    "JsonSerializeExpr": "json_serialize",
    "JsonTable": "json_table",
    "MergeSupportFunc": "merge_action",
}
_JSON_FUNCTIONS = {"JSON_EXISTS_OP": "json_exists", "JSON_QUERY_OP": "json_query", "JSON_VALUE_OP": "json_value"}

# Operator classes that every server has; any other one is user code that an index runs, and is listed as a call.
_BUILT_IN_CLASSES = frozenset(
    """
    text_ops text_pattern_ops varchar_ops varchar_pattern_ops bpchar_ops bpchar_pattern_ops int2_ops int4_ops int8_ops
    numeric_ops uuid_ops date_ops timestamp_ops timestamptz_ops inet_ops cidr_ops jsonb_ops jsonb_path_ops array_ops
    tsvector_ops range_ops point_ops box_ops
    """.split()
)

SERIALS = {
    "smallserial": "int2",
    "serial2": "int2",
    "serial": "int4",
    "serial4": "int4",
    "bigserial": "int8",
    "serial8": "int8",
}
_MERGE = {"CMD_INSERT": Effect.INSERT, "CMD_UPDATE": Effect.UPDATE, "CMD_DELETE": Effect.DELETE}


class Names:
    """What was found so far. Dictionaries stand for sets that keep the order of the text."""

    __slots__ = (
        "calls", "columns", "effects", "has_where", "operators", "reads", "settings", "trouble", "types", "writes",
    )  # fmt: skip

    def __init__(self) -> None:
        self.reads: dict[Name, None] = {}
        self.writes: list[Write] = []
        self.calls: dict[Name, None] = {}
        self.operators: dict[Name, None] = {}
        self.types: dict[Name, None] = {}
        self.columns: dict[str, None] = {}
        self.effects: set[Effect] = set()
        self.settings: list[Setting] = []
        self.has_where = True
        self.trouble = ""

    def walk(self, root: Any, visible: Visible = frozenset()) -> None:
        """Collect from ``root`` and everything below it. Not recursive: depth is the text's choice, not ours."""
        stack: list[tuple[Any, Visible]] = [(root, visible)]
        while stack:
            node, visible = stack.pop()
            if type(node) is list:
                stack.extend([(item, visible) for item in reversed(node)])
                continue
            if "relname" in node:
                if "schemaname" in node or node["relname"] not in visible:
                    self.reads[t.relation(node)] = None
                continue
            if "typemod" in node and "names" in node:
                self.types[t.dotted(node["names"])] = None
                continue
            if "funcname" in node:
                name = t.dotted(node["funcname"])
                self.calls[name] = None
                if name.name == "set_config":
                    self.settings.extend(called_setting(node))
            if "withClause" in node:
                visible = self._ctes(node["withClause"], visible, stack)
            if "intoClause" in node:
                self.effects.add(Effect.CREATE)
            for key, child in node.items():
                kind = type(child)
                if (kind is not dict and kind is not list) or key in _LEAVES or key in _SKIPPED:
                    continue
                special = _SPECIAL.get(key)
                if special is not None:
                    special(self, child, visible, stack)
                elif key in KNOWN or not key[0].isupper():
                    stack.append((child, visible))
                else:
                    self.trouble = self.trouble or f"unknown node {key}"

    def operator(self, nodes: Iterable[Tree]) -> None:
        self.operators[t.dotted(nodes)] = None

    def write(self, relation: Tree, effect: Effect, columns: Iterable[str] = ()) -> None:
        self.effects.add(effect)
        self.writes.append(Write(t.relation(relation), effect, tuple(dict.fromkeys(columns)), t.only(relation)))

    def _ctes(self, clause: Tree, visible: Visible, stack: list[tuple[Any, Visible]]) -> Visible:
        ctes = clause.get("ctes", [])
        if len(ctes) > MAX_CTES:
            self.trouble = self.trouble or f"a WITH of more than {MAX_CTES} queries"
            return visible
        every = visible.union(cte["CommonTableExpr"]["ctename"] for cte in ctes)
        for cte in ctes:
            # Without RECURSIVE a CTE sees those before it only.
            stack.append((cte, every if clause.get("recursive") else visible))
            visible = visible | {cte["CommonTableExpr"]["ctename"]}
        return every


Stack = list[tuple[Any, Visible]]


def set_columns(targets: Iterable[Tree]) -> list[str]:
    """The columns that the SET of an UPDATE assigns."""
    return [target["ResTarget"]["name"] for target in targets]


def _insert(names: Names, node: Tree, visible: Visible, stack: Stack) -> None:
    names.write(node["relation"], Effect.INSERT)
    conflict = node.get("onConflictClause", {})
    if conflict.get("action") == "ONCONFLICT_UPDATE":
        names.write(node["relation"], Effect.UPDATE, set_columns(conflict.get("targetList", ())))
    elif conflict.get("action") not in (None, "ONCONFLICT_NOTHING", "ONCONFLICT_NONE"):
        names.trouble = names.trouble or f"unknown ON CONFLICT action {conflict['action']}"
    stack.append((_without_target(node), visible))


def _update(names: Names, node: Tree, visible: Visible, stack: Stack) -> None:
    names.write(node["relation"], Effect.UPDATE, set_columns(node.get("targetList", ())))
    names.has_where = names.has_where and "whereClause" in node
    stack.append((_without_target(node), visible))


def _delete(names: Names, node: Tree, visible: Visible, stack: Stack) -> None:
    names.write(node["relation"], Effect.DELETE)
    names.has_where = names.has_where and "whereClause" in node
    stack.append((_without_target(node), visible))


def _merge(names: Names, node: Tree, visible: Visible, stack: Stack) -> None:
    for arm in node.get("mergeWhenClauses", ()):
        clause = arm["MergeWhenClause"]
        command = clause.get("commandType")
        if command in _MERGE:
            updates = command == "CMD_UPDATE"
            names.write(node["relation"], _MERGE[command], set_columns(clause.get("targetList", ())) if updates else ())
        elif command != "CMD_NOTHING":
            names.trouble = names.trouble or f"unknown MERGE action {command}"
    if not node.get("mergeWhenClauses"):
        names.trouble = names.trouble or "MERGE without an action"
    # The target is joined with its source: policies and rules for reading it count as well.
    names.reads[t.relation(node["relation"])] = None
    stack.append((_without_target(node), visible))


def _without_target(node: Tree) -> Tree:
    return {key: child for key, child in node.items() if key != "relation"}


def _expression(names: Names, node: Tree, visible: Visible, stack: Stack) -> None:
    implied = _BETWEEN.get(node.get("kind", ""))
    if implied is None:
        names.operator(node["name"])
    else:
        names.operators.update((Name(operator), None) for operator in implied)
    for side in ("rexpr", "lexpr"):
        if side in node:
            stack.append((node[side], visible))


def _column(names: Names, node: Tree, visible: Visible, stack: Stack) -> None:
    parts = t.strings(node.get("fields", ()))
    if parts and "String" in node["fields"][-1]:
        names.columns[parts[-1]] = None


def _indirection(names: Names, node: Tree, visible: Visible, stack: Stack) -> None:
    names.columns.update((part, None) for part in t.strings(node.get("indirection", ())))
    stack.append((node, visible))


def _sublink(names: Names, node: Tree, visible: Visible, stack: Stack) -> None:
    if "operName" in node:
        names.operator(node["operName"])
    elif node.get("subLinkType") == "ANY_SUBLINK":
        names.operators[Name("=")] = None
    stack.append((node, visible))


def _case(names: Names, node: Tree, visible: Visible, stack: Stack) -> None:
    if "arg" in node:
        names.operators[Name("=")] = None
    stack.append((node, visible))


def _join(names: Names, node: Tree, visible: Visible, stack: Stack) -> None:
    if node.get("isNatural") or "usingClause" in node:
        names.operators[Name("=")] = None
    stack.append((node, visible))


def _sort(names: Names, node: Tree, visible: Visible, stack: Stack) -> None:
    if "useOp" in node:
        names.operator(node["useOp"])
    stack.append((node, visible))


def _sample(names: Names, node: Tree, visible: Visible, stack: Stack) -> None:
    names.calls[t.dotted(node.get("method", ()))] = None
    stack.append((node, visible))


def _index_element(names: Names, node: Tree, visible: Visible, stack: Stack) -> None:
    name = t.dotted(node.get("opclass", ()))
    if name.name and name.name not in _BUILT_IN_CLASSES:
        names.calls[name] = None
    stack.append((node, visible))


def _constraint(names: Names, node: Tree, visible: Visible, stack: Stack) -> None:
    for pair in node.get("exclusions", ()):
        names.operator(pair["List"]["items"][1].get("List", {}).get("items", ()))
    stack.append((node, visible))


def _column_definition(names: Names, node: Tree, visible: Visible, stack: Stack) -> None:
    parts = t.strings(node.get("typeName", {}).get("names", ()))
    real = SERIALS.get(parts[0]) if len(parts) == 1 else None
    if real is not None:
        # serial is no type but a spelling of the grammar; the sequence and its default are PostgreSQL's own.
        names.types[Name(real, "pg_catalog")] = None
        node = {key: child for key, child in node.items() if key != "typeName"}
    stack.append((node, visible))


def _sql_json(word: str) -> Callable[[Names, Any, Visible, Stack], None]:
    def collect(names: Names, node: Any, visible: Visible, stack: Stack) -> None:
        names.calls[Name(word)] = None
        stack.append((node, visible))

    return collect


def _json_function(names: Names, node: Tree, visible: Visible, stack: Stack) -> None:
    names.calls[Name(_JSON_FUNCTIONS.get(node.get("op", ""), "json_query"))] = None
    stack.append((node, visible))


_SPECIAL: dict[str, Callable[[Names, Any, Visible, Stack], None]] = {
    "InsertStmt": _insert,
    "UpdateStmt": _update,
    "DeleteStmt": _delete,
    "MergeStmt": _merge,
    "A_Expr": _expression,
    "ColumnRef": _column,
    "A_Indirection": _indirection,
    "SubLink": _sublink,
    "CaseExpr": _case,
    "JoinExpr": _join,
    "SortBy": _sort,
    "RangeTableSample": _sample,
    "IndexElem": _index_element,
    "PartitionElem": _index_element,
    "Constraint": _constraint,
    "ColumnDef": _column_definition,
    "JsonFuncExpr": _json_function,
    **{node: _sql_json(word) for node, word in _SQL_JSON.items()},
}
