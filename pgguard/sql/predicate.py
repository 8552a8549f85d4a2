"""Whether the WHERE of an UPDATE or DELETE holds for every row: a propositional check over canonical atoms.

It only makes verdicts stricter, so a question that is too big is answered with "not known". It works on libpg_query's
tree, whose cost is linear: sqlglot's time grows exponentially with nested ``ARRAY[`` (16 levels 0.7 s, 20 above 4 s).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from itertools import product
from typing import Any

from pgguard.sql import grammar, limits
from pgguard.sql import tree as t
from pgguard.sql.tree import Tree

MAX_BYTES = 20 * 1024
MAX_ATOMS = 12
MAX_STEPS = 200_000  # assignments times size of the formula

# A formula: ("const", truth), ("not", f), ("and", [f]), ("or", [f]), or ("is", variable, orders): the variable's
# value compared with the atom's constant is one of these of "<", "=", ">"; a plain atom is "=" or not.
Formula = tuple[Any, ...]

_ORDERS = {"=": "=", "<>": "<>", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
_FLIPPED = str.maketrans("<>", "><")
_MATCHES = {"~~": "~~", "!~~": "~~", "~~*": "~~*", "!~~*": "~~*", "~": "~", "!~": "~", "~*": "~*", "!~*": "~*"}
_EVERYTHING = frozenset(("", ".*", "^.*", ".*$", "^.*$", "^"))
_TRUE, _FALSE = ("const", True), ("const", False)


def always_true(sql: str) -> str | None:
    """A sentence when the WHERE of an UPDATE or DELETE anywhere in ``sql`` holds for every row whose columns are not
    NULL; None when it does not, or when that is not known. Never raises."""
    text = sql.encode("utf-8", "surrogatepass")
    if len(text) > MAX_BYTES or limits.too_much(text):
        return None
    raw, error = grammar.parse(text)
    if error or b'"whereClause"' not in raw:
        return None
    try:
        for verb, node in _changes(json.loads(raw)):
            if "whereClause" in node and _holds(_formula(node["whereClause"])):
                table = t.relation(node["relation"])
                return f"the WHERE of {verb} on {table} is true for every row whose columns are not NULL"
    except (RecursionError, KeyError, TypeError, ValueError, AttributeError):
        return None
    return None


def _changes(root: Any) -> Iterator[tuple[str, Tree]]:
    pending = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(node)
        elif isinstance(node, dict):
            for key, child in node.items():
                if key in ("UpdateStmt", "DeleteStmt"):
                    yield key[:6].upper(), child
                pending.append(child)


def _formula(node: Tree) -> Formula:
    ((kind, body),) = node.items()
    match kind:
        case "BoolExpr":
            parts = [_formula(argument) for argument in body["args"]]
            return ("not", parts[0]) if body["boolop"] == "NOT_EXPR" else (body["boolop"][:-5].lower(), parts)
        case "A_Const" if "boolval" in body:
            return ("const", bool(body["boolval"].get("boolval")))
        case "A_Const" if "isnull" in body:
            return _FALSE
        case "NullTest":
            atom = ("is", ("null", _key(body["arg"]), None), "=")
            return atom if body.get("nulltesttype", "IS_NULL") == "IS_NULL" else ("not", atom)
        case "BooleanTest":
            return _boolean_test(body)
        case "A_Expr":
            return _expression(body) or ("is", ("atom", _key(node), None), "=")
    return ("is", ("atom", _key(node), None), "=")


def _boolean_test(body: Tree) -> Formula:
    kind = body.get("booltesttype", "IS_TRUE")
    if kind.endswith("UNKNOWN"):
        return _TRUE if kind == "IS_NOT_UNKNOWN" else _FALSE
    holds = _formula(body["arg"])
    return holds if kind in ("IS_TRUE", "IS_NOT_FALSE") else ("not", holds)


def _expression(body: Tree) -> Formula | None:
    kind, operator = body.get("kind"), t.dotted(body["name"])
    if operator.schema not in (None, "pg_catalog") or "lexpr" not in body:
        return None
    left, right = body["lexpr"], body["rexpr"]
    match kind:
        case "AEXPR_OP" | "AEXPR_DISTINCT" | "AEXPR_NOT_DISTINCT" if operator.name in _ORDERS:
            distinct = kind == "AEXPR_DISTINCT"
            return _comparison(left, "<>" if distinct else _ORDERS[operator.name], right)
        case "AEXPR_IN":
            chosen: Formula = ("or", [_comparison(left, "=", item) for item in right["List"]["items"]])
            return chosen if operator.name == "=" else ("not", chosen)
        case "AEXPR_BETWEEN" | "AEXPR_NOT_BETWEEN":
            low, high = right["List"]["items"]
            inside: Formula = ("and", [_comparison(left, ">=", low), _comparison(left, "<=", high)])
            return inside if kind == "AEXPR_BETWEEN" else ("not", inside)
        case "AEXPR_OP" | "AEXPR_LIKE" | "AEXPR_ILIKE" if operator.name in _MATCHES:
            positive = _MATCHES[operator.name]
            pattern = right.get("A_Const", {}).get("sval", {}).get("sval", "") if "A_Const" in right else None
            like = positive.startswith("~~")
            if pattern is not None and "A_Const" in right and "sval" in right["A_Const"]:
                everything = bool(pattern) and not pattern.strip("%") if like else pattern in _EVERYTHING
                if everything:
                    return ("const", operator.name == positive)
            atom = ("is", (positive, _key(left) + " " + _key(right), None), "=")
            return atom if operator.name == positive else ("not", atom)
    return None


def _comparison(left: Tree, orders: str, right: Tree) -> Formula:
    first, second = _constant(left), _constant(right)
    if first is not None and second is not None:
        if isinstance(first, Decimal) and isinstance(second, Decimal):
            return ("const", ("<" if first < second else ">" if first > second else "=") in orders)
        if first == second:
            return ("const", "=" in orders)
        if type(first) is type(second) and orders in ("=", "<>"):
            return ("const", orders == "<>")
        return ("is", ("pair", _key(left) + " " + _key(right), None), orders)
    if first is not None:
        left, right, second, orders = right, left, first, orders.translate(_FLIPPED)
    subject, other = _key(left), _key(right)
    if second is not None:
        return ("is", ("value", subject, second), orders)
    if subject == other:
        return ("const", "=" in orders)
    if subject > other:
        subject, other, orders = other, subject, orders.translate(_FLIPPED)
    return ("is", ("pair", subject + " " + other, None), orders)


def _constant(node: Tree) -> Decimal | str | None:
    constant = node.get("A_Const")
    if constant is None or "isnull" in constant or "boolval" in constant or "bsval" in constant:
        return None
    words = t.constant(node)
    if "sval" in constant:
        return words
    try:
        return Decimal(words)
    except InvalidOperation:
        return None


def _key(node: Any) -> str:
    """The same for two expressions that differ in nothing but their place in the text."""
    return json.dumps(_placeless(node), sort_keys=True)


def _placeless(node: Any) -> Any:
    if isinstance(node, dict):
        places = ("location", "_start", "_end")
        return {key: _placeless(child) for key, child in node.items() if not key.endswith(places)}
    return [_placeless(child) for child in node] if isinstance(node, list) else node


def _holds(formula: Formula) -> bool:
    """Whether ``formula`` is true under every assignment of its variables."""
    atoms: dict[Any, None] = {}
    size = _collect(formula, atoms)
    if len(atoms) > MAX_ATOMS:
        return False
    numbers: dict[str, set[Decimal]] = {}
    for kind, subject, constant in atoms:
        if kind == "value" and isinstance(constant, Decimal):
            numbers.setdefault(subject, set()).add(constant)
    points = {subject: sorted(values) for subject, values in numbers.items()}
    # A subject compared with numbers lies below, on, or between them: one variable with 2n + 1 places. Everything
    # else is a variable of its own with three orders, or two truths.
    variables: list[Any] = [*points, *(atom for atom in atoms if not isinstance(atom[2], Decimal))]
    domains = [
        range(2 * len(points[variable]) + 1) if isinstance(variable, str)
        else ("<=>" if variable[0] in ("pair", "value") else "=<")
        for variable in variables
    ]  # fmt: skip
    steps = size
    for domain in domains:
        steps *= len(domain)
        if steps > MAX_STEPS:
            return False
    return all(_true(formula, dict(zip(variables, values, strict=True)), points) for values in product(*domains))


def _collect(formula: Formula, atoms: dict[Any, None]) -> int:
    if formula[0] == "is":
        atoms[formula[1]] = None
        return 1
    if formula[0] == "const":
        return 1
    parts = [formula[1]] if formula[0] == "not" else formula[1]
    return 1 + sum(_collect(part, atoms) for part in parts)


def _true(formula: Formula, values: dict[Any, Any], points: dict[str, list[Decimal]]) -> bool:
    match formula[0]:
        case "const":
            return bool(formula[1])
        case "not":
            return not _true(formula[1], values, points)
        case "and":
            return all(_true(part, values, points) for part in formula[1])
        case "or":
            return any(_true(part, values, points) for part in formula[1])
    _, variable, orders = formula
    if isinstance(variable[2], Decimal):
        place = values[variable[1]] - (2 * points[variable[1]].index(variable[2]) + 1)
        return ("<" if place < 0 else ">" if place > 0 else "=") in orders
    return values[variable] in orders
