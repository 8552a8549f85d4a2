"""The changes that a statement's text itself asks for, on every relation that its names can mean."""

from __future__ import annotations

from pgguard.catalog.closure import Change, Verb
from pgguard.catalog.picture import Picture, Relation
from pgguard.sql.statement import Effect, Statement, Write

_VERBS = {
    Effect.INSERT: Verb.INSERT,
    Effect.UPDATE: Verb.UPDATE,
    Effect.DELETE: Verb.DELETE,
    Effect.TRUNCATE: Verb.TRUNCATE,
}


def changes(statement: Statement, picture: Picture) -> tuple[list[Change], str]:
    """The changes, and the name of a target that no relation has ("" when all are known)."""
    found: list[Change] = []
    unknown = ""
    named = {_VERBS[w.effect] for w in statement.writes if w.effect in _VERBS}
    # MERGE and ON CONFLICT can say more in ``effects`` than in ``writes``: then every target gets all of them.
    unnamed = {_VERBS[e] for e in statement.effects if e in _VERBS} - named
    for write in statement.writes:
        verbs = unnamed | ({_VERBS[write.effect]} if write.effect in _VERBS else set())
        if not verbs:
            continue
        relations = picture.named_relations(write.relation)
        if not relations:
            unknown = unknown or str(write.relation)
        for relation in relations:
            columns = _columns(relation, write) if write.effect is Effect.UPDATE else None
            found += [Change(relation.oid, verb, columns, write.only) for verb in verbs]
    if unnamed and not statement.writes and not statement.inner:
        unknown = "of a write without a name"
    return found, unknown


def _columns(relation: Relation, write: Write) -> frozenset[int] | None:
    numbers = {c.name: c.number for c in relation.columns}
    if not write.columns or any(name not in numbers for name in write.columns):
        return None
    return frozenset(numbers[name] for name in write.columns)
