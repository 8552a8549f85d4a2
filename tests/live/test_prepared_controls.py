"""Prepared COMMITs, names that unread code gives to something else, and drivers that keep both."""

from __future__ import annotations

import pytest
from live import frontend as f
from live.pgguard import Pgguard
from live.postgres import Postgres
from live.raw import Raw

pytestmark = pytest.mark.live

REPLACE = "do $$ begin execute 'deallocate s1'; execute 'prepare s1 as delete from notes'; end $$"
RUN_S1 = [f.bind([], "s1"), f.execute(), f.sync()]
ATTACKS: dict[str, list[list[bytes]]] = {
    "a COMMIT that became a DELETE": [
        [f.parse("commit", "s1"), f.sync()], [f.query(REPLACE)], [f.query("execute s1")],
    ],
    "a SELECT that became a DELETE before it was confirmed": [
        [f.parse("select 1", "s1"), f.parse(REPLACE, "s2"), f.bind([], "s2"), f.execute(), f.sync()], RUN_S1,
    ],
    "a COMMIT run by EXECUTE": [[f.parse("commit", "s1"), f.sync()], [f.query("delete from notes; execute s1")]],
    "and in a block": [[f.parse("commit", "s1"), f.sync()], [f.query("begin; delete from notes; execute s1")]],
    "a COMMIT run by code": [
        [f.parse("commit", "s1"), f.sync()],
        [f.query("do $$ begin delete from notes; execute 'execute s1'; end $$")],
    ],
    "a COMMIT run by code in a pipeline": [
        [f.parse("commit", "s1"), f.parse("do $$ begin delete from notes; execute 'execute s1'; end $$", "s2"),
         f.bind([], "s2"), f.execute(), f.sync()],
    ],
    "a COMMIT run by a deferred trigger": [
        [f.parse("commit", "s1"), f.sync()],
        [f.query("begin")], [f.query("insert into fired values (1)")], RUN_S1,
    ],
}  # fmt: skip
FIRED = """create table fired (id int);
create function commits() returns trigger language plpgsql as
    $$ begin delete from notes; execute 'execute s1'; return null; end $$;
create constraint trigger late after insert on fired deferrable initially deferred
    for each row execute function commits()"""


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_is_lost(server: Postgres, guard: Pgguard, database: str, name: str) -> None:
    server.sql(FIRED, user="ann", dbname=database)
    with Raw.connect(guard, "ann", database) as raw:
        for step in ATTACKS[name]:
            raw.ask(*step)

    assert server.value("select count(*) from notes", dbname=database) == 1000


def test_a_driver_that_keeps_its_transaction_statements_notices_nothing(
    server: Postgres, guard: Pgguard, database: str
) -> None:
    """pgjdbc prepares BEGIN and COMMIT under names after the fifth use, and never parses them again."""

    def run(raw: Raw, *names: str) -> str:
        messages = raw.ask(*(part for name in names for part in (f.bind([], name), f.execute())), f.sync())
        return "".join(message.kind for message in messages)

    unread = FIRED.replace("delete from notes; execute 'execute s1'", "execute 'select 1'")
    server.sql(unread, user="ann", dbname=database)
    with Raw.connect(guard, "ann", database) as raw:
        for name, text in (
            ("b", "begin"), ("c", "commit"), ("r", "rollback"), ("i", "insert into notes values (2000 + $1::int)"),
            ("bad", "select 1/0"),
        ):  # fmt: skip
            raw.ask(f.parse(text, name), f.sync())
        for _ in range(2):
            raw.query("do $$ begin perform 1; end $$")
            assert run(raw, "b") == "2CZ"
            raw.ask(f.bind(["1"], "i"), f.execute(), f.sync())
            raw.query("do $$ begin perform 1; end $$")
            assert run(raw, "r") == "2CZ"
        assert run(raw, "b", "bad")[-2:] == "EZ"
        assert run(raw, "r") == "2CZ"
        assert run(raw, "b") == "2CZ"
        raw.ask(f.bind(["1"], "i"), f.execute(), f.sync())
        assert run(raw, "c") == "2CZ"
        raw.query("do $$ begin perform 1; end $$")
        assert run(raw, "b", "c") == "2C2CZ"
        raw.query("begin; insert into fired values (1)")
        assert run(raw, "c") == "2CZ"
        assert run(raw, "b") == "2CZ"
        raw.query("insert into fired values (1)")
        assert run(raw, "c", "b", "c") == "2C2C2CZ"

    assert server.value("select count(*) from notes", dbname=database) == 1001


def test_what_cannot_be_parsed_again_fails_as_its_bind_would_have(guard: Pgguard, database: str) -> None:
    with Raw.connect(guard, "ann", database) as raw:
        raw.query("create temp table fleeting (id int)")
        raw.ask(f.parse("select * from fleeting", "s1"), f.sync())
        raw.query("do $$ begin drop table fleeting; end $$")
        answer = raw.ask(*RUN_S1)

        assert [message.kind for message in answer] == ["E", "Z"]
        assert answer[0].fields["C"] == "42P01"
        assert [message.kind for message in raw.query("select 1")] == ["T", "D", "C", "Z"]
