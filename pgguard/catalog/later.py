"""What autovacuum runs with no client at all, and by which names its functions call others.

It evaluates expressions of indexes and statistics, the checks of domains in them, and functions of ranges. A body in
SQL or PL/pgSQL that was harmless when the index was made looks its names up again whenever it runs: a new function of
such a name can fit better than the one that was meant.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgguard.catalog import functions
from pgguard.catalog.picture import FIRST_USER_OID, Picture

_EVALUATED = frozenset({"index", "statistics"})


def names(picture: Picture) -> frozenset[str]:
    """Names of functions, operators, types and relations in those bodies, without schemas. Too many, never too few."""
    known: frozenset[str] | None = picture.memo.get("later")
    if known is None:
        known = picture.memo["later"] = frozenset(_names(picture))
    return known


def _names(picture: Picture) -> Iterator[str]:
    waiting = list(_evaluated(picture))
    seen: set[int] = set()
    while waiting:
        oid = waiting.pop()
        function = picture.functions.get(oid)
        if oid in seen or oid < FIRST_USER_OID or function is None:
            continue
        seen.add(oid)
        if function.code is not None:
            waiting += [*function.code.parts, *function.code.defaults.functions]
            waiting += function.code.atomic.functions if function.code.atomic is not None else ()
        for statement in functions.body(function).statements:
            for name in (*statement.calls, *statement.operators, *statement.types, *statement.reads):
                yield name.name
            yield from statement.columns
            called = [f for name in statement.calls for f in picture.named_functions(name)]
            waiting += [f.oid for f in called]
            waiting += [o.function for name in statement.operators for o in picture.named_operators(name)]


def _evaluated(picture: Picture) -> Iterator[int]:
    for relation in picture.relations.values():
        for expression in relation.expressions:
            if expression.kind in _EVALUATED:
                yield from expression.tree.functions
    for found in picture.types.values():
        yield from found.functions
        for tree in found.trees:
            yield from tree.functions
