"""A draft takes over what it carries, and trouble anywhere makes it opaque."""

from __future__ import annotations

from pgguard.sql.draft import Draft, opaque, part_of
from pgguard.sql.read import read
from pgguard.sql.statement import Effect, Name, StatementKind

DELETE = read(b"delete from t using s where f(a)").statements[0]


def test_what_runs_counts_as_what_it_is() -> None:
    draft = Draft("ExplainStmt", kind=StatementKind.EXPLAIN)
    draft.carry(DELETE, runs=True)
    statement = draft.finish()

    assert (DELETE.effects, DELETE.writes, DELETE.calls) == (statement.effects, statement.writes, statement.calls)


def test_what_does_not_run_is_planned_and_reads_its_target() -> None:
    draft = Draft("ExplainStmt", kind=StatementKind.EXPLAIN)
    draft.carry(DELETE, runs=False)
    statement = draft.finish()

    assert ((), {Name("s"), Name("t")}, (Name("f"),)) == (statement.writes, set(statement.reads), statement.calls)
    assert not statement.effects


def test_trouble_inside_makes_the_outside_opaque() -> None:
    draft = Draft("ExplainStmt", kind=StatementKind.EXPLAIN)
    draft.carry(opaque("X", 0, 1, "unknown"), runs=False)

    assert (StatementKind.OPAQUE, {Effect.OPAQUE}, "unknown") == (
        draft.finish().kind,
        set(draft.finish().effects),
        draft.finish().trouble,
    )


def test_parts_of_a_relation() -> None:
    assert Name("a", "s.t") == part_of(Name("t", "s"), "a")
