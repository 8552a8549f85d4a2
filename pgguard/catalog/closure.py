"""Which relations a write can change: partitions, children, the tables behind a view, and foreign keys' actions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from pgguard.catalog.functions import also_set
from pgguard.catalog.picture import ForeignKey, Picture, Relation


class Verb(StrEnum):
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    TRUNCATE = "truncate"


@dataclass(frozen=True, slots=True)
class Change:
    """One relation and what is done to it. ``columns`` are the attnums that an UPDATE sets; None: any of them."""

    relation: int
    verb: Verb
    columns: frozenset[int] | None = None
    only: bool = False


@dataclass(frozen=True, slots=True)
class Closure:
    """``cascades``: a foreign key's action is among the reasons. ``deferrable``: and that key can wait for COMMIT."""

    changes: frozenset[Change]
    looked_at: frozenset[int]  # relations that foreign-key checks or views read
    cascades: bool = False
    deferrable: bool = False
    missing: bool = False  # something referred to a relation that the picture does not have

    @property
    def relations(self) -> frozenset[int]:
        return frozenset(c.relation for c in self.changes)


def closure(picture: Picture, start: Iterable[Change]) -> Closure:
    """Everything that ``start`` can change if no user code runs. May name too much, never too little."""
    done: set[Change] = set()
    open_changes = list(start)
    looked_at: set[int] = set()
    cascades = deferrable = missing = False
    while open_changes:
        change = open_changes.pop()
        if change in done:
            continue
        done.add(change)
        relation = picture.relations.get(change.relation)
        if relation is None:
            missing = True
            continue
        change = _with_triggers(picture, relation, change)
        done.add(change)
        open_changes += _descend(picture, relation, change)
        open_changes += _behind_view(relation, change)
        looked_at.update(key.references for key in relation.outgoing)
        for key in relation.incoming:
            looked_at.add(key.table)
            follow = _action(picture, relation, key, change)
            if follow is not None:
                cascades = True
                deferrable = deferrable or key.deferrable
                open_changes.append(follow)
    return Closure(frozenset(done), frozenset(looked_at), cascades, deferrable, missing)


def _with_triggers(picture: Picture, relation: Relation, change: Change) -> Change:
    """An UPDATE sets what its triggers set as well: a key can change that no text names."""
    if change.verb is not Verb.UPDATE or change.columns is None:
        return change
    names = also_set(picture, relation)
    more = None if names is None else frozenset(c.number for c in relation.columns if c.name in names)
    return replace(change, columns=None if more is None else change.columns | more)


def moves_rows(picture: Picture, relation: Relation, columns: frozenset[int] | None) -> bool:
    """Whether an UPDATE of ``columns`` can move rows between partitions: a DELETE here and an INSERT there."""
    if relation.kind != "p":
        return False
    if columns is None or 0 in relation.partition_columns or columns & set(relation.partition_columns):
        return True
    below = (picture.relations.get(child) for child in relation.children)
    return any(child is None or moves_rows(picture, child, _same(relation, child, columns)) for child in below)


def _descend(picture: Picture, relation: Relation, change: Change) -> list[Change]:
    if change.only and relation.kind != "p":
        return []
    verbs = {change.verb}
    if change.verb is Verb.UPDATE and moves_rows(picture, relation, change.columns):
        verbs |= {Verb.INSERT, Verb.DELETE}
    if change.verb is Verb.INSERT and relation.kind != "p":
        return []  # INSERT never goes into inheritance children
    found = [Change(relation.oid, verb, change.columns, change.only) for verb in verbs]
    for oid in relation.children:
        child = picture.relations.get(oid)
        columns = None if child is None else _same(relation, child, change.columns)
        found += [Change(oid, verb, columns) for verb in verbs]
    return found


def _same(parent: Relation, child: Relation, columns: frozenset[int] | None) -> frozenset[int] | None:
    """The same columns in the child, whose attnums may differ."""
    if columns is None:
        return None
    names = {c.name for c in parent.columns if c.number in columns}
    return frozenset(c.number for c in child.columns if c.name in names)


def _behind_view(relation: Relation, change: Change) -> list[Change]:
    """A plain view is written through: any table that it reads may be the one, under any column names."""
    if relation.kind != "v":
        return []
    below = {oid for rule in relation.rules for oid in rule.tree.relations} - {relation.oid}
    return [Change(oid, change.verb) for oid in below]


def _action(picture: Picture, relation: Relation, key: ForeignKey, change: Change) -> Change | None:
    """What this incoming foreign key does when ``change`` happens to the referenced table."""
    if change.verb is Verb.TRUNCATE:
        # TRUNCATE fails without CASCADE when somebody refers to the table; the text is not asked which it is.
        return Change(key.table, Verb.TRUNCATE)
    if change.verb is Verb.DELETE:
        if key.on_delete == "c":
            return Change(key.table, Verb.DELETE)
        if key.on_delete in ("n", "d"):
            return Change(key.table, Verb.UPDATE, frozenset(key.columns))
    if change.verb is Verb.UPDATE and key.on_update in ("c", "n", "d") and _sets_key(relation, key, change.columns):
        return Change(key.table, Verb.UPDATE, frozenset(key.columns))
    return None


def _sets_key(relation: Relation, key: ForeignKey, columns: frozenset[int] | None) -> bool:
    """Generated columns change with others."""
    if columns is None:
        return True
    referenced = [c for c in relation.columns if c.number in key.referenced_columns]
    if len(referenced) < len(set(key.referenced_columns)):
        return True
    return any(c.number in columns or c.generated for c in referenced)
