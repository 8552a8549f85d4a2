"""What stands on the objects that a transaction destroys: what a second person would go and look at first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pgguard.catalog.picture import Picture, Relation
from pgguard.evidence.measurement import Destroyed

MOST = 20
_TABLES = ("table", "view", "materialized view", "data")
_GONE = ("dropped", "truncated", "rewritten", "renamed")


def dependents(destroyed: Iterable[Destroyed], picture: Picture | None) -> tuple[str, ...]:
    """In words, each once: views that read a table, foreign keys that refer to it, functions that mention it (nothing
    but a search through their bodies would find these: PostgreSQL does not know)."""
    if picture is None:
        return ()
    found: dict[str, None] = {}
    for lost in destroyed:
        relation = picture.relations.get(lost.oid)
        if lost.kind in _TABLES and lost.how in _GONE and relation is not None:
            found.update(dict.fromkeys(_of(relation, picture)))
        if len(found) > MOST:
            break
    words = tuple(found)
    return words if len(words) <= MOST else (*words[:MOST], f"{len(words) - MOST} more or others")


def _of(relation: Relation, picture: Picture) -> Iterator[str]:
    for other in picture.relations.values():
        if other.oid != relation.oid and any(relation.oid in rule.tree.relations for rule in other.rules):
            yield f"view {other.qualified} reads {relation.qualified}"
    for key in relation.incoming:
        table = picture.relations.get(key.table)
        if table is not None and key.table != relation.oid:
            yield f"foreign key {key.name} of {table.qualified} refers to {relation.qualified}"
    mention = re.compile(rb"(?<![\w$])" + re.escape(relation.name.encode()) + rb"(?![\w$])", re.IGNORECASE)
    for function in picture.functions.values():
        code = function.code
        if code is None or function.system:
            continue
        atomic = code.atomic is not None and relation.oid in code.atomic.relations
        if atomic or (code.source is not None and mention.search(code.source)):
            yield f"function {function.qualified} mentions {relation.name}"
