"""The walker reaches every place of the grammar where an expression can stand: asked of the grammar itself."""

from __future__ import annotations

from typing import Any

import pytest
from postgast import pg_query_pb2

from pgguard.sql import names
from pgguard.sql.names import KNOWN, Names
from pgguard.sql.statement import Name
from tests.sql.test_kinds import INSIDE_ONLY, NODES

MESSAGES = pg_query_pb2.DESCRIPTOR.message_types_by_name
CALL = {"FuncCall": {"funcname": [{"String": {"sval": "hidden"}}]}}
CHANGES = {"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"}

# Where a node can stand in the tree and none that is run does: names, words and numbers.
NOT_RUN = {
    ("A_Expr", "name"), ("A_Const", "val"), ("Alias", "colnames"), ("CollateClause", "collname"),
    ("ColumnRef", "fields"), ("FuncCall", "funcname"), ("IndexElem", "collation"), ("IndexElem", "opclass"),
    ("JoinExpr", "using_clause"), ("LockingClause", "locked_rels"), ("PartitionElem", "collation"),
    ("PartitionElem", "opclass"), ("RangeTableSample", "method"), ("SortBy", "use_op"), ("SubLink", "oper_name"),
    ("TypeName", "names"), ("TypeName", "typmods"), ("TypeName", "array_bounds"), ("ColumnDef", "fdwoptions"),
    ("Constraint", "exclusions"), ("SelectStmt", "locking_clause"), ("SetToDefault", "xpr"),
}  # fmt: skip
# Nodes of trees that the server makes later, and parts of statements that are not walked. In an expression each of
# them makes the statement opaque.
ELSEWHERE = set(
    """
    Aggref AlternativeSubPlan ArrayCoerceExpr ArrayExpr CallContext CaseTestExpr CoerceToDomain
    CoerceToDomainValue CoerceViaIO CollateExpr ConvertRowtypeExpr CreateOpClassItem DistinctExpr FieldSelect
    FieldStore FromExpr FuncExpr InferenceElem InlineCodeBlock IntList IntoClause JsonConstructorExpr JsonExpr
    JsonTablePath JsonTablePathScan JsonTableSiblingJoin MergeAction NextValueExpr NullIfExpr OidList
    OnConflictExpr OpExpr Param Query RTEPermissionInfo RangeTblEntry RangeTblFunction RangeTblRef RelabelType
    ReturningExpr RowCompareExpr RowMarkClause ScalarArrayOpExpr SortGroupClause SubPlan SubscriptingRef
    TableFunc TableSampleClause TargetEntry TriggerTransition Var WindowClause WindowFunc WindowFuncRunCondition
    WithCheckOption
    """.split()
)


def places() -> list[tuple[str, Any]]:
    found = []
    for node in sorted(KNOWN):
        for field in MESSAGES[node].fields:
            is_node = field.message_type is not None and field.message_type.name == "Node"
            if is_node and (node, field.name) not in NOT_RUN:
                found.append((node, field))
    return found


@pytest.mark.parametrize(
    ("node", "field"), places(), ids=[f"{node}.{field.name}" for node, field in places()]
)
def test_a_call_is_found_wherever_a_node_can_stand(node: str, field: Any) -> None:
    body: dict[str, Any] = {"relation": {"relname": "t"}} if node in CHANGES else {}
    body |= {"name": [{"String": {"sval": "="}}]} if node == "A_Expr" else {}
    call: dict[str, Any] = {"ResTarget": {"name": "a", "val": CALL}} if field.name == "target_list" else CALL
    if field.name == "merge_when_clauses":
        call = {"MergeWhenClause": {"commandType": "CMD_DELETE", "condition": CALL}}
    body[field.json_name] = [call] if field.is_repeated else call
    found = Names()
    found.walk({node: body})

    assert found.trouble or Name("hidden") in found.calls


def test_what_has_a_word_of_its_own_stands_only_where_it_is_named() -> None:
    """A field of a fixed type carries no node name in the tree: the walker would not see what it is."""
    unseen = [
        f"{node}.{field.name}"
        for node in sorted(KNOWN)
        for field in MESSAGES[node].fields
        if field.message_type is not None and field.message_type.name in names._SPECIAL
    ]

    assert [] == unseen


def test_names_of_types_and_relations_are_seen_by_their_shape() -> None:
    assert ["TypeName"] == [n for n in sorted(NODES) if "names" in MESSAGES[n].fields_by_name]
    assert ["RangeVar"] == [n for n in sorted(KNOWN) if "relname" in MESSAGES[n].fields_by_name]


def test_every_other_node_of_the_grammar_is_unknown_to_the_walker() -> None:
    """A node that a later grammar adds has to be looked at before it is known."""
    assert {node for node in NODES - KNOWN - INSIDE_ONLY if not node.endswith("Stmt")} == ELSEWHERE
