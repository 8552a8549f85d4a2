"""The key terms of a lone UPDATE or DELETE: the only part of a WHERE that a proof may build on.

FAIL CLOSED: only ``column = constant`` and ``column IN (constants)`` with the plain ``=`` are terms. Whatever else is
AND-ed beside them can only take rows away; the functions and relations in it are reported with the statement.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pgguard.sql import tree as t
from pgguard.sql.statement import KeyTerm, Name, Value
from pgguard.sql.tree import Tree

# A cast to one of these, unqualified, is what it seems unless a user type of that name exists; ``types`` lists it.
_BUILT_IN_TYPES = frozenset(
    """
    int2 int4 int8 numeric float4 float8 bool text varchar bpchar name char uuid date time timetz timestamp timestamptz
    interval bytea oid inet cidr macaddr json jsonb
    """.split()
)


def key_terms(node: str, statement: Tree) -> tuple[KeyTerm, ...] | None:
    """The terms of a top-level statement; () when none is usable, None when it is not the shape of the proof."""
    if node not in ("UpdateStmt", "DeleteStmt"):
        return None
    if any(clause in statement for clause in ("fromClause", "usingClause", "withClause")):
        return None
    where = statement.get("whereClause")
    if where is None:
        return ()
    if "CurrentOfExpr" in where:
        return None
    own = {statement["relation"]["relname"]}
    alias = statement["relation"].get("alias")
    if alias is not None:
        own = {alias["aliasname"]}
    found: list[KeyTerm] = []
    pending = [where]
    while pending:
        part = pending.pop()
        conjunction = part.get("BoolExpr")
        if conjunction is not None and conjunction.get("boolop") == "AND_EXPR":
            pending.extend(reversed(conjunction["args"]))
        elif "A_Expr" in part:
            term = _term(part["A_Expr"], own)
            if term is not None:
                found.append(term)
    return tuple(found)


def with_declared_types(terms: tuple[KeyTerm, ...] | None, types: Iterable[Name]) -> tuple[KeyTerm, ...] | None:
    """``terms`` of a statement inside PREPARE name (types): a parameter has its declared type, and a comparison
    across types is another operator. None when one is declared with a type that is not a plain built-in one."""
    declared = list(types)
    if terms is None or not declared:
        return terms
    typed: list[KeyTerm] = []
    for term in terms:
        values: list[Value] = []
        for value in term.values:
            if value.type == "param" and value.param <= len(declared):
                name = _built_in(declared[value.param - 1])
                if name is None:
                    return None
                value = replace(value, type=name, param=0)
            values.append(value)
        typed.append(KeyTerm(term.column, tuple(values)))
    return tuple(typed)


def reused_params(statement: Tree) -> frozenset[int]:
    """The parameters that occur more than once anywhere in the statement: another use can decide their type."""
    once: set[int] = set()
    again: set[int] = set()
    pending: list[Any] = [statement]
    while pending:
        node = pending.pop()
        if type(node) is list:
            pending.extend(node)
        elif type(node) is dict:
            if "ParamRef" in node:
                number = node["ParamRef"].get("number", 0)
                (again if number in once else once).add(number)
            pending.extend(node.values())
    return frozenset(again)


def _term(expression: Tree, own: set[str]) -> KeyTerm | None:
    if t.dotted(expression["name"]) != Name("="):
        return None
    left, right = expression.get("lexpr", {}), expression.get("rexpr", {})
    if expression.get("kind") == "AEXPR_IN":
        column, candidates = _column(left, own), right.get("List", {}).get("items", ())
    elif expression.get("kind") == "AEXPR_OP":
        column, candidates = _column(left, own), (right,)
        if column is None:
            column, candidates = _column(right, own), (left,)
    else:
        return None
    values = [_value(candidate) for candidate in candidates]
    if column is None or not values:
        return None
    usable = tuple(value for value in values if value is not None)
    return KeyTerm(column, usable) if len(usable) == len(values) else None


def _column(node: Tree, own: set[str]) -> str | None:
    fields = node.get("ColumnRef", {}).get("fields", ())
    parts = t.strings(fields)
    if not parts or len(parts) != len(fields) or len(parts) > 2:
        return None
    if len(parts) == 2 and parts[0] not in own:
        return None
    return parts[-1]


def _value(node: Tree) -> Value | None:
    if "ParamRef" in node:
        number = node["ParamRef"].get("number", 0)
        return Value("param", number) if number else None
    if "TypeCast" in node:
        cast = node["TypeCast"]
        name = _cast(cast["typeName"])
        # The cast of a cast or of a parameter changes the parameter's own type: left to measuring.
        if name is None or "A_Const" not in cast["arg"] or _literal(cast["arg"]["A_Const"]) is None:
            return None
        return Value(name)
    if "A_Const" in node:
        kind = _literal(node["A_Const"])
        return Value(kind) if kind is not None else None
    return None


def _literal(constant: Tree) -> str | None:
    if "isnull" in constant:
        return None
    if "ival" in constant:
        return "integer"
    if "sval" in constant:
        return "string"
    if "boolval" in constant:
        return "boolean"
    if "fval" in constant:
        digits = constant["fval"].get("fval", "")
        try:
            number = int(digits)
        except ValueError:
            return "numeric"
        return "bigint" if -(2**63) <= number < 2**63 else "numeric"
    return None


def _cast(type_name: Tree) -> str | None:
    # An array, SETOF, %TYPE or a length (varchar(3) cuts the value) is no plain built-in type.
    if any(key in type_name for key in ("arrayBounds", "setof", "pct_type", "typmods")):
        return None
    return _built_in(t.dotted(type_name["names"]))


def _built_in(name: Name) -> str | None:
    return name.name if name.name in _BUILT_IN_TYPES and name.schema in (None, "pg_catalog") else None


def prepared_types(types: Iterable[Tree]) -> list[Name]:
    """The types in PREPARE name (types). One that is no plain built-in type gets a name that is none."""
    return [Name(_cast(declared["TypeName"]) or "?") for declared in types]
