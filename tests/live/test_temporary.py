"""Temporary tables of one's own are free to empty and to drop, whatever they are named like; real ones are not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from live.pgguard import Pgguard
from live.postgres import Postgres
from live.raw import Raw
from live.refusals import unharmed

pytestmark = pytest.mark.live

MINE = "create temp table work as select * from generate_series(1, 500) id"
SHADOW = "create temp table notes as select i as id, 'mine'::text as body, 0 as n from generate_series(1, 500) i"
BEHIND = "set search_path = public, pg_temp"  # the temporary schema is searched last, not first

FREE = {
    "truncate": (MINE, "truncate work"),
    "drop": (MINE, "drop table work"),
    "drop cascade": (MINE, "create temp view v as select * from work", "drop table work cascade"),
    "every row": (MINE, "update work set id = 0", "delete from work"),
    "truncate in front of a real one": (SHADOW, "truncate notes"),
    "drop in front of a real one": (SHADOW, "drop table notes"),
    "every row in front of a real one": (SHADOW, "update notes set n = 1", "delete from notes"),
    "by key in front of a real one": (SHADOW, "update notes set n = 1 where id = 7"),
    "alter in front of a real one": (SHADOW, "alter table notes drop column body", "alter table notes rename to other"),
    "qualified": (SHADOW, "truncate pg_temp.notes", "drop table pg_temp.notes"),
    "found last": ("create temp table work (id int)", BEHIND, "truncate work", "drop table work"),
    "discard temp": (MINE, SHADOW, "discard temp"),
    "in a block": ("begin", SHADOW, "truncate notes", "drop table notes", "commit"),
    "made and dropped by a DO": ("do $$ begin create temp table w as select 1; drop table w; end $$",),
    "on commit drop": ("begin", "create temp table notes (id int) on commit drop", "truncate notes", "commit"),
}  # fmt: skip

REAL = {
    "the real one behind it": (SHADOW, "truncate public.notes"),
    "dropped twice": (SHADOW, "drop table notes", "drop table notes"),
    "both at once": (SHADOW, "truncate notes, public.notes"),
    "found last": (SHADOW, BEHIND, "truncate notes"),
    "found last by a call": (SHADOW, "select set_config('search_path', 'public, pg_temp', false)", "drop table notes"),
    "found last in a DO": (SHADOW, f"do $$ begin execute '{BEHIND}'; truncate notes; end $$"),
    "gone after a rollback": ("begin", SHADOW, "rollback", "truncate notes"),
    "gone after a rollback to": ("begin", "savepoint a", SHADOW, "rollback to a", "delete from notes"),
    "gone after discard": (SHADOW, "discard all", "drop table notes"),
    "gone after on commit drop": (
        "begin", "create temp table notes (id int) on commit drop", "commit", "delete from notes",
    ),
    "through a temporary view": ("create temp view v as select * from public.notes", "delete from v"),
    "through a rule of a temporary table": (
        MINE, "create rule r as on insert to work do also delete from public.notes", "insert into work values (1)",
    ),
    "through a trigger of a temporary table": (
        MINE, "create function pg_temp.f() returns trigger language plpgsql as"
        " $$ begin delete from public.notes; return new; end $$",
        "create trigger t before insert on work for each row execute function pg_temp.f()",
        "insert into work values (1)",
    ),
    "a temporary child": ("create temp table child () inherits (public.notes)", "delete from notes"),
}  # fmt: skip


@pytest.fixture(scope="module")
def guard(server: Postgres) -> Iterator[Pgguard]:
    found = Pgguard(server).start()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def database(server: Postgres) -> Iterator[str]:
    """One for all: nothing is lost in it."""
    with server.fresh_database() as name:
        yield name


@pytest.mark.parametrize("texts", FREE.values(), ids=FREE.keys())
def test_ones_own_is_free(server: Postgres, guard: Pgguard, database: str, texts: tuple[str, ...]) -> None:
    with unharmed(server, database), Raw.connect(guard, "ann", database) as client:
        told = [message.fields["M"] for text in texts for message in client.query(text) if message.kind == "E"]

    assert [] == told


@pytest.mark.parametrize("texts", REAL.values(), ids=REAL.keys())
def test_a_real_one_is_not(server: Postgres, guard: Pgguard, database: str, texts: tuple[str, ...]) -> None:
    with unharmed(server, database), Raw.connect(guard, "ann", database) as client:
        client.query("set pgguard.environment = production")
        told = [m.fields["C"] for text in (*texts, "rollback") for m in client.query(text) if m.kind == "E"]

    assert told[-1] in ("PGG01", "PGG02"), told  # DISCARD ALL takes the claim as well
