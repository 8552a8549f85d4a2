"""docs/policy.md is complete and true: every key, match key, kind and check has its row, and every example loads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pgguard.policy import model, trial_shape
from pgguard.policy.load import loads
from pgguard.policy.match import CHECKS, DESTROYS, MATCHERS
from pgguard.policy.sqlstates import MEANINGS
from pgguard.sql.read import read
from pgguard.sql.statement import StatementKind

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "policy.md").read_text()
ROWS = {cells[0].strip("`"): cells[1:] for cells in (
    [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| `")
)}  # fmt: skip


def matchers_table() -> str:
    """The rows of the match keys, as the page must have them."""
    return "\n".join(
        f"| `{m.key}` | {m.doc} | {'yes' if m.who or m.key == 'table' else ''} |".replace("  |", " |") for m in MATCHERS
    )


def test_the_match_keys_are_as_in_the_code() -> None:
    assert matchers_table() in PAGE


@pytest.mark.parametrize("word", DESTROYS)
def test_what_destroys_knows(word: str) -> None:
    paragraph = PAGE.partition("What `destroys` knows: ")[2].partition("\n\n")[0]
    assert f"`{word}`" in paragraph


@pytest.mark.parametrize("check", CHECKS)
def test_every_check_stands_with_a_kind(check: str) -> None:
    assert any(check in ROWS[kind.value][3] for kind in StatementKind)


@pytest.mark.parametrize("part", [model.Policy, model.Limit, model.Rule, trial_shape.Trial, trial_shape.Given])
def test_every_key_is_described(part: type[model.Part]) -> None:
    described = set(re.findall(r"`([a-z_]+)`", PAGE))
    assert {field.alias or name for name, field in part.model_fields.items()} <= described


@pytest.mark.parametrize("part", [model.Claims, model.Approval, trial_shape.Expect, model.Exception_, model.Server])
def test_every_inner_key_is_named(part: type[model.Part]) -> None:
    named = set(re.findall(r"`([a-z_]+)[`:]", PAGE))
    assert {field.alias or name for name, field in part.model_fields.items()} <= named


@pytest.mark.parametrize("kind", list(StatementKind))
def test_every_kind_has_its_row(kind: StatementKind) -> None:
    assert len(ROWS[kind.value]) == 4


@pytest.mark.parametrize(
    "sql",
    [
        "select 1",
        "with d as (delete from a returning 1) select 1",
        "insert into a values (1)",
        "insert into a values (1) on conflict (id) do update set b = 1",
        "update a set b = 1",
        "delete from a",
        "merge into a using b on a.id = b.id when matched then delete when not matched then insert values (1)",
        "truncate a",
        "copy a to stdout",
        "copy a from stdin",
        "copy (delete from a returning 1) to stdout",
        "create table a (b int)",
        "create or replace view a as select 1",
        "create trigger t before insert on a for each row execute function f()",
        "create table a as select 1",
        "create extension hstore",
        "alter table a add column b int",
        "alter table a drop column b",
        "alter table a rename to b",
        "security label on table a is 'x'",
        "drop table a",
        "comment on table a is 'x'",
        "grant select on a to b",
        "revoke a from b",
        "create role a",
        "drop role a",
        "drop owned by a",
        "begin",
        "commit",
        "set a.b = 1",
        "discard all",
        "listen a",
        "prepare a as delete from b",
        "execute a",
        "deallocate a",
        "declare a cursor for select 1",
        "fetch a",
        "explain delete from a",
        "explain analyze delete from a",
        "lock table a",
        "do $$ begin end $$",
        "call a()",
        "vacuum a",
        "analyze a",
        "reindex table a",
        "cluster a",
        "refresh materialized view a",
        "checkpoint",
        "create database a",
        "drop database a",
        "alter system set a = 1",
        "load 'a'",
        "nonsense",
    ],
)
def test_the_effects_of_statements_stand_in_their_row(sql: str) -> None:
    (statement,) = read(sql.encode()).statements
    described = set(re.findall(r"[a-z]+", ROWS[statement.kind.value][1]))
    carried = {effect for inner in statement.inner for effect in inner.effects}  # "what its query does"
    assert {effect.value for effect in statement.effects - carried} <= described, statement


def test_sqlstates_of_decisions() -> None:
    assert set(re.findall(r"PGG0\d", PAGE)) <= set(MEANINGS)


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_examples_load_and_pass(example: str) -> None:
    assert loads(example).version == 1
