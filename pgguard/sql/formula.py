"""A WHERE as a formula over atoms (``truth``): what PostgreSQL's own parse tree says, and nothing guessed.

An atom is a comparison, a match, a test for NULL, or anything else that is not looked into. Columns are taken to be not
NULL; what could be NULL all the same (a bare NULL, an unknown parameter) is an atom of its own each time.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pgguard.sql import tree as t
from pgguard.sql.expression import Scope, asks_of_row, constant, is_null, key, names_of, number, own_column
from pgguard.sql.statement import Name
from pgguard.sql.tree import Tree
from pgguard.sql.truth import FALSE, TRUE, Formula, holds

_ORDERS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
_FLIPPED = str.maketrans("<>", "><")
_BETWEEN = {
    "AEXPR_BETWEEN": True, "AEXPR_NOT_BETWEEN": False, "AEXPR_BETWEEN_SYM": True, "AEXPR_NOT_BETWEEN_SYM": False,
}  # fmt: skip
_LIKE = frozenset(("~~", "~~*"))
_MATCHES = _LIKE | {"~", "~*"}
_EVERYTHING = frozenset(("", ".*", "^.*", ".*$", "^.*$", "^"))
_BOOLEAN = {"t": TRUE, "true": TRUE, "on": TRUE, "1": TRUE, "f": FALSE, "false": FALSE, "off": FALSE, "0": FALSE}
_NEVER_NULL = ("NullTest", "BooleanTest")
_TESTS = ("BoolExpr", *_NEVER_NULL)
_NEVER_NEGATIVE = frozenset("length char_length octet_length bit_length abs count cardinality".split())
_ONE_ROW = frozenset("count sum min max avg bool_and bool_or every array_agg string_agg".split())
_MOST_VALUES = 12
_INTEGERS = ((-(2**31), 2**31 - 1), (-(2**63), 2**63 - 1))


class Builder:
    """Formulas in one scope. ``free``: keys that ask nothing of the row. ``integers``: a BETWEEN over all integers was
    taken to be always true."""

    def __init__(self, scope: Scope, free: set[str] | None = None) -> None:
        self.scope = scope
        self.free: set[str] = set() if free is None else free
        self.integers = False

    def formula(self, node: Tree) -> Formula:
        ((name, body),) = node.items()
        match name:
            case "BoolExpr":
                parts = [self.formula(part) for part in body["args"]]
                if body["boolop"] == "NOT_EXPR":
                    return ("not", parts[0])
                return ("and" if body["boolop"] == "AND_EXPR" else "or", parts)
            case "A_Expr":
                return self._expression(node, body)
            case "NullTest":
                found = self._null(body["arg"])
                return found if body.get("nulltesttype") == "IS_NULL" else ("not", found)
            case "BooleanTest":
                return self._tested(body["arg"], body.get("booltesttype", ""))
            case "SubLink":
                return self._sublink(node, body)
            case "CaseExpr":
                return self._case(body)
            case "CoalesceExpr" if not self._may_be_null(body["args"][0]):
                return self.formula(body["args"][0])
            case "CoalesceExpr" if is_null(body["args"][0], self.scope) and len(body["args"]) > 1:
                return self.formula({"CoalesceExpr": {"args": body["args"][1:]}})
            case "A_Const" | "TypeCast" | "ParamRef":
                return self._constant(node)
        return self._atom("atom", node)

    def _constant(self, node: Tree) -> Formula:
        value = node.get("A_Const", {})
        if "boolval" in value:
            return TRUE if value["boolval"].get("boolval") else FALSE
        inner = node.get("TypeCast", {})
        of_boolean = t.dotted(inner.get("typeName", {}).get("names", ())).name == "bool"
        found = constant(inner["arg"] if of_boolean else node, self.scope)
        if isinstance(found, str) and found.strip().lower() in _BOOLEAN:
            return _BOOLEAN[found.strip().lower()]
        return self._unknown(node)

    def _unknown(self, node: Tree) -> Formula:
        """NULL, or what may be: neither it nor its negation ever makes a WHERE true for certain."""
        if is_null(node, self.scope):
            return self._of("unknown", self.scope.fresh(), None, "=", free=False)
        return self._atom("atom", node)

    def _atom(self, kind: str, *nodes: Any) -> Formula:
        spelled = "".join(key(node, self.scope) for node in nodes)
        return self._of(kind, spelled, None, "=", free=not any(asks_of_row(node, self.scope) for node in nodes))

    def _of(self, kind: str, subject: str, value: Any, orders: str, *, free: bool) -> Formula:
        if free:
            self.free.add(subject)
        return ("is", (kind, subject, value), orders)

    def _expression(self, node: Tree, body: Tree) -> Formula:
        kind, operator = body.get("kind", ""), t.dotted(body["name"])
        left, right = body.get("lexpr", {}), body.get("rexpr", {})
        if kind in _BETWEEN:
            found = self._between(left, right["List"]["items"], "SYM" in kind)
            return found if _BETWEEN[kind] else ("not", found)
        if operator.schema not in (None, "pg_catalog"):
            return self._atom("atom", node)
        if kind in ("AEXPR_DISTINCT", "AEXPR_NOT_DISTINCT"):
            found = self._same(left, right)
            return ("not", found) if kind == "AEXPR_DISTINCT" else found
        if kind == "AEXPR_IN":
            items = right.get("List", {}).get("items", ())
            return self._each(left, operator.name, items, "or" if operator.name == "=" else "and", node)
        if kind in ("AEXPR_OP_ANY", "AEXPR_OP_ALL"):
            if "A_ArrayExpr" in right and operator.name in _ORDERS:
                items = right["A_ArrayExpr"].get("elements", ())
                return self._each(left, operator.name, items, "or" if kind == "AEXPR_OP_ANY" else "and", node)
            if constant(right, self.scope) == "{}":
                return FALSE if kind == "AEXPR_OP_ANY" else TRUE
            return self._atom("atom", node)
        positive = operator.name.removeprefix("!")
        if positive in _MATCHES and left:
            found = self._match(positive, left, right)
            return found if positive == operator.name else ("not", found)
        if kind == "AEXPR_OP" and operator.name in _ORDERS and left:
            return self._comparison(left, _ORDERS[operator.name], right)
        return self._atom("atom", node)

    def _each(self, left: Tree, operator: str, items: Any, join: str, node: Tree) -> Formula:
        if len(items) > _MOST_VALUES or operator not in _ORDERS:
            return self._atom("atom", node)
        return (join, [self._comparison(left, _ORDERS[operator], item) for item in items])

    def _between(self, subject: Tree, bounds: list[Tree], symmetric: bool) -> Formula:
        if symmetric:
            return self._atom("between", subject, *bounds)
        low, high = (constant(bound, self.scope) for bound in bounds)
        if (low, high) == ("-infinity", "infinity"):
            return TRUE
        if any(low == smallest and high == largest for smallest, largest in _INTEGERS):
            self.integers = True
            return TRUE
        return ("and", [self._comparison(subject, ">=", bounds[0]), self._comparison(subject, "<=", bounds[1])])

    def _match(self, operator: str, left: Tree, right: Tree) -> Formula:
        call = right.get("FuncCall", {})
        similar = t.dotted(call.get("funcname", ())).name == "similar_to_escape" and len(call.get("args", ())) == 1
        pattern = constant(call["args"][0] if similar else right, self.scope)
        if isinstance(pattern, str):
            like = similar or operator in _LIKE
            if (bool(pattern) and not pattern.strip("%")) if like else pattern in _EVERYTHING:
                return TRUE
        return self._atom(operator, left, right)

    def _same(self, left: Tree, right: Tree) -> Formula:
        """IS NOT DISTINCT FROM: equality that is never NULL."""
        for null, other in ((left, right), (right, left)):
            if is_null(null, self.scope):
                return self._null(other)
        return self._comparison(left, "=", right)

    def _null(self, node: Tree) -> Formula:
        if is_null(node, self.scope):
            return TRUE
        if not self._may_be_null(node):
            return FALSE
        return self._atom("null", node)

    def _may_be_null(self, node: Tree) -> bool:
        """Whether NULL can come out of it, whatever the columns of the row are."""
        if "CoalesceExpr" in node:
            return all(self._may_be_null(part) for part in node["CoalesceExpr"]["args"])
        if any(name in node for name in _NEVER_NULL) or node.get("SubLink", {}).get("subLinkType") == "EXISTS_SUBLINK":
            return False
        if "boolval" in node.get("A_Const", {}) or constant(node, self.scope) is not None:
            return False
        return own_column(node, self.scope) not in self.scope.not_null

    def _tested(self, node: Tree, test: str) -> Formula:
        if is_null(node, self.scope) or test in ("IS_UNKNOWN", "IS_NOT_UNKNOWN"):
            unknown = TRUE if is_null(node, self.scope) else FALSE
            return unknown if test in ("IS_UNKNOWN", "IS_NOT_TRUE", "IS_NOT_FALSE") else ("not", unknown)
        found = self.formula(node)
        return found if test in ("IS_TRUE", "IS_NOT_FALSE") else ("not", found)

    def _case(self, body: Tree) -> Formula:
        if "defresult" not in body:
            return self._atom("atom", {"CaseExpr": body})
        result = self.formula(body["defresult"])
        for arm in reversed(body["args"]):
            when, then = arm["CaseWhen"]["expr"], self.formula(arm["CaseWhen"]["result"])
            condition = self._comparison(body["arg"], "=", when) if "arg" in body else self.formula(when)
            result = ("or", [("and", [condition, then]), ("and", [("not", condition), result])])
        return result

    def _comparison(self, left: Tree, orders: str, right: Tree) -> Formula:
        left, right = self._value(left), self._value(right)
        if is_null(left, self.scope) or is_null(right, self.scope):
            return self._of("unknown", self.scope.fresh(), None, "=", free=False)
        if orders in ("=", "<>") and (_is_test(left) or _is_test(right)):
            one, two = self.formula(left), self.formula(right)
            alike = ("or", [("and", [one, two]), ("and", [("not", one), ("not", two)])])
            return alike if orders == "=" else ("not", alike)
        first, second = constant(left, self.scope), constant(right, self.scope)
        if first is not None and second is not None:
            return self._constants(first, orders, second)
        if first is not None:
            left, second, orders = right, first, orders.translate(_FLIPPED)
        subject = key(left, self.scope)
        free = not asks_of_row(left, self.scope)
        if second is not None:
            least = _least(left, second)
            if least is not None:
                return _above(orders, *least) or self._of("value", subject, second, orders, free=free)
            return self._of("value", subject, second, orders, free=free)
        other = key(right, self.scope)
        if subject == other:
            return ("const", "=" in orders)
        if subject > other:
            subject, other, orders = other, subject, orders.translate(_FLIPPED)
        return self._of("pair", subject + other, None, orders, free=free and not asks_of_row(right, self.scope))

    def _value(self, node: Tree) -> Tree:
        """What ``(select x)`` and ``coalesce(null, x)`` stand for."""
        if "CoalesceExpr" in node:
            args = [part for part in node["CoalesceExpr"]["args"] if not is_null(part, self.scope)]
            one = len(args) == 1 or (bool(args) and not self._may_be_null(args[0]))
            return args[0] if one else node
        link = node.get("SubLink", {})
        select = link.get("subselect", {}).get("SelectStmt", {})
        if link.get("subLinkType") != "EXPR_SUBLINK" or not _plain(select, limited=False):
            return node
        return node if "fromClause" in select or "whereClause" in select else _only(select)

    def _constants(self, first: Decimal | str, orders: str, second: Decimal | str) -> Formula:
        if isinstance(first, str) != isinstance(second, str):  # '1' = 1: a quoted literal takes the other's type
            one, two = number(str(first)), number(str(second))
            if one is None or two is None:
                return self._of("unknown", self.scope.fresh(), None, "=", free=False)
            first, second = one, two
        if isinstance(first, Decimal) and isinstance(second, Decimal):
            return ("const", ("<" if first < second else ">" if first > second else "=") in orders)
        if first == second:
            return ("const", "=" in orders)
        if orders in ("=", "<>"):
            return ("const", orders == "<>")
        return self._of("pair", repr((first, second)), None, orders, free=True)  # by a collation that is not known

    def _sublink(self, node: Tree, body: Tree) -> Formula:
        select = body.get("subselect", {}).get("SelectStmt", {})
        kind = body.get("subLinkType")
        if kind == "EXISTS_SUBLINK" and _gives_one_row(select):
            return TRUE
        if kind == "EXISTS_SUBLINK" and "valuesLists" in select:
            return TRUE
        limited = kind == "EXISTS_SUBLINK" and "limitOffset" not in select and _positive(select.get("limitCount"))
        if not _plain(select, limited=limited):
            return self._atom("atom", node)
        if "fromClause" not in select and kind == "EXPR_SUBLINK" and "whereClause" not in select:
            return self.formula(_only(select))
        inner = self._for_the_row(select)
        if inner is None or kind not in ("EXISTS_SUBLINK", "ANY_SUBLINK"):
            return self._atom("atom", node)
        found = inner.formula(select["whereClause"]) if "whereClause" in select else TRUE
        if kind == "ANY_SUBLINK":
            operator = t.dotted(body["operName"]).name if "operName" in body else "="
            if operator not in _ORDERS or len(select.get("targetList", ())) != 1:
                return self._atom("atom", node)
            same = key(body["testexpr"], self.scope) == key(_only(select), inner.scope) and "=" in _ORDERS[operator]
            here = self._comparison(body["testexpr"], _ORDERS[operator], _only(select)) if inner is self else None
            found = ("and", [found, here or (TRUE if same else FALSE)])
        # The row itself is in the other set: enough to say yes. Where it is not, nothing is known.
        return found if "fromClause" not in select else TRUE if holds(found) else self._atom("atom", node)

    def _for_the_row(self, select: Tree) -> Builder | None:
        """The scope of a subquery, where its table is the very table that is changed, or where it has none."""
        items = select.get("fromClause", ())
        if not items:
            return self
        table = items[0].get("RangeVar") if len(items) == 1 else None
        if table is None or t.relation(table) != self.scope.target or table["relname"] in self.scope.queries:
            return None
        return Builder(self.scope.inside(*names_of(items)), self.free)


def _only(select: Tree) -> Tree:
    found: Tree = select["targetList"][0]["ResTarget"]["val"]
    return found


def _plain(select: Tree, *, limited: bool) -> bool:
    """Whether every row of its FROM that its WHERE lets pass comes out."""
    left = {"targetList", "fromClause", "whereClause", "limitOption", "op", "sortClause", "distinctClause"}
    left |= {"limitCount"} if limited else set()
    if any(select.get("distinctClause", ())):  # DISTINCT ON
        return False
    return "targetList" in select and not select.keys() - left and not _gives_one_row(select)


def _gives_one_row(select: Tree) -> bool:
    """``select count(*) from ...``: an aggregate without GROUP BY gives a row whatever it finds."""
    calls = (item["ResTarget"].get("val", {}).get("FuncCall", {}) for item in select.get("targetList", ()))
    one = any(t.dotted(call.get("funcname", ())).name in _ONE_ROW and "over" not in call for call in calls)
    return one and not select.keys() & {"groupClause", "havingClause", "limitCount", "limitOffset"}


def _positive(limit: Tree | None) -> bool:
    found = limit.get("A_Const", {}).get("ival", {}).get("ival", 0) if limit is not None else 1
    return isinstance(found, int) and found > 0


def _is_test(node: Tree) -> bool:
    """Whether it is a condition by itself, so that it can be compared as one."""
    if "boolval" in node.get("A_Const", {}) or any(name in node for name in _TESTS):
        return True
    if "SubLink" in node:
        return node["SubLink"].get("subLinkType") in ("EXISTS_SUBLINK", "ANY_SUBLINK")
    body = node.get("A_Expr", {})
    name = t.dotted(body.get("name", ())) if body else Name("")
    return bool(body) and (body.get("kind") != "AEXPR_OP" or name.name in _ORDERS or name.name in _MATCHES)


def _least(node: Tree, value: Decimal | str) -> tuple[str, ...] | None:
    """The order in which ``node`` must stand to ``value``, its least possible one: '' of strings, 0 of a length."""
    if value == "":
        return ("=", ">")
    if isinstance(value, Decimal) and t.dotted(node.get("FuncCall", {}).get("funcname", ())).name in _NEVER_NEGATIVE:
        return ("=", ">") if value == 0 else (">",) if value < 0 else None
    return None


def _above(orders: str, *possible: str) -> Formula | None:
    if all(order in orders for order in possible):
        return TRUE
    return FALSE if not any(order in orders for order in possible) else None
