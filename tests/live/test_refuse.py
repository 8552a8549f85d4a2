"""Statements that would destroy more than the policy allows, typed into psql: refused in words, nothing changed."""

from __future__ import annotations

import re

import pytest
from live.disasters import (
    BEHIND,
    BEHIND_A_HARMLESS_LOOK,
    COMPANY,
    IMMUTABLE,
    INSERT_TRIGGER,
    INSIDE_COMMIT,
    NOT_HELD_BACK,
    OBJECTS,
    PURGED,
    PURGING_INDEX,
    ROWS,
    SAFETY,
    Rows,
)
from live.pgguard import Pgguard
from live.postgres import Postgres
from live.refusals import CLAIM, VERBOSE, Refused, from_psql, unharmed

pytestmark = pytest.mark.live


def refuse(
    guard: Pgguard, server: Postgres, database: str, text: str, *, env: dict[str, str] | None = None, one: bool = True
) -> Refused:
    """Run ``text`` as ann through psql, as one string or as a script; it is refused and nothing has changed."""
    with unharmed(server, database):
        if one:
            ran = guard.psql(user="ann", dbname=database, args=[*VERBOSE, "-c", text], env=env)
            assert ran.returncode == 1, ran.stderr
        else:
            ran = guard.psql(text, user="ann", dbname=database, args=VERBOSE, env=env)
        return from_psql(ran)


def test_delete_without_where(guard: Pgguard, server: Postgres, database: str) -> None:
    refused = refuse(guard, server, database, "delete from accounts")

    assert refused.sqlstate == "PGG02"
    assert re.match(r'approval required: request \d+, rule "people", 3800 rows \(limit 100\)', refused.message)
    assert {
        "accounts: 200 rows deleted",
        "inventory: 2000 rows deleted, probably by cascade from accounts",
        "orders: 400 rows deleted, probably by cascade from accounts",
        "order_items: 1200 rows deleted, probably by cascade from orders",
    } <= set(refused.lines)
    assert refused.rows == COMPANY
    assert f"request {refused.request}" in refused.hint


@pytest.mark.parametrize(("text", "rows"), ROWS)
def test_rows(guard: Pgguard, server: Postgres, database: str, text: str, rows: Rows) -> None:
    refused = refuse(guard, server, database, text)

    assert refused.sqlstate == "PGG02"
    assert refused.rows == rows
    total = sum(number for number, _ in rows.values())
    assert f'rule "people", {total} rows (limit 100)' in refused.message


def test_what_postgresql_refuses_keeps_its_own_words(guard: Pgguard, server: Postgres, database: str) -> None:
    refused = refuse(guard, server, database, "with a as (with b as (delete from notes returning 1) select 1) select 1")

    assert refused.sqlstate == "0A000"


def test_cascades_are_told_from_the_target(guard: Pgguard, server: Postgres, database: str) -> None:
    assert refuse(guard, server, database, "delete from accounts").by_cascade == BEHIND


@pytest.mark.parametrize(("text", "words"), OBJECTS)
def test_objects(guard: Pgguard, server: Postgres, database: str, text: str, words: list[str]) -> None:
    refused = refuse(guard, server, database, text, env=CLAIM)

    assert refused.sqlstate == "PGG02"
    for expected in words:
        assert expected in "\n".join(refused.lines)
    assert refused.request


@pytest.mark.parametrize("text", ["drop table invoices", "truncate notes", "select drop_hidden()"])
def test_destroying_without_a_claim(guard: Pgguard, server: Postgres, database: str, text: str) -> None:
    refused = refuse(guard, server, database, text)

    assert refused.sqlstate == "PGG01"
    assert "pgguard.environment" in refused.message + refused.detail + refused.hint


def test_a_claim_of_another_environment(guard: Pgguard, server: Postgres, database: str) -> None:
    staging = {"PGOPTIONS": "-c pgguard.environment=staging"}

    for text in ("drop table invoices", "delete from notes where id = 1", "select 1"):
        assert refuse(guard, server, database, text, env=staging).sqlstate == "PGG01"
    ran = guard.psql(
        "set pgguard.environment = production; select 'on we go';",
        user="ann",
        dbname=database,
        args=["-At"],
        env=staging,
    )
    assert "on we go" in ran.stdout


@pytest.mark.parametrize(("setting", "text"), BEHIND_A_HARMLESS_LOOK)
def test_code_behind_a_harmless_look(guard: Pgguard, server: Postgres, database: str, setting: str, text: str) -> None:
    made = server.psql(setting, user="postgres", dbname=database, args=["-v", "ON_ERROR_STOP=1"])
    assert made.returncode == 0, made.stderr
    refused = refuse(guard, server, database, text)

    assert refused.sqlstate == "PGG02"
    assert refused.rows == PURGED


@pytest.mark.parametrize("text", INSIDE_COMMIT)
def test_code_that_runs_inside_commit(guard: Pgguard, server: Postgres, database: str, text: str) -> None:
    assert refuse(guard, server, database, text).sqlstate in ("PGG02", "PGG05")


@pytest.mark.parametrize("text", NOT_HELD_BACK)
def test_code_that_cannot_be_held_back(guard: Pgguard, server: Postgres, database: str, text: str) -> None:
    setting = IMMUTABLE + ("" if text.startswith("create") else PURGING_INDEX)
    server.psql(setting, user="postgres", dbname=database)

    assert refuse(guard, server, database, text).sqlstate in ("PGG02", "PGG05")


@pytest.mark.parametrize("text", SAFETY)
def test_safety(guard: Pgguard, server: Postgres, database: str, text: str) -> None:
    server.psql(INSERT_TRIGGER, user="postgres", dbname=database)
    refused = refuse(guard, server, database, text, env=CLAIM)

    assert refused.sqlstate == "PGG02"
    assert 'rule "safety"' in refused.message


def test_the_application_has_its_own_limit(guard: Pgguard, server: Postgres, database: str) -> None:
    allowed = "delete from notes where id <= 150"
    assert refuse(guard, server, database, allowed).rows == {"notes": (150, "deleted")}

    assert guard.psql(user="app", dbname=database, args=["-c", allowed]).stdout == "DELETE 150\n"
    assert server.value("select count(*) from notes", dbname=database) == 850
    with unharmed(server, database):
        ran = guard.psql(user="app", dbname=database, args=[*VERBOSE, "-c", "delete from notes"])
        assert 'rule "most-of-a-table"' in from_psql(ran).message


def test_the_same_again_is_the_same_request(guard: Pgguard, server: Postgres, database: str) -> None:
    first = refuse(guard, server, database, "delete from notes")

    assert refuse(guard, server, database, "delete  from notes -- again").request == first.request
    assert refuse(guard, server, database, "delete from invoices").request != first.request


def test_a_script_goes_on_after_a_refusal(guard: Pgguard, server: Postgres, database: str) -> None:
    script = "select 'before';\ndelete from accounts;\nselect 'after';\nupdate notes set n = 7 where id = 1;\n"
    ran = guard.psql(script, user="ann", dbname=database, args=["-At", *VERBOSE])

    assert ran.stdout == "before\nafter\nUPDATE 1\n"
    assert from_psql(ran).sqlstate == "PGG02"
    assert server.value("select count(*) from accounts", dbname=database) == 200
    assert server.value("select n from notes where id = 1", dbname=database) == 7


def test_single_transaction_rolls_back_whole(guard: Pgguard, server: Postgres, database: str) -> None:
    script = "insert into notes values (9001);\ndelete from accounts;\ninsert into notes values (9002);\n"
    with unharmed(server, database):
        ran = guard.psql(script, user="ann", dbname=database, args=["-1", "-v", "ON_ERROR_STOP=1", *VERBOSE])

        assert from_psql(ran).sqlstate == "PGG02"
        assert ran.returncode == 3
