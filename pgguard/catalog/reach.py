"""User code reachable: whether a statement can run code or SQL that is not PostgreSQL's own, and through what.

The answer may be "reachable" too often, never too seldom. Bodies of user functions are not read: each of them counts,
whatever it declares, because a function declared IMMUTABLE can delete, and runs in EXPLAIN and at Bind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pgguard.catalog import builtins
from pgguard.catalog.builtins import harmless, harmless_trigger
from pgguard.catalog.closure import Change, Closure, Verb, closure
from pgguard.catalog.picture import FIRST_USER_OID, Column, Expression, Picture, Relation, Tree, Trigger
from pgguard.catalog.targets import changes
from pgguard.sql.statement import Effect, Name, Statement, StatementKind

# tgtype bits, catalog/pg_trigger.h
_TRIGGER_BIT = {Verb.INSERT: 4, Verb.DELETE: 8, Verb.UPDATE: 16, Verb.TRUNCATE: 32}
_RULE_EVENT = {Verb.UPDATE: "2", Verb.INSERT: "3", Verb.DELETE: "4"}
_DDL_KINDS = frozenset({StatementKind.COMMENT, StatementKind.MAINTENANCE})
_DDL_EFFECTS = frozenset({Effect.CREATE, Effect.ADD, Effect.ALTER, Effect.DROP, Effect.GRANT})
# These build, scan or rewrite the relations they name.
_WORKS_ON_RELATIONS = frozenset({"AlterTableStmt", "IndexStmt", "CreateStmt", "CreateStatsStmt"})
_REMEMBERED = 20_000


def user_code(statement: Statement, picture: Picture, param_types: tuple[int, ...] = ()) -> str:
    """The first reason found, in words; "" when no user code can run."""
    return next(_reasons(statement, picture, param_types), "")


def change_reason(picture: Picture, reached: Closure) -> str:
    """Why these changes run user code: "" when they do not."""
    return next(_of_changes(picture, reached), "")


def read_reason(picture: Picture, oid: int) -> str:
    """Why reading this relation runs user code: "" when it does not."""
    return next(_remembered(picture, "read", oid, _of_read), "")


def _reasons(statement: Statement, picture: Picture, param_types: tuple[int, ...]) -> Iterator[str]:
    if statement.kind in (StatementKind.EXECUTE, StatementKind.DO, StatementKind.CALL, StatementKind.OPAQUE):
        yield f"{statement.kind} runs what its text does not show"
    if picture.event_triggers and (statement.kind in _DDL_KINDS or statement.effects & _DDL_EFFECTS):
        yield f"event trigger {picture.event_triggers[0]}"
    yield from _of_names(statement, picture, param_types)
    for name in statement.reads:
        # Maintenance applies no row security and expands no view; _of_work_on_relations says what it evaluates.
        yield from _of_named(picture, name, read=statement.kind is not StatementKind.MAINTENANCE)
    for write in statement.writes:
        if write.effect in (Effect.ADD, Effect.ALTER):
            yield from _of_named(picture, write.relation, read=False)
    found, unknown = changes(statement, picture)
    if unknown:
        yield f"relation {unknown} is not known"
    yield from _of_changes(picture, closure(picture, found))
    if statement.kind is StatementKind.MAINTENANCE or statement.node in _WORKS_ON_RELATIONS:
        yield from _of_work_on_relations(statement, picture)
    for inner in statement.inner:
        yield from _reasons(inner, picture, param_types)


def _of_names(statement: Statement, picture: Picture, param_types: tuple[int, ...]) -> Iterator[str]:
    """Functions, operators, columns and types that the text names, and the types of its parameters."""
    for name in dict.fromkeys(statement.calls):
        yield from _remembered(picture, "call", name, _of_call)
    for column in dict.fromkeys(statement.columns):
        # ``x.f`` and ``(1).f`` call f(x) for any one-argument function, built-in ones included, when x has no field f.
        for oid in picture.functions_by_name.get(column, ()):
            function = picture.functions[oid]
            if function.arguments and not harmless(function):
                yield f"function {function.schema}.{column}"
    for name in dict.fromkeys(statement.operators):
        yield from _remembered(picture, "operator", name, _of_operator)
    for name in dict.fromkeys(statement.types):
        found = picture.named_types(name)
        if not found:
            yield f"type {name} is not known"
        for named in found:
            yield from _of_type(picture, named.oid)
    for parameter in dict.fromkeys(param_types):
        yield from _of_type(picture, parameter)
    if picture.opclass_functions:
        yield from _of_functions(picture, picture.opclass_functions, "an operator class")
    for cast in picture.casts:
        # A cast between two built-in types needs no user type in sight; superusers can make one.
        if cast.source < FIRST_USER_OID and cast.target < FIRST_USER_OID:
            yield from _of_functions(picture, {cast.function} - {0}, "a cast")


def _of_call(picture: Picture, name: Name) -> Iterator[str]:
    found = picture.named_functions(name)
    for function in found:
        if not harmless(function):
            yield f"function {function.qualified}"
    types = picture.named_types(name)  # ``typename(x)`` is a cast
    for named in types:
        yield from _of_type(picture, named.oid)
    # An index names operator classes (their functions are looked at in any case), and SQL/JSON has words for calls.
    words = name.name in picture.opclasses or (
        name.schema is None and picture.server_version >= builtins.SYNTAX_SINCE.get(name.name, 10**9)
    )
    if not found and not types and not words:
        yield f"function {name} is not known"


def _of_operator(picture: Picture, name: Name) -> Iterator[str]:
    found = picture.named_operators(name)
    if not found:
        yield f"operator {name} is not known"
    for operator in found:
        yield from _of_functions(picture, {operator.function}, f"operator {operator.schema}.{operator.name}")


def _of_functions(picture: Picture, oids: Iterable[int], through: str) -> Iterator[str]:
    for oid in oids:
        function = picture.functions.get(oid)
        if function is None:
            yield f"an unknown function through {through}"
        elif not harmless(function):
            yield f"function {function.qualified} through {through}"


def _of_type(picture: Picture, oid: int) -> Iterator[str]:
    if oid >= FIRST_USER_OID:
        yield from _remembered(picture, "type", oid, _in_type)


def _in_type(picture: Picture, oid: int, seen: set[int] | None = None) -> Iterator[str]:
    """Domain checks, casts and I/O functions, down through elements, fields and base types."""
    seen = set() if seen is None else seen
    if oid < FIRST_USER_OID or oid in seen:
        return
    seen.add(oid)
    found = picture.types.get(oid)
    if found is None:
        yield f"an unknown type {oid}"
        return
    for check in found.checks:
        yield from _of_tree(picture, check, f"domain {found.schema}.{found.name}", seen)
    own = [f for f in found.functions if f >= FIRST_USER_OID]
    yield from _of_functions(picture, own, f"type {found.schema}.{found.name}")
    for cast in picture.casts:
        if oid in (cast.source, cast.target):
            yield from _of_functions(picture, {cast.function} - {0}, f"a cast of {found.schema}.{found.name}")
    if found.relation in picture.relations:
        for column in picture.relations[found.relation].columns:
            yield from _in_type(picture, column.type, seen)
    yield from _in_type(picture, found.element, seen)
    yield from _in_type(picture, found.base, seen)


def _of_tree(picture: Picture, tree: Tree, through: str, seen: set[int] | None = None) -> Iterator[str]:
    seen = set() if seen is None else seen
    yield from _of_functions(picture, tree.functions, through)
    for oid in tree.types:
        yield from _in_type(picture, oid, seen)


def _of_named(picture: Picture, name: Name, *, read: bool) -> Iterator[str]:
    found = [r.oid for r in picture.named_relations(name)]
    found += [index.table for index in picture.indexes_by_name.get(name.name, ())]
    if not found:
        yield f"relation {name} is not known"
    for oid in found if read else ():
        yield from _remembered(picture, "read", oid, _of_read)


def _of_read(picture: Picture, oid: int, seen: set[int] | None = None) -> Iterator[str]:
    """Reading: the view's query, row security, virtual columns, column types, and what the planner folds otherwise."""
    seen = set() if seen is None else seen
    if oid in seen or oid < FIRST_USER_OID:
        return
    seen.add(oid)
    relation = picture.relations.get(oid)
    if relation is None:
        yield f"an unknown relation {oid}"
        return
    if relation.kind == "f":
        yield f"foreign table {relation.qualified}"
    yield from _of_type(picture, relation.row_type)
    for expression in relation.expressions:
        where = f"{expression.kind} of {relation.qualified}"
        if _is_read(relation, expression):
            yield from _of_tree(picture, expression.tree, where)
            for below in expression.tree.relations:
                yield from _of_read(picture, below, seen)
        elif expression.kind not in ("default", "policy"):
            yield from _of_functions(picture, expression.tree.folds, where)
    if relation.kind == "v":
        for rule in relation.rules:
            yield from _of_tree(picture, rule.tree, f"view {relation.qualified}")
            for below in rule.tree.relations:
                yield from _of_read(picture, below, seen)
    for child in relation.children:
        yield from _of_read(picture, child, seen)


def _is_read(relation: Relation, expression: Expression) -> bool:
    if expression.kind == "policy":
        return relation.row_security
    if expression.kind != "generated column":
        return False
    return any(c.number == expression.column and c.generated == "v" for c in relation.columns)


def _of_changes(picture: Picture, reached: Closure) -> Iterator[str]:
    if reached.missing:
        yield "a relation that is not known"
    for oid in reached.looked_at | reached.relations:
        yield from _remembered(picture, "read", oid, _of_read)
    for change in reached.changes:
        yield from _remembered(picture, "change", change, _of_change)


def _of_change(picture: Picture, change: Change) -> Iterator[str]:
    relation = picture.relations.get(change.relation)
    if relation is None:
        return
    if relation.system:
        yield f"a write to {relation.qualified}"
    for trigger in relation.triggers:
        if trigger.type & _TRIGGER_BIT[change.verb]:
            yield from _of_trigger(picture, relation, trigger)
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
        yield from _of_tree(picture, expression.tree, where)
        for below in expression.tree.relations:
            yield from _remembered(picture, "read", below, _of_read)


def _uses_default(change: Change, column: int, columns: tuple[Column, ...]) -> bool:
    """INSERT takes defaults unasked, UPDATE for what it sets: ``SET c = DEFAULT``, ON DELETE SET DEFAULT."""
    return change.verb is Verb.INSERT or change.columns is None or column in change.columns


def _of_trigger(picture: Picture, relation: Relation, trigger: Trigger) -> Iterator[str]:
    if not trigger.enabled:
        return
    function = picture.functions.get(trigger.function)
    if function is None or not harmless_trigger(function):
        yield f"trigger {trigger.name} on {relation.qualified}"
    yield from _of_functions(picture, trigger.when.functions, f"trigger {trigger.name} on {relation.qualified}")


def _of_work_on_relations(statement: Statement, picture: Picture) -> Iterator[str]:
    """DDL and maintenance evaluate what a relation carries: index expressions, checks, statistics, a view's query."""
    names = [*statement.reads, *(w.relation for w in statement.writes)]
    if statement.kind is StatementKind.MAINTENANCE and not names:
        found = {r.oid for r in picture.relations.values() if not r.system}
    else:
        found = {r.oid for name in names for r in picture.named_relations(name)}
        found |= {index.table for name in names for index in picture.indexes_by_name.get(name.name, ())}
    for oid in found:
        yield from _remembered(picture, "work", oid, _of_work)


def _of_work(picture: Picture, oid: int) -> Iterator[str]:
    relation = picture.relations.get(oid)
    if relation is None or relation.system:
        return
    if relation.kind == "f":
        yield f"foreign table {relation.qualified}"
    yield from _of_type(picture, relation.row_type)
    for expression in relation.expressions:
        if expression.kind not in ("default", "policy"):
            yield from _of_tree(picture, expression.tree, f"{expression.kind} of {relation.qualified}")
    for rule in relation.rules:
        yield from _of_tree(picture, rule.tree, f"rule {rule.name} of {relation.qualified}")
        for below in rule.tree.relations - {oid}:
            yield from _remembered(picture, "read", below, _of_read)
    for child in relation.children:
        yield from _remembered(picture, "work", child, _of_work)


def _remembered(picture: Picture, what: str, key: Any, find: Callable[[Picture, Any], Iterator[str]]) -> Iterator[str]:
    """The first reason that ``find`` gives, worked out once for each picture."""
    reason = picture.memo.get((what, key))
    if reason is None:
        if len(picture.memo) > _REMEMBERED:
            picture.memo.clear()  # a client can invent names without end
        reason = picture.memo[(what, key)] = next(find(picture, key), "")
    if reason:
        yield reason
