"""A statement while it is being classified: what a row of the table fills in."""

from __future__ import annotations

from dataclasses import dataclass, field

from pgguard.sql.names import Names
from pgguard.sql.statement import (
    Control,
    DropTarget,
    Effect,
    KeyTerm,
    Name,
    Setting,
    Statement,
    StatementKind,
    Write,
)
from pgguard.sql.tree import Tree


@dataclass(slots=True)
class Draft:
    """Mutable counterpart of ``Statement``; ``names`` collects while the tree is walked."""

    node: str
    start: int = 0
    length: int = 0
    kind: StatementKind = StatementKind.OPAQUE
    names: Names = field(default_factory=Names)
    drops: list[DropTarget] = field(default_factory=list)
    inner: list[Statement] = field(default_factory=list)
    subcommands: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    key_terms: tuple[KeyTerm, ...] | None = None
    reused_params: frozenset[int] | None = None
    control: Control | None = None
    chain: bool = False
    name: str = ""
    setting: Setting | None = None
    outside_block: bool = False
    temporary: bool = False
    copy_in: bool = False
    files: bool = False
    with_hold: bool = False
    excludes: bool = False

    def is_a(self, kind: StatementKind, *effects: Effect) -> None:
        self.kind = kind
        self.names.effects.update(effects)

    def target(self, relation: Tree | None, effect: Effect) -> None:
        """``relation`` is changed by DDL; None where the statement names none."""
        if relation is not None:
            self.names.write(relation, effect)

    def carry(self, inner: Statement, *, runs: bool) -> None:
        """Take over what ``inner`` names, and what it does if it ``runs``; if it does not, it is still planned."""
        self.inner.append(inner)
        names = self.names
        for mine, its in (
            (names.reads, inner.reads),
            (names.calls, inner.calls),
            (names.operators, inner.operators),
            (names.types, inner.types),
        ):
            mine.update(dict.fromkeys(its))
        names.columns.update(dict.fromkeys(inner.columns))
        names.settings.extend(inner.calls_to_set)
        if runs:
            names.effects |= inner.effects
            names.writes.extend(inner.writes)
            names.has_where = names.has_where and inner.has_where
            self.files = self.files or inner.files
            self.outside_block = self.outside_block or inner.outside_block
        else:
            names.reads.update(dict.fromkeys(write.relation for write in inner.writes))
        names.trouble = names.trouble or inner.trouble

    def finish(self) -> Statement:
        names = self.names
        if names.trouble:
            return opaque(self.node, self.start, self.length, names.trouble)
        return Statement(
            kind=self.kind,
            effects=frozenset(names.effects),
            node=self.node,
            start=self.start,
            length=self.length,
            reads=tuple(names.reads),
            writes=_without_repeats(names.writes),
            calls=tuple(names.calls),
            operators=tuple(names.operators),
            types=tuple(names.types),
            columns=tuple(names.columns),
            drops=tuple(self.drops),
            key_terms=self.key_terms,
            reused_params=self.reused_params,
            has_where=names.has_where,
            control=self.control,
            chain=self.chain,
            name=self.name,
            setting=self.setting,
            calls_to_set=tuple(names.settings),
            inner=tuple(self.inner),
            outside_block=self.outside_block,
            temporary=self.temporary,
            copy_in=self.copy_in,
            files=self.files,
            with_hold=self.with_hold,
            excludes=self.excludes,
            subcommands=tuple(self.subcommands),
            details=tuple(dict.fromkeys(self.details)),
        )


def _without_repeats(writes: list[Write]) -> tuple[Write, ...]:
    return tuple(writes) if len(writes) < 2 else tuple(dict.fromkeys(writes))


def opaque(node: str, start: int, length: int, trouble: str) -> Statement:
    """The statement of which nothing is known. FAIL CLOSED: it may be outside a block, or anything else."""
    return Statement(StatementKind.OPAQUE, frozenset((Effect.OPAQUE,)), node, start, length, trouble=trouble)


def part_of(relation: Name, part: str) -> Name:
    """How a part of a relation is named in a DropTarget: the part, with its relation as schema."""
    return Name(part, str(relation))
