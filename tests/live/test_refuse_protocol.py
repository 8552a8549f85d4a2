"""Refusals message by message: in every form of a statement, data and status are PostgreSQL's own."""

from __future__ import annotations

import psycopg
import pytest
from live import frontend as f
from live.backend import Message
from live.disasters import IMMUTABLE, INSERT_TRIGGER
from live.pgguard import Pgguard
from live.postgres import Postgres
from live.raw import Raw
from live.refusals import from_psycopg, from_raw, unharmed

pytestmark = pytest.mark.live

DELETE = "delete from notes where n = 0"


def kinds(messages: list[Message]) -> str:
    return "".join(message.kind for message in messages)


def status(messages: list[Message]) -> str:
    assert messages[-1].kind == "Z"
    return messages[-1].tag


def test_autocommit(guard: Pgguard, server: Postgres, database: str) -> None:
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        messages = raw.query(DELETE)

        assert (kinds(messages), status(messages)) == ("EZ", "I")
        assert from_raw(messages).sqlstate == "PGG02"
        assert messages[0].fields["S"] == messages[0].fields["V"] == "ERROR"
        assert kinds(raw.query("select 1")) == "TDCZ"


def test_rows_stream_before_the_refusal(guard: Pgguard, server: Postgres, database: str) -> None:
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        messages = raw.query("select 1; " + DELETE + " returning id; select 2")

        assert kinds(messages).startswith("TDC")
        assert "E" in kinds(messages)
        assert status(messages) == "I"
        assert next(m.tag for m in messages if m.kind == "C") == "SELECT 1"


def test_in_a_block(guard: Pgguard, server: Postgres, database: str) -> None:
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        assert status(raw.query("begin")) == "T"
        assert status(raw.query("insert into notes values (5000)")) == "T"
        messages = raw.query(DELETE)
        assert (kinds(messages), status(messages)) == ("EZ", "E")
        assert from_raw(raw.query("select 1")).sqlstate == "25P02"
        commit = raw.query("commit")
        assert (commit[0].tag, status(commit)) == ("ROLLBACK", "I")


def test_savepoint_saves_the_block(guard: Pgguard, server: Postgres, database: str) -> None:
    with Raw.connect(guard, "ann", database) as raw:
        for text in ("begin", "insert into notes values (5000)", "savepoint s"):
            raw.query(text)
        assert status(raw.query(DELETE)) == "E"
        assert status(raw.query("rollback to s")) == "T"
        assert kinds(raw.query("select count(*) from notes")) == "TDCZ"
        commit = raw.query("commit")
        assert (commit[0].tag, status(commit)) == ("COMMIT", "I")
    assert server.value("select count(*) from notes", dbname=database) == 1001


def test_the_sum_of_a_transaction(guard: Pgguard, server: Postgres, database: str) -> None:
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        raw.query("begin")
        assert kinds(raw.query("delete from notes where id <= 60")) == "CZ"
        refused = from_raw(raw.query("delete from notes where id <= 120"))
        assert refused.rows == {"notes": (120, "deleted")}
        raw.query("rollback")


def test_rolled_back_work_does_not_count(guard: Pgguard, server: Postgres, database: str) -> None:
    with Raw.connect(guard, "ann", database) as raw:
        for text in ("begin", "savepoint s", "delete from notes where id <= 60", "rollback to s"):
            assert status(raw.query(text)) == "T"
        assert kinds(raw.query("delete from notes where id <= 60")) == "CZ"
        assert raw.query("commit")[0].tag == "COMMIT"
        # Neither does that of transactions before: each has its own sum, also when nothing was flushed in between.
        for first in (61, 121, 181):
            assert kinds(raw.query(f"delete from notes where id between {first} and {first + 59}")) == "CZ"
        raw.query("begin; delete from notes where id <= 340; rollback")
        assert kinds(raw.query("delete from notes where id <= 300")) == "CZ"
    assert server.value("select count(*) from notes", dbname=database) == 700


def test_extended(guard: Pgguard, server: Postgres, database: str) -> None:
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        messages = raw.ask(f.run("delete from notes where n = $1", ["0"]), f.sync())

        assert (kinds(messages), status(messages)) == ("12nEZ", "I")
        assert from_raw(messages).rows == {"notes": (1000, "deleted")}
        assert kinds(raw.ask(f.run("select $1::text", ["x"]), f.sync())) == "12TDCZ"


def test_a_pipeline_is_skipped_to_its_sync(guard: Pgguard, server: Postgres, database: str) -> None:
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        messages = raw.ask(
            f.run("insert into notes values (5000)"), f.run(DELETE), f.run("select 3"), f.sync(),
            f.run("select 4"), f.sync(),
        )  # fmt: skip
        assert kinds(messages) == "12nC12nEZ"
        assert kinds(raw.until_ready()) == "12TDCZ"


def test_row_limit_does_not_hide_a_delete(guard: Pgguard, server: Postgres, database: str) -> None:
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        messages = raw.ask(f.run("delete from notes returning id", rows=1), f.sync())

        assert from_raw(messages).sqlstate == "PGG02"


@pytest.mark.parametrize(
    "then", [f.query("select 1"), f.query("select 1; select 2"), f.query("commit"), f.function_call(1299)]
)
def test_a_query_behind_messages_without_sync(guard: Pgguard, server: Postgres, database: str, then: bytes) -> None:
    """Each of these commits what came before it on some version of PostgreSQL."""
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        raw.send(f.run(DELETE), then, f.sync())
        messages = raw.until("E")

        assert from_raw(messages).sqlstate == "PGG02"


@pytest.mark.parametrize("text", ["commit", "prepare transaction 'x'", "commit and chain", "rollback; select 1"])
def test_a_transaction_statement_in_the_batch(guard: Pgguard, server: Postgres, database: str, text: str) -> None:
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        raw.send(f.run(DELETE), f.run(text), f.sync())
        assert from_raw(raw.until_ready()).sqlstate in ("PGG02", "PGG05")


def test_two_phase(guard: Pgguard, server: Postgres, database: str) -> None:
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        raw.query("begin")
        assert kinds(raw.query("delete from notes where id <= 60")) == "CZ"
        assert status(raw.query("delete from invoices where id <= 55")) == "E"
        assert raw.query("prepare transaction 'x'")[0].tag == "ROLLBACK"


def test_bind_alone_runs_immutable_code(guard: Pgguard, server: Postgres, database: str) -> None:
    assert server.psql(IMMUTABLE, user="postgres", dbname=database).returncode == 0
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        messages = raw.ask(f.parse("select declared_immutable(1)"), f.bind(), f.sync())

        assert from_raw(messages).sqlstate in ("PGG02", "PGG05")


def test_bind_alone_runs_a_domains_check(guard: Pgguard, server: Postgres, database: str) -> None:
    setting = IMMUTABLE + "create domain evil as int check (declared_immutable(value) > 0);"
    assert server.psql(setting, user="postgres", dbname=database).returncode == 0
    oid = server.value("select 'evil'::regtype::oid", dbname=database)
    for parsed in (f.parse("select $1::evil"), f.parse("select $1", types=[oid])):
        with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
            assert from_raw(raw.ask(parsed, f.bind(["1"]), f.sync())).sqlstate in ("PGG02", "PGG05")


def test_function_call(guard: Pgguard, server: Postgres, database: str) -> None:
    oid = server.value("select 'purge'::regproc::oid", dbname=database)
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        messages = raw.ask(f.function_call(oid))

        assert from_raw(messages).rows == {"invoices": (300, "deleted")}
        assert status(messages) == "I"


@pytest.mark.parametrize("extended", [False, True])
def test_copy_in_with_a_trigger(guard: Pgguard, server: Postgres, database: str, extended: bool) -> None:
    assert server.psql(INSERT_TRIGGER, user="postgres", dbname=database).returncode == 0
    copy = "copy notes (id) from stdin"
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        raw.send(f.run(copy) + f.flush() if extended else f.query(copy))
        assert raw.until("G")[-1].kind == "G"
        raw.send(f.copy_data("5000\n"), f.copy_done(), f.sync() if extended else b"")
        messages = raw.until_ready()

        assert from_raw(messages).rows == {"invoices": (300, "deleted")}
        assert status(messages) == "I"


def test_a_name_that_means_something_else_by_now(guard: Pgguard, server: Postgres, database: str) -> None:
    """A DO can put another statement under a prepared name; behind it the name means again what the client parsed."""
    swap = "do $$ begin execute 'deallocate s1'; execute 'prepare s1 as delete from notes'; end $$"
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        assert kinds(raw.ask(f.parse("select 1", "s1"), f.sync())) == "1Z"
        assert "E" not in kinds(raw.query(swap))
        assert kinds(raw.ask(f.bind((), "s1"), f.execute(), f.sync())) == "2DCZ"
        assert kinds(raw.query(swap)) == "CZ"
        assert from_raw(raw.query("execute s1")).sqlstate in ("PGG02", "PGG05")


def test_search_path_moves_a_prepared_statement(guard: Pgguard, server: Postgres, database: str) -> None:
    """Unique by id in one schema, 800 rows of the same id in the other."""
    server.sql("create schema other authorization ann", dbname=database)
    server.sql("create table other.notes as select 1 as id, 'x' as body from generate_series(1, 800)", dbname=database)
    server.sql("grant all on other.notes to ann", dbname=database)
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        assert kinds(raw.ask(f.parse("delete from notes where id = 1", "d1"), f.sync())) == "1Z"
        raw.query("set search_path = other")
        messages = raw.ask(f.bind((), "d1"), f.execute(), f.sync())

        assert from_raw(messages).rows == {"other.notes": (800, "deleted")}


def test_psycopg(guard: Pgguard, server: Postgres, database: str) -> None:
    with unharmed(server, database), guard.connect("ann", database) as connection:
        for prepare in (False, True, True):
            with pytest.raises(psycopg.Error) as error:
                connection.execute("delete from notes where n = %s", [0], prepare=prepare)
            refused = from_psycopg(error.value)
            assert refused.sqlstate == "PGG02"
            assert refused.rows == {"notes": (1000, "deleted")}
            assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        assert connection.execute("select 1").fetchone() == (1,)


def test_psycopg_transaction(guard: Pgguard, server: Postgres, database: str) -> None:
    with unharmed(server, database), guard.connect("ann", database, autocommit=False) as connection:
        connection.execute("insert into notes values (5000)")
        with pytest.raises(psycopg.Error):
            connection.execute(DELETE)
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR
        connection.rollback()


def test_psycopg_pipeline(guard: Pgguard, server: Postgres, database: str) -> None:
    with unharmed(server, database), guard.connect("ann", database) as connection:
        with pytest.raises(psycopg.Error) as error, connection.pipeline() as pipeline:
            connection.execute("insert into notes values (%s)", [5000])
            connection.execute("delete from notes where n = %s", [0])
            connection.execute("insert into notes values (%s)", [5001])
            pipeline.sync()
        assert from_psycopg(error.value).sqlstate == "PGG02"
    # Many small ones add up within one implicit transaction, too.
    connection = guard.connect("ann", database)
    with unharmed(server, database), connection, pytest.raises(psycopg.Error), connection.pipeline():
        for first in range(1, 300, 50):
            connection.execute("delete from notes where id between %s and %s", [first, first + 49])
