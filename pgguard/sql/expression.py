"""Expressions of a WHERE as values: the same key for two that mean the same, their constants, and whether they ask
anything of the row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from itertools import count
from typing import Any

from pgguard.sql import tree as t
from pgguard.sql.statement import Name
from pgguard.sql.tree import Tree
from pgguard.sql.volatile import calls_volatile

_NUMBERS = frozenset("int2 int4 int8 numeric float4 float8 integer bigint smallint".split())
_STRINGS = frozenset("text varchar bpchar name unknown".split())
_SUMS: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": Decimal.__add__, "-": Decimal.__sub__, "*": Decimal.__mul__,
}  # fmt: skip
_MOST_DIGITS = 18  # a bigint and no more
_LONGEST = 1_000
_PLACES = frozenset("location rexpr_list_start rexpr_list_end list_start list_end funcformat row_format".split())
_SPELLED = {"integer": "int4", "bigint": "int8", "smallint": "int2", "boolean": "bool", "decimal": "numeric"}
# Not volatile, so that one answer holds for all rows.
_STEADY = frozenset(
    """
    now transaction_timestamp statement_timestamp current_setting current_database current_schema pg_is_in_recovery
    version count sum min max avg bool_and bool_or every array_agg string_agg upper lower length char_length abs
    date_trunc date_part extract timezone to_date to_timestamp make_interval age concat format coalesce
    """.split()
)


@dataclass(frozen=True)
class Scope:
    """Whose columns a name can mean. ``own``: names of the table that is changed, for the row itself; ``others``: of
    everything beside it, whose columns say nothing of the row. ``alone``: there is nothing beside it."""

    target: Name
    own: frozenset[str]
    others: frozenset[str] = frozenset()
    alone: bool = True
    queries: frozenset[str] = frozenset()  # names of WITH: they hide tables
    params: Mapping[int, str | None] = field(default_factory=dict)
    not_null: frozenset[str] = frozenset()
    _ticket: count[int] = field(default_factory=count)

    def fresh(self) -> str:
        """A key that is like no other: what is not the same twice, or never known."""
        return f"#{next(self._ticket)}"

    def inside(self, name: str) -> Scope:
        """For a subquery over the same table, taken for the row itself."""
        return replace(self, own=self.own | {name}, others=self.others - {name}, alone=True)


def key(node: Any, scope: Scope) -> str:
    """The same for two expressions that differ in nothing but their spelling."""
    if calls_volatile(node):
        return scope.fresh()
    return _key(node, scope)


def _key(node: Any, scope: Scope) -> str:
    if type(node) is list:
        if len(node) == 2 and t.strings(node[:1]) == ["pg_catalog"]:
            node = node[1:]
        return "[" + ",".join([_key(item, scope) for item in node]) + "]"
    if type(node) is not dict:
        return repr(_SPELLED.get(node, node) if type(node) is str else node)
    if "ColumnRef" in node:
        column = own_column(node, scope)
        return f"column {column}" if column is not None else repr(t.strings(node["ColumnRef"].get("fields", ())))
    if "A_Const" in node or "ParamRef" in node or "A_Expr" in node or "TypeCast" in node:
        found = constant(node, scope)
        if found is not None:
            return repr(found)
    parts = [f"{name}={_key(part, scope)}" for name, part in sorted(node.items()) if name not in _PLACES]
    return "{" + ",".join(parts) + "}"


def own_column(node: Tree, scope: Scope) -> str | None:
    """The column of the row itself that this names for certain."""
    fields = node.get("ColumnRef", {}).get("fields", ())
    parts = t.strings(fields)
    if not parts or len(parts) != len(fields):
        return None
    if len(parts) == 1:
        return parts[0] if scope.alone else None
    return parts[-1] if parts[-2] in scope.own else None


def constant(node: Any, scope: Scope) -> Decimal | str | None:
    """The number or string that the expression stands for; None when it is neither, or not known."""
    if "A_Const" in node:
        value = node["A_Const"]
        if "sval" in value:
            return str(value["sval"].get("sval", ""))
        if "ival" in value:
            return Decimal(value["ival"].get("ival", 0))
        return number(value["fval"].get("fval", "")) if "fval" in value else None
    if "ParamRef" in node:
        return scope.params.get(node["ParamRef"].get("number", 0))
    if "TypeCast" in node:
        cast = node["TypeCast"]
        name = t.dotted(cast["typeName"].get("names", ())).name
        inner = constant(cast["arg"], scope) if "typmods" not in cast["typeName"] else None
        if inner is not None and name in _NUMBERS:
            return number(str(inner))
        return inner if isinstance(inner, str) and name in _STRINGS else None
    if "A_Expr" in node and node["A_Expr"].get("kind") == "AEXPR_OP":
        return _computed(node["A_Expr"], scope)
    return None


def number(text: str) -> Decimal | None:
    """The number that a literal is, however PostgreSQL would spell it."""
    if not re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?\s*", text):
        return None
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        return None


def _computed(expression: Tree, scope: Scope) -> Decimal | str | None:
    """Sums and products of whole numbers, and strings put together. PostgreSQL's division is another matter."""
    operator = t.dotted(expression["name"]).name
    right = constant(expression.get("rexpr", {}), scope)
    if "lexpr" not in expression:
        return right.copy_negate() if operator == "-" and isinstance(right, Decimal) else None
    left = constant(expression["lexpr"], scope)
    if operator == "||" and isinstance(left, str) and isinstance(right, str):
        return left + right if len(left) + len(right) <= _LONGEST else None
    if operator not in _SUMS or not isinstance(left, Decimal) or not isinstance(right, Decimal):
        return None
    if any(n != n.to_integral_value() or n.adjusted() >= _MOST_DIGITS for n in (left, right)):
        return None
    return _SUMS[operator](left, right)


def is_null(node: Any, scope: Scope) -> bool:
    """Whether it is NULL itself, or a parameter that is."""
    if "TypeCast" in node:
        return is_null(node["TypeCast"]["arg"], scope)
    if "ParamRef" in node:
        number_ = node["ParamRef"].get("number", 0)
        return number_ in scope.params and scope.params[number_] is None
    return "isnull" in node.get("A_Const", {})


def asks_of_row(node: Any, scope: Scope) -> bool:
    """Whether its value can differ between two rows of the table. FAIL CLOSED: it can, unless nothing in it could."""
    pending: list[tuple[Any, frozenset[str]]] = [(node, frozenset())]
    while pending:
        part, inner = pending.pop()
        if type(part) is list:
            pending.extend((item, inner) for item in part)
            continue
        if type(part) is not dict:
            continue
        if "CurrentOfExpr" in part or ("funcname" in part and t.dotted(part["funcname"]).name not in _STEADY):
            return True
        if "fromClause" in part:
            inner = inner | names_of(part["fromClause"])
        if "ColumnRef" in part and _of_row(part["ColumnRef"].get("fields", ()), inner, scope):
            return True
        pending.extend((child, inner) for name, child in part.items() if name not in ("ColumnRef", "funcname"))
    return False


def _of_row(fields: list[Tree], inner: frozenset[str], scope: Scope) -> bool:
    parts = t.strings(fields)
    if not parts:
        return False  # a * of the query that it stands in
    whole = len(parts) < len(fields)  # u.*
    if len(parts) == 1 and not whole:
        return True
    qualifier = parts[-1] if whole else parts[-2]
    return qualifier not in inner and qualifier not in scope.others


def names_of(items: list[Tree]) -> frozenset[str]:
    """The names under which the entries of a FROM are known."""
    found: set[str] = set()
    pending = list(items)
    while pending:
        for body in pending.pop().values():
            if not isinstance(body, dict):
                continue
            name = body.get("alias", {}).get("aliasname") or body.get("relname")
            if name:
                found.add(name)
            pending.extend(body[side] for side in ("larg", "rarg") if side in body)
    return frozenset(found)
