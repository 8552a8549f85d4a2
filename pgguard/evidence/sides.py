"""The two answers of the catalog query, inside and outside, as rows that can be looked up and compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from pgguard.errors import ProtocolViolation
from pgguard.evidence.envelope import Row
from pgguard.evidence.victims import parse_victims

KINDS = {
    "r": "table", "p": "table", "f": "table", "v": "view", "m": "materialized view", "S": "sequence", "i": "index",
    "I": "index", "c": "type",
}  # fmt: skip
TABLES = frozenset("rpf")


class Relation(NamedTuple):
    oid: str
    schema: str
    schema_oid: str
    relname: str
    kind: str
    persistence: str
    filenode: str
    owner: str
    row_security: bool
    forced: bool
    partition: bool
    planned: int  # reltuples
    live: int  # pg_stat_get_live_tuples
    options: str | None
    owned_by: list[Any] | None  # a sequence's [table, attnum]
    extension: str | None
    rights: str | None  # of a view, and of its columns
    inside: list[Any] | None  # [size, rows inserted in this transaction, the role may read all of it]

    @property
    def name(self) -> str:
        return f"{self.schema}.{self.relname}"

    @property
    def rows(self) -> int | None:
        """About so many rows; None where nobody knows. A partitioned table has none of its own."""
        if self.kind == "p":
            return 0
        if self.kind not in "rm" or (self.planned < 0 and self.live == 0):
            return None
        return max(self.planned, self.live)


class Column(NamedTuple):
    oid: str
    number: int
    name: str
    type: str
    not_null: bool
    version: str  # xmin of its catalog row
    generated: str | None  # the expression of a virtual column: no row shows that its values are others


class Constraint(NamedTuple):
    oid: str
    table: str
    name: str
    type: str
    parent: str
    columns: str
    valid: bool
    check: str | None  # its expression, or the operators of an exclusion
    detail: str
    enforced: str | None
    backing: str  # the index

    @property
    def numbers(self) -> frozenset[int]:
        return frozenset(int(n) for n in (self.columns or "{}").strip("{}").split(",") if n)


class Trigger(NamedTuple):
    oid: str
    table: str
    name: str
    enabled: str
    internal: bool
    parent: str
    detail: str
    when: str | None
    type: int  # pg_trigger.tgtype


class Rule(NamedTuple):
    oid: str
    table: str
    name: str
    enabled: str
    event: str
    instead: bool
    action: str
    when: str | None


class Policy(NamedTuple):
    oid: str
    table: str
    name: str
    detail: str
    using: str | None
    check: str | None


class Index(NamedTuple):
    oid: str
    table: str
    name: str
    unique: bool
    valid: bool
    columns: str
    expressions: str | None
    predicate: str | None
    immediate: bool
    schema_oid: str
    detail: str  # method, number of key columns, order, whether NULLs are distinct
    classes: str  # operator classes and collations, which change with a column's type

    @property
    def numbers(self) -> frozenset[int]:
        return frozenset(int(n) for n in self.columns.split())


@dataclass(slots=True)
class Side:
    """One answer, by section and key."""

    relations: dict[str, Relation] = field(default_factory=dict)
    columns: dict[tuple[str, int], Column] = field(default_factory=dict)
    constraints: dict[str, Constraint] = field(default_factory=dict)
    triggers: dict[str, Trigger] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    indexes: dict[str, Index] = field(default_factory=dict)
    parents: set[tuple[str, str]] = field(default_factory=set)
    lists: dict[str, dict[str, list[Any]]] = field(default_factory=dict)  # whole catalogs and single objects

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Side:
        """Raises ProtocolViolation for rows that the query would not have given."""
        side = cls()
        for section, key, *values in parse_victims(rows):
            try:
                side._take(section, key, values)
            except TypeError as trouble:
                raise ProtocolViolation("server", f'a row of section "{section}" is incomplete') from trouble
        return side

    def _take(self, section: str, key: str, values: list[Any]) -> None:
        match section:
            case "relation":
                self.relations[key] = Relation(key, *values)
            case "column":
                self.columns[key, values[0]] = Column(key, *values)
            case "constraint":
                self.constraints[key] = Constraint(key, *values)
            case "trigger":
                self.triggers[key] = Trigger(key, *values)
            case "rule":
                self.rules[key] = Rule(key, *values)
            case "policy":
                self.policies[key] = Policy(key, *values)
            case "index":
                self.indexes[key] = Index(key, *values)
            case "parent":
                self.parents.add((key, values[0]))
            case _:
                self.lists.setdefault(section, {})[key] = values


@dataclass(frozen=True)
class Sides:
    """Outside (as committed) and inside (as the transaction sees it)."""

    outside: Side
    inside: Side

    @cached_property
    def gone_columns(self) -> frozenset[tuple[str, int]]:
        return frozenset(self.outside.columns.keys() - self.inside.columns.keys())

    @cached_property
    def retyped(self) -> frozenset[tuple[str, int]]:
        """Columns whose type is another one inside."""
        return frozenset(
            key
            for key, column in self.outside.columns.items()
            if key in self.inside.columns and self.inside.columns[key].type != column.type
        )

    @cached_property
    def gone_extensions(self) -> frozenset[str]:
        return frozenset(
            self.outside.lists.get("extension", {}).keys() - self.inside.lists.get("extension", {}).keys()
        )

    def kept(self) -> Iterator[tuple[Relation, Relation]]:
        """Relations on both sides, (outside, inside)."""
        for oid, relation in self.outside.relations.items():
            if (now := self.inside.relations.get(oid)) is not None:
                yield relation, now

    def alive(self, oid: str) -> Relation | None:
        """The relation as it is outside, if it is still there inside."""
        return self.outside.relations.get(oid) if oid in self.inside.relations else None
