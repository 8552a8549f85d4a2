"""Stored expressions (pg_node_tree text): which functions, types and relations they use."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pgguard.catalog.picture import Tree

# nodeToString (backend/nodes/outfuncs.c) puts a backslash before braces, parentheses and blanks inside strings, so a
# name or a constant can add to what is found here, never hide something.
_TOKEN = re.compile(
    r"(?s:\\.)|\{(?P<node>[A-Z_]*)|(?P<close>\})|:(?P<field>\w+) (?:\(o (?P<oids>[\d ]+)\)|(?P<oid>\d+)(?=[\s})]))"
)
_FUNCTIONS = frozenset({
    "funcid", "opfuncid", "aggfnoid", "winfnoid", "hashfuncid", "negfuncid",
    "startInRangeFunc", "endInRangeFunc",
})  # fmt: skip
_OPERATORS = frozenset({"opno", "opnos", "eqop", "sortop", "ordering_op", "equality_op"})
_RELATIONS = frozenset({"relid", "resultRelid", "seqid"})
_TYPE_LISTS = frozenset({"colTypes", "coltypes", "aggargtypes", "funccoltypes", "types"})
_USES_COLUMNS = frozenset({"VAR", "PARAM", "SUBLINK", "CASETESTEXPR", "QUERY"})

EMPTY = Tree()


def scan(text: str | None, operator_functions: Mapping[int, int]) -> Tree:
    """Everything the tree uses. ``operator_functions`` (operator -> function) serves where opfuncid is stored as 0."""
    if not text:
        return EMPTY
    functions: set[int] = set()
    folds: set[int] = set()
    types: set[int] = set()
    relations: set[int] = set()
    stack: list[tuple[set[int], bool]] = []  # (functions of this node, it or a node below uses a column)
    for token in _TOKEN.finditer(text):
        node, name = token["node"], token["field"]
        if node is not None:
            stack.append((set(), node in _USES_COLUMNS))
        elif token["close"]:
            if stack:
                called, varies = stack.pop()
                functions |= called
                if not varies:
                    folds |= called
                elif stack:
                    stack[-1] = (stack[-1][0], True)
        elif name:
            oids = {int(x) for x in (token["oids"] or token["oid"]).split()} - {0}
            if name in _FUNCTIONS:
                (stack[-1][0] if stack else functions).update(oids)
            elif name in _OPERATORS:
                (stack[-1][0] if stack else functions).update(operator_functions.get(oid, 0) for oid in oids)
            elif name in _RELATIONS:
                relations |= oids
            elif name in _TYPE_LISTS or name.lower().endswith(("type", "typeid", "typid", "typeoid")):
                types |= oids
    for called, _ in stack:  # an unbalanced text: keep what was seen, and take it for evaluated
        functions |= called
        folds |= called
    return Tree(frozenset(functions - {0}), frozenset(folds - {0}), frozenset(types), frozenset(relations))
