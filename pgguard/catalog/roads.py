"""The roads by which code is reached: what each object of the catalog leads to when it is read, written or called.

A step is a reason, in words, or the next road. ``reach`` walks them; nothing here remembers or recurses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from pgguard.catalog import builtins, functions
from pgguard.catalog.builtins import harmless, harmless_trigger
from pgguard.catalog.closure import Change, Closure, Verb, closure
from pgguard.catalog.picture import FIRST_USER_OID, Column, Expression, Picture, Relation, Tree, Trigger
from pgguard.sql.statement import Name, Statement


class Road(NamedTuple):
    """``kind`` is a key of ROADS, ``key`` what stands there, ``through`` in words where it is reached from."""

    kind: str
    key: Any
    through: str = ""


Step = str | Road
Steps = Iterator[Step]

# tgtype bits, catalog/pg_trigger.h
_TRIGGER_BIT = {Verb.INSERT: 4, Verb.DELETE: 8, Verb.UPDATE: 16, Verb.TRUNCATE: 32}
_RULE_EVENT = {Verb.UPDATE: "2", Verb.INSERT: "3", Verb.DELETE: "4"}


# What a text names.


def of_names(picture: Picture, statement: Statement, param_types: tuple[int, ...] = ()) -> Steps:
    """Functions, operators, columns and types that the text names, and the types of its parameters."""
    if picture.encoding != "UTF8" and (strange := _beyond_ascii(statement)):
        yield f"{strange} can be another name where the database's encoding is {picture.encoding}"
    for name in dict.fromkeys(statement.calls):
        yield Road("call", name)
    for column in dict.fromkeys(statement.columns):
        if column in picture.functions_by_name or column in picture.types_by_name:
            yield Road("column", column)
    for name in dict.fromkeys(statement.operators):
        yield Road("operator", name)
    for name in dict.fromkeys(statement.types):
        found = picture.named_types(name)
        if not found:
            yield f"type {name} is not known"
        yield from of_types(named.oid for named in found)
    yield from of_types(param_types)
    if picture.opclass_functions:
        yield from of_functions(picture, picture.opclass_functions, "an operator class")
    for cast in picture.casts:
        # A cast between two built-in types needs no user type in sight; superusers can make one.
        if cast.source < FIRST_USER_OID and cast.target < FIRST_USER_OID:
            yield from of_functions(picture, {cast.function} - {0}, "a cast")


def _beyond_ascii(statement: Statement) -> str:
    """A name in it that the server cuts off at 63 bytes of another encoding than ours, and in an encoding of single
    bytes folds to lower case beyond ASCII as well (downcase_identifier, parser/scansup.c)."""
    written = (part for write in statement.writes for part in (str(write.relation), *write.columns))
    dropped = (target.name for target in statement.drops)
    plain = (str(name) for name in (*statement.calls, *statement.types, *statement.reads, *dropped))
    return next((name for name in (*plain, *written, *statement.columns) if not name.isascii()), "")


def of_reads(picture: Picture, names: Iterable[Name]) -> Steps:
    for name in names:
        found = named(picture, name)
        if not found:
            yield f"relation {name} is not known"
        for oid in found:
            yield Road("read", oid)


def named(picture: Picture, name: Name) -> list[int]:
    """Relations that the name can mean, or the tables of indexes."""
    found = [r.oid for r in picture.named_relations(name)]
    return found + [index.table for index in picture.indexes_by_name.get(name.name, ())]


def of_closure(reached: Closure) -> Steps:
    if reached.missing:
        yield "a relation that is not known"
    for oid in reached.looked_at | reached.relations:
        yield Road("read", oid)
    for change in reached.changes:
        yield Road("change", change)


def of_functions(picture: Picture, oids: Iterable[int], through: str) -> Steps:
    for oid in oids:
        function = picture.functions.get(oid)
        if function is None or not (function.system and harmless(function)):
            yield Road("function", oid, through)


def of_types(oids: Iterable[int]) -> Steps:
    for oid in oids:
        if oid >= FIRST_USER_OID:
            yield Road("type", oid)


def of_tree(picture: Picture, tree: Tree, through: str) -> Steps:
    yield from of_functions(picture, tree.functions, through)
    yield from of_types(tree.types)


# What each object leads to.


def _call(picture: Picture, name: Name) -> Steps:
    found = picture.named_functions(name)
    yield from of_functions(picture, (f.oid for f in found), "")
    types = picture.named_types(name)  # ``typename(x)`` is a cast
    yield from of_types(t.oid for t in types)
    # An index names operator classes (their functions are looked at in any case), and SQL/JSON has words for calls.
    words = name.name in picture.opclasses or (
        name.schema is None and picture.server_version >= builtins.SYNTAX_SINCE.get(name.name, 10**9)
    )
    if not found and not types and not words:
        yield f"function {name} is not known"


def _column(picture: Picture, column: str) -> Steps:
    """``x.f`` and ``(1).f`` call f(x) for any one-argument function, built-in ones too, when x has no field f; where f
    is a type and no row type, they convert x to it (parse_func.c, func_get_detail)."""
    found = (picture.functions[oid] for oid in picture.functions_by_name.get(column, ()))
    yield from of_functions(picture, (f.oid for f in found if f.arguments), "")
    types = (picture.types[oid] for oid in picture.types_by_name.get(column, ()))
    yield from of_types(t.oid for t in types if not t.relation)


def _operator(picture: Picture, name: Name) -> Steps:
    found = picture.named_operators(name)
    if not found:
        yield f"operator {name} is not known"
    for operator in found:
        # NOT (a === b) becomes the negator's call, b === a the commutator's.
        related = (picture.operators.get(oid) for oid in (operator.commutator, operator.negator) if oid)
        called = {operator.function} | {other.function for other in related if other is not None}
        yield from of_functions(picture, called, f"operator {operator.schema}.{operator.name}")


def _function(picture: Picture, oid: int) -> Steps:
    function = picture.functions.get(oid)
    if function is None:
        yield "an unknown function"
        return
    where = f"function {function.qualified}"
    if function.system:
        if not harmless(function):
            yield where
        return
    trouble = functions.trouble(function)
    if trouble:
        yield f"{where} {trouble}"
    code = function.code
    if code is None:
        return
    yield from of_types(code.types)
    yield from of_tree(picture, code.defaults, where)
    yield from of_functions(picture, code.parts, where)
    if code.atomic is not None:
        yield from of_tree(picture, code.atomic, where)
        for relation in code.atomic.relations:
            yield Road("read", relation, where)
        for relation in functions.inserts(code):
            yield Road("insert", relation, where)
    for statement in functions.body(function).statements:
        yield from of_names(picture, statement)
        # A name that is a transition table's may mean a relation just as well, in a function that is no such trigger's.
        own = picture.transition_tables
        yield from of_reads(picture, (n for n in statement.reads if n.schema or n.name not in own or named(picture, n)))
        for write in statement.writes:
            found = picture.named_relations(write.relation)
            if not found:
                yield f"relation {write.relation} is not known"
            for relation_found in found:
                yield Road("insert", relation_found.oid, where)


def _insert(picture: Picture, oid: int) -> Steps:
    """What a function adds rows to. FAIL CLOSED: rows must be counted, or nobody would see what else happens."""
    reached = closure(picture, [Change(oid, Verb.INSERT)])
    for changed in reached.relations:
        relation = picture.relations.get(changed)
        if relation is None or relation.kind not in ("r", "p", "v") or (relation.kind == "r" and not relation.heap):
            yield f"{'a relation' if relation is None else relation.qualified} cannot be counted"
    yield from of_closure(reached)


def _type(picture: Picture, oid: int) -> Steps:
    """Domain checks and defaults, casts and I/O functions, down through elements, fields and base types."""
    found = picture.types.get(oid)
    if found is None:
        yield f"an unknown type {oid}"
        return
    own = f"{found.schema}.{found.name}"
    for tree in found.trees:
        yield from of_tree(picture, tree, f"domain {own}")
    yield from of_functions(picture, (f for f in found.functions if f >= FIRST_USER_OID), f"type {own}")
    for cast in picture.casts:
        # ARRAY[x] makes an array of the type without naming it.
        sides = {cast.source, cast.target}
        sides |= {t.element for side in sides if (t := picture.types.get(side)) is not None}
        if oid in sides:
            yield from of_functions(picture, {cast.function} - {0}, f"a cast of {own}")
    if found.relation in picture.relations:
        yield from of_types(column.type for column in picture.relations[found.relation].columns)
    yield from of_types((found.element, found.base))


def _read(picture: Picture, oid: int) -> Steps:
    """Reading: the view's query, row security, virtual columns, column types, and what the planner folds otherwise."""
    if oid < FIRST_USER_OID:
        return
    relation = picture.relations.get(oid)
    if relation is None:
        yield f"an unknown relation {oid}"
        return
    if relation.kind == "f":
        yield f"foreign table {relation.qualified}"
    yield from of_types((relation.row_type,))
    for expression in relation.expressions:
        where = f"{expression.kind} of {relation.qualified}"
        if _is_read(relation, expression):
            yield from of_tree(picture, expression.tree, where)
            for below in expression.tree.relations:
                yield Road("read", below, where)
        elif expression.kind not in ("default", "policy"):
            yield from of_functions(picture, expression.tree.folds | _inlined(picture, expression.tree), where)
    if relation.kind == "v":
        for rule in relation.rules:
            yield from of_tree(picture, rule.tree, f"view {relation.qualified}")
            for below in rule.tree.relations - {oid}:
                yield Road("read", below, f"view {relation.qualified}")
    for child in relation.children:
        yield Road("read", child)


def _inlined(picture: Picture, tree: Tree) -> frozenset[int]:
    """The planner puts the body of a SQL function in its place, and evaluates what asks for no column in there."""
    found = {oid: picture.functions.get(oid) for oid in tree.functions if oid >= FIRST_USER_OID}
    return frozenset(oid for oid, function in found.items() if function is None or function.language == "sql")


def _is_read(relation: Relation, expression: Expression) -> bool:
    if expression.kind == "policy":
        return relation.row_security
    if expression.kind != "generated column":
        return False
    return any(c.number == expression.column and c.generated == "v" for c in relation.columns)


def _change(picture: Picture, change: Change) -> Steps:
    relation = picture.relations.get(change.relation)
    if relation is None:
        return
    if relation.system:
        yield f"a write to {relation.qualified}"
    for trigger in relation.triggers:
        if trigger.type & _TRIGGER_BIT[change.verb]:
            yield from _trigger(picture, relation, trigger)
    for rule in relation.rules:
        if rule.enabled and rule.event == _RULE_EVENT.get(change.verb):
            yield f"rule {rule.name} on {relation.qualified}"
    if change.verb in (Verb.DELETE, Verb.TRUNCATE):
        return
    for expression in relation.expressions:
        if expression.kind == "policy" and not relation.row_security:
            continue
        if expression.kind == "default" and not _uses_default(change, expression.column, relation.columns):
            continue
        where = f"{expression.kind} of {relation.qualified}"
        yield from of_tree(picture, expression.tree, where)
        for below in expression.tree.relations:
            yield Road("read", below, where)


def _uses_default(change: Change, column: int, columns: tuple[Column, ...]) -> bool:
    """INSERT takes defaults unasked, UPDATE for what it sets: ``SET c = DEFAULT``, ON DELETE SET DEFAULT."""
    return change.verb is Verb.INSERT or change.columns is None or column in change.columns


def _trigger(picture: Picture, relation: Relation, trigger: Trigger) -> Steps:
    if not trigger.enabled:
        return
    where = f"trigger {trigger.name} on {relation.qualified}"
    function = picture.functions.get(trigger.function)
    if function is None or not harmless_trigger(function):
        if trigger.deferrable:
            yield f"{where} can wait for COMMIT, and its function can be another one by then"
        yield Road("function", trigger.function, where)
    yield from of_tree(picture, trigger.when, where)


def _work(picture: Picture, oid: int) -> Steps:
    """DDL and maintenance evaluate what a relation carries: index expressions, checks, statistics, a view's query."""
    relation = picture.relations.get(oid)
    if relation is None or relation.system:
        return
    if relation.kind == "f":
        yield f"foreign table {relation.qualified}"
    yield from of_types((relation.row_type,))
    for expression in relation.expressions:
        if expression.kind not in ("default", "policy"):
            yield from of_tree(picture, expression.tree, f"{expression.kind} of {relation.qualified}")
    for rule in relation.rules:
        where = f"rule {rule.name} of {relation.qualified}"
        yield from of_tree(picture, rule.tree, where)
        for below in rule.tree.relations - {oid}:
            yield Road("read", below, where)
    for child in relation.children:
        yield Road("work", child)


ROADS: dict[str, Callable[[Picture, Any], Steps]] = {
    "call": _call,
    "column": _column,
    "operator": _operator,
    "function": _function,
    "insert": _insert,
    "type": _type,
    "read": _read,
    "change": _change,
    "work": _work,
}
