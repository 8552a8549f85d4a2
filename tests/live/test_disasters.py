"""The disasters are real: with nobody between psql and the server each of them destroys what it says."""

from __future__ import annotations

import pytest
from live.disasters import (
    BEHIND_A_HARMLESS_LOOK,
    IMMUTABLE,
    INSERT_TRIGGER,
    INSIDE_COMMIT,
    NOT_HELD_BACK,
    OBJECTS,
    PURGING_INDEX,
    ROWS,
    SAFETY,
    Rows,
)  # fmt: skip
from live.endpoint import Ran
from live.postgres import Postgres
from live.refusals import snapshot

pytestmark = pytest.mark.live


def direct(server: Postgres, database: str, text: str, setting: str = "") -> Ran:
    made = server.psql(setting, user="postgres", dbname=database, args=["-v", "ON_ERROR_STOP=1"])
    assert made.returncode == 0, made.stderr
    before = snapshot(server, database)
    ran = server.psql(user="ann", dbname=database, args=["-c", text])
    assert ran.returncode == 0, ran.stderr
    assert snapshot(server, database) != before
    return ran


@pytest.mark.parametrize(("text", "rows"), ROWS)
def test_rows(server: Postgres, database: str, text: str, rows: Rows) -> None:
    def count(table: str) -> int:
        number: int = server.value(f"select count(*) from {table}", dbname=database)
        return number

    deleting = {table: number for table, (number, verb) in rows.items() if verb == "deleted"}
    before = {table: count(table) for table in deleting}
    direct(server, database, text)

    assert {table: before[table] - count(table) for table in deleting} == deleting


@pytest.mark.parametrize("text", [text for text, _ in OBJECTS] + INSIDE_COMMIT)
def test_objects(server: Postgres, database: str, text: str) -> None:
    direct(server, database, text)


@pytest.mark.parametrize("text", SAFETY)
def test_safety(server: Postgres, database: str, text: str) -> None:
    direct(server, database, text, INSERT_TRIGGER)


@pytest.mark.parametrize(("setting", "text"), BEHIND_A_HARMLESS_LOOK)
def test_code_behind_a_harmless_look(server: Postgres, database: str, setting: str, text: str) -> None:
    direct(server, database, text, setting)

    assert server.value("select count(*) from invoices", dbname=database) == 0


@pytest.mark.parametrize("text", NOT_HELD_BACK)
def test_code_that_cannot_be_held_back(server: Postgres, database: str, text: str) -> None:
    direct(server, database, text, IMMUTABLE + ("" if text.startswith("create") else PURGING_INDEX))

    assert server.value("select count(*) from invoices", dbname=database) == 0
