"""Whether the WHERE of an UPDATE or DELETE chooses rows at all, as far as logic alone can tell.

PostgreSQL's own tree says where the changes stand and what their conditions are, ``formula`` turns a condition into
atoms, ``truth`` tries every assignment of them; where nothing was found, sqlglot has a second opinion. It only makes
verdicts stricter: what is too big is "not known".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from pgguard.sql import grammar, limits
from pgguard.sql import tree as t
from pgguard.sql.expression import Scope, names_of
from pgguard.sql.formula import Builder
from pgguard.sql.second_opinion import true_for_every_row
from pgguard.sql.statement import Name
from pgguard.sql.tree import Tree
from pgguard.sql.truth import Formula, decided_by, holds

MAX_BYTES = 20 * 1024
MAX_NODES = 4_000  # of the tree, in all conditions of a text; measured at 1 to 2 us each
_CHANGE = 20  # what a change costs besides its nodes
MAX_DEPTH = 200  # levels of the tree: an operator is two of them
_BY = {"UpdateStmt": ("UPDATE", "fromClause"), "DeleteStmt": ("DELETE", "usingClause")}
_MERGED = frozenset(("CMD_UPDATE", "CMD_DELETE"))

Params = Mapping[int, str | None]  # by number
NotNull = Callable[[Name], frozenset[str]]  # the columns of a table that cannot be NULL, as far as that is known


def always_true(sql: str, params: Params | None = None, not_null: NotNull | None = None) -> str | None:
    """A sentence when an UPDATE, DELETE or MERGE anywhere in ``sql`` has a condition that holds for every row whose
    columns are not NULL, or that asks nothing of the rows; None when none has, or when that is not known. ``params``:
    the values of a Bind, as text. Never raises."""
    return next(every_always_true(sql, params, not_null), None)


def every_always_true(sql: str, params: Params | None = None, not_null: NotNull | None = None) -> Iterator[str]:
    """One sentence for each such condition. The limits are those of the whole text, whatever it consists of."""
    text = sql.encode("utf-8", "surrogatepass")
    if len(text) > MAX_BYTES or limits.too_much(text):
        return
    raw, error = grammar.parse(text)
    if error:
        return
    left = MAX_NODES
    found = False
    # A tree in a shape that nobody foresaw is not known, and "not known" is always a right answer.
    try:
        for change in _changes(json.loads(raw)):
            left -= _size(change.conditions, left) + _CHANGE
            if left > 0 and (says := _says(change, params or {}, not_null)):
                found = True
                yield f"the {change.clause} of {change.verb} on {t.relation(change.target)} {says}"
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError, IndexError):
        return
    if not found:
        yield from true_for_every_row(sql)


class _Change(NamedTuple):
    """``beside``: what else stands in FROM, USING. ``queries``: the names of every WITH in the text: they can hide the
    target's table from a subquery."""

    verb: str
    clause: str
    target: Tree
    beside: frozenset[str]
    conditions: list[Tree]
    queries: set[str]


def _says(change: _Change, params: Params, not_null: NotNull | None) -> str:
    table = t.relation(change.target)
    own = change.target.get("alias", {}).get("aliasname") or table.name
    columns = not_null(table) if not_null is not None else frozenset[str]()
    scope = Scope(
        table, frozenset({own}), change.beside - {own}, not change.beside, frozenset(change.queries), params, columns
    )
    builder = Builder(scope)
    formula: Formula = ("and", [builder.formula(condition) for condition in change.conditions])
    if holds(formula):
        return f"is true for every row whose columns are {'integers and ' if builder.integers else ''}not NULL"
    if decided_by(formula, frozenset(builder.free)):
        return "asks nothing of its rows: it changes all of them or none"
    return ""


def _changes(tree: Tree) -> list[_Change]:
    """Every change with a condition, at any depth."""
    found: list[_Change] = []
    queries: set[str] = set()
    pending: list[Any] = [tree]
    while pending:
        node = pending.pop()
        if type(node) is list:
            pending.extend(reversed(node))
        elif type(node) is dict:
            if "ctename" in node:
                queries.add(node["ctename"])
            for name, body in node.items():
                if name in _BY and "whereClause" in body:
                    verb, clause = _BY[name]
                    beside = names_of(body.get(clause, []))
                    found.append(_Change(verb, "WHERE", body["relation"], beside, [body["whereClause"]], queries))
                elif name == "MergeStmt":
                    found.extend(_merged(body, queries))
            pending.extend(node.values())
    return found


def _merged(body: Tree, queries: set[str]) -> Iterator[_Change]:
    beside = names_of([body["sourceRelation"]])
    for arm in (item["MergeWhenClause"] for item in body.get("mergeWhenClauses", ())):
        if arm.get("commandType") in _MERGED and arm.get("matchKind") == "MERGE_WHEN_MATCHED":
            conditions = [body["joinCondition"], *([arm["condition"]] if "condition" in arm else [])]
            yield _Change("MERGE", "ON", body["relation"], beside, conditions, queries)


def _size(conditions: list[Tree], most: int) -> int:
    """How many nodes they have; more than ``most`` when they are too many, or too deep."""
    count = 0
    pending: list[tuple[Any, int]] = [(condition, 1) for condition in conditions]
    while pending and count <= most:
        node, depth = pending.pop()
        count += 1 if depth <= MAX_DEPTH else most + 1
        if type(node) is dict:
            pending.extend((child, depth + 1) for child in node.values() if type(child) in (dict, list))
        elif type(node) is list:
            pending.extend((child, depth + 1) for child in node)
    return count
