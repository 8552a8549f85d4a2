"""One database's shape at one moment, as immutable data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pgguard.sql.statement import Name

FIRST_USER_OID = 16384  # FirstNormalObjectId in access/transam.h: everything below came with initdb


@dataclass(frozen=True, slots=True)
class Tree:
    """What a stored expression or query uses. ``folds``: functions called without any column in their arguments, which
    the planner evaluates when they are IMMUTABLE, even if the statement never uses the expression."""

    functions: frozenset[int] = frozenset()
    folds: frozenset[int] = frozenset()
    types: frozenset[int] = frozenset()
    relations: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    number: int
    type: int
    not_null: bool
    generated: str  # "", "s" stored, "v" virtual
    has_default: bool
    collation: int


@dataclass(frozen=True, slots=True)
class Index:
    oid: int
    name: str
    table: int
    unique: bool
    usable: bool  # valid, ready and live
    immediate: bool
    plain: bool  # a B-tree without predicate, expression or exclusion
    keys: tuple[int, ...]  # attnums of the key columns, 0 for an expression
    families: tuple[int, ...]  # operator family of each key
    collations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ForeignKey:
    oid: int
    name: str
    table: int  # the referencing one
    references: int
    columns: tuple[int, ...]
    referenced_columns: tuple[int, ...]
    on_update: str  # a no action, r restrict, c cascade, n set null, d set default
    on_delete: str
    deferrable: bool


@dataclass(frozen=True, slots=True)
class Trigger:
    name: str
    table: int
    function: int
    type: int  # tgtype bits, catalog/pg_trigger.h
    enabled: bool
    internal: bool
    deferrable: bool
    when: Tree


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    event: str  # 1 select, 2 update, 3 insert, 4 delete
    enabled: bool
    tree: Tree


@dataclass(frozen=True, slots=True)
class Expression:
    """``kind``: default, generated column, check, index, statistics, partition key or policy, of the relation."""

    kind: str
    tree: Tree
    column: int = 0


@dataclass(frozen=True, slots=True)
class Relation:
    oid: int
    schema: str
    name: str
    kind: str  # relkind
    persistence: str  # p permanent, u unlogged, t temporary
    heap: bool
    partition: bool
    row_security: bool
    owner: int
    row_type: int
    columns: tuple[Column, ...] = ()
    parents: tuple[int, ...] = ()
    children: tuple[int, ...] = ()
    indexes: tuple[Index, ...] = ()
    outgoing: tuple[ForeignKey, ...] = ()
    incoming: tuple[ForeignKey, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    rules: tuple[Rule, ...] = ()
    expressions: tuple[Expression, ...] = ()
    partition_columns: tuple[int, ...] = ()  # 0 for an expression

    @property
    def qualified(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def system(self) -> bool:
        return self.oid < FIRST_USER_OID


@dataclass(frozen=True, slots=True)
class Code:
    """What a user's function runs when it is called, as far as the catalog has it."""

    source: bytes | None  # the body, or the name of what an internal or C function calls; None: too long to be read
    atomic: Tree | None  # of a standard SQL body (BEGIN ATOMIC), which is stored as a tree
    commands: frozenset[int]  # CmdType of every query in it, nodes/nodes.h
    overwrites: bool  # and whether it has an ON CONFLICT DO UPDATE
    defaults: Tree  # of its arguments
    types: tuple[int, ...]  # of its arguments and result; an aggregate's state
    settings: tuple[str, ...]  # its SET clauses, "name=value"
    parts: tuple[int, ...] = ()  # functions that an aggregate is made of


@dataclass(frozen=True, slots=True)
class Function:
    oid: int
    schema: str
    name: str
    language: str
    volatile: bool
    kind: str  # f, p, a, w
    arguments: int  # how many it can take
    result: int
    extension: str = ""
    code: Code | None = None  # of users' functions

    @property
    def qualified(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def system(self) -> bool:
        return self.oid < FIRST_USER_OID

    @property
    def builtin(self) -> bool:
        return self.oid < FIRST_USER_OID and self.schema in ("pg_catalog", "information_schema")


@dataclass(frozen=True, slots=True)
class Operator:
    oid: int
    schema: str
    name: str
    left: int
    right: int
    function: int
    commutator: int = 0  # operators that the planner can put in its place
    negator: int = 0


@dataclass(frozen=True, slots=True)
class Type:
    oid: int
    schema: str
    name: str
    kind: str  # b base, c composite, d domain, e enum, p pseudo, r range, m multirange
    relation: int  # of a composite type
    element: int
    base: int  # of a domain, or the subtype of a range
    functions: frozenset[int]  # input, output ... of a user's base type; canonical and difference of a range
    trees: tuple[Tree, ...] = ()  # a domain's checks, and its default, which a column without one of its own takes


@dataclass(frozen=True, slots=True)
class Cast:
    source: int
    target: int
    function: int
    implicit: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """``opclass_functions``: what users' operator classes call in any sort or comparison (only superusers make these).
    ``memo`` holds answers already worked out over this very picture."""

    server_version: int
    database: str
    database_oid: int
    relations: Mapping[int, Relation]
    functions: Mapping[int, Function]
    operators: Mapping[int, Operator]
    types: Mapping[int, Type]
    casts: tuple[Cast, ...]  # users' own
    nondeterministic: frozenset[int]  # collations
    opclasses: frozenset[str]  # names
    opclass_functions: frozenset[int]
    event_triggers: tuple[str, ...]
    extensions: tuple[str, ...]
    relations_by_name: Mapping[str, tuple[int, ...]]
    indexes_by_name: Mapping[str, tuple[Index, ...]]
    functions_by_name: Mapping[str, tuple[int, ...]]
    operators_by_name: Mapping[str, tuple[int, ...]]
    types_by_name: Mapping[str, tuple[int, ...]]
    encoding: str = "UTF8"  # of the database
    transition_tables: frozenset[str] = frozenset()  # names that only a trigger's function can see as tables
    memo: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def named_relations(self, name: Name) -> tuple[Relation, ...]:
        found = (self.relations[oid] for oid in self.relations_by_name.get(name.name, ()))
        return tuple(r for r in found if in_schema(name, r.schema))

    def named_functions(self, name: Name) -> tuple[Function, ...]:
        found = (self.functions[oid] for oid in self.functions_by_name.get(name.name, ()))
        return tuple(f for f in found if in_schema(name, f.schema))

    def named_operators(self, name: Name) -> tuple[Operator, ...]:
        found = (self.operators[oid] for oid in self.operators_by_name.get(name.name, ()))
        return tuple(o for o in found if in_schema(name, o.schema))

    def named_types(self, name: Name) -> tuple[Type, ...]:
        found = (self.types[oid] for oid in self.types_by_name.get(name.name, ()))
        return tuple(t for t in found if in_schema(name, t.schema))


def in_schema(name: Name, schema: str) -> bool:
    """Whether ``name`` can mean an object in ``schema``. ``pg_temp`` is whichever temporary schema a session has."""
    if name.schema is None or name.schema == schema:
        return True
    return name.schema == "pg_temp" and schema.startswith("pg_temp_")
