"""ALTER TABLE: additive only when every subcommand is."""

from __future__ import annotations

import pytest

from pgguard.sql.alter import words
from pgguard.sql.read import read
from pgguard.sql.statement import Effect


@pytest.mark.parametrize(
    ("action", "effects"),
    [
        ("add column a int", {Effect.ADD}),
        ("add column a int, add column b int", {Effect.ADD}),
        ("alter a set default 1", {Effect.ADD}),
        ("alter a set not null", {Effect.ADD}),
        ("enable row level security", {Effect.ADD}),
        ("alter a drop default", {Effect.ALTER}),
        ("alter a drop not null", {Effect.ALTER}),
        ("alter a drop identity", {Effect.ALTER}),
        ("alter a drop expression", {Effect.ALTER}),
        ("enable replica trigger x", {Effect.ALTER}),
        ("set (fillfactor = 10)", {Effect.ALTER}),
        ("alter a type text", {Effect.ALTER}),
        ("no inherit p", {Effect.ALTER}),
        ("drop column a", {Effect.DROP}),
        ("add column a int, drop column b", {Effect.ADD, Effect.DROP}),
    ],
)
def test_effects(action: str, effects: set[Effect]) -> None:
    assert effects == read(f"alter table t {action}".encode()).statements[0].effects


def test_an_unknown_subcommand_is_alter() -> None:
    from pgguard.sql.classify import classify

    commands = [{"AlterTableCmd": {"subtype": "AT_Invented"}}]
    statement = classify({"AlterTableStmt": {"relation": {"relname": "t"}, "cmds": commands}}, 0, 1)

    assert {Effect.ALTER} == statement.effects


def test_words() -> None:
    assert ("disable trig user", "set unlogged") == (words("AT_DisableTrigUser"), words("AT_SetUnLogged"))
