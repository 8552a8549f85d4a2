"""The test tooling against servers directly: what it says of them is what they did."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from live import frontend as f
from live.backend import Message, Transcript
from live.endpoint import clean_environment
from live.pgguard import READY
from live.postgres import Postgres
from live.raw import Raw, SignInRefused, cancel


@pytest.fixture
def raw(server: Postgres, database: str) -> Iterator[Raw]:
    with Raw.connect(server, "ann", database) as connection:
        yield connection


def kinds(messages: list[Message]) -> str:
    return "".join(message.kind for message in messages)


def test_the_company_is_complete(server: Postgres, database: str) -> None:
    counts = {
        table: server.value(f"select count(*) from {table}", dbname=database)
        for table in ("accounts", "inventory", "orders", "order_items", "invoices", "notes", "events")
    }

    assert counts == {
        "accounts": 200, "inventory": 2000, "orders": 400, "order_items": 1200, "invoices": 300, "notes": 1000,
        "events": 300,
    }  # fmt: skip
    assert server.sql("delete from accounts", user="ann", dbname=database) == []
    assert server.value("select count(*) from order_items", dbname=database) == 0


def test_databases_do_not_see_each_other(server: Postgres, database: str) -> None:
    with server.fresh_database() as other:
        server.sql("truncate notes", user="ann", dbname=other)
        assert server.value("select count(*) from notes", dbname=database) == 1000


def test_the_admin_role_is_what_serve_needs(server: Postgres) -> None:
    assert server.sql(
        "select pg_has_role(current_user, 'pg_monitor', 'member'), pg_has_role(current_user, 'dba', 'member')",
        user="pgguard_admin",
    ) == [(True, False)]


@pytest.mark.parametrize(("user", "challenge"), [("ann", 10), ("mary_md5", 5), ("paul_password", 3), ("tess_trust", 0)])
def test_sign_in(server: Postgres, user: str, challenge: int) -> None:
    with Raw.connect(server, user, "postgres") as raw:
        assert raw.challenge == challenge
        assert raw.pid > 0
        assert raw.parameters["server_encoding"] == "UTF8"


@pytest.mark.parametrize("user", ["ann", "mary_md5", "paul_password"])
def test_a_wrong_password_is_refused(server: Postgres, user: str) -> None:
    with pytest.raises(SignInRefused) as refused:
        Raw.connect(server, user, "postgres", password="wrong")

    assert refused.value.fields["C"] == "28P01"


def test_psql_reports_what_the_server_said(server: Postgres, database: str) -> None:
    ran = server.psql("select 1/0;\nselect 'still here';", user="ann", dbname=database, args=["-At"])

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "still here\n", "ERROR:  division by zero\n")
    assert server.psql(user="ann", dbname=database, args=["-c", "select 1/0"]).returncode == 1


def test_simple_query(raw: Raw) -> None:
    lines = raw.transcript(raw.query("select 1 as one, null as none; select 1/0; select 2"))

    assert lines[:3] == [
        "RowDescription one 0.0 type 23 4 -1 format 0; none 0.0 type 25 -1 -1 format 0",
        "DataRow [b'1', None]",
        "CommandComplete SELECT 1",
    ]
    assert lines[3].startswith("ErrorResponse S='ERROR' V='ERROR' C='22012' M='division by zero'")
    assert lines[4:] == ["ReadyForQuery I"]


def test_extended_query(raw: Raw) -> None:
    messages = raw.ask(f.run("select $1::int + 1", ["41"]), f.sync())

    assert kinds(messages) == "12TDCZ"
    assert messages[3].row == [b"42"]


def test_every_builder_is_understood(raw: Raw) -> None:
    assert kinds(raw.ask(f.parse("select $1::int", "s1", [23]), f.describe("S", "s1"), f.sync())) == "1tTZ"
    bound = f.bind([b"\0\0\0\7"], "s1", "", [1], [1])
    assert kinds(raw.ask(bound, f.execute(), f.close("S", "s1"), f.sync())) == "2DC3Z"
    raw.send(f.parse("select 1"), f.flush())
    assert kinds(raw.take(1)) == "1"
    assert raw.is_quiet()
    assert kinds(raw.ask(f.bind(), f.sync())) == "2Z"
    assert kinds(raw.ask(f.function_call(1299))) == "VZ"  # now()
    assert kinds(raw.ask(f.query("copy places from stdin"), f.copy_data("20\t20\n"), f.copy_done())) == "GCZ"
    assert kinds(raw.ask(f.query("copy places from stdin"), f.copy_fail("no"))) == "GEZ"
    assert kinds(raw.ask(f.query("copy (select 1) to stdout"))) == "HdcCZ"
    assert kinds(raw.ask(f.query(""))) == "IZ"
    raw.send(f.terminate())
    assert raw.is_closed()


def test_row_limit(raw: Raw) -> None:
    assert kinds(raw.ask(f.query("begin"))) == "CZ"
    assert kinds(raw.ask(f.run("select generate_series(1, 3)", rows=2), f.execute(), f.sync())) == "12TDDsDCZ"


def test_requests_before_the_startup(server: Postgres) -> None:
    raw = Raw(server.host, server.port)
    with raw:
        raw.send(f.ssl_request())
        assert raw.socket.recv(1) in (b"N", b"S")


def test_cancel(server: Postgres, raw: Raw) -> None:
    raw.send(f.query("select pg_sleep(30)"))
    server.wait_until(f"select count(*) = 1 from pg_stat_activity where pid = {raw.pid} and wait_event = 'PgSleep'")
    cancel(server, raw.pid, raw.key)

    assert raw.until_ready()[-2].fields["C"] == "57014"


def test_vanish_is_noticed(server: Postgres, raw: Raw) -> None:
    raw.query("begin; delete from notes")
    raw.vanish()
    server.wait_until(f"select not exists (select from pg_stat_activity where pid = {raw.pid})")


def test_transcripts_of_two_databases_are_equal(server: Postgres, database: str) -> None:
    script = [
        "listen l; notify l",
        "create table fresh (a int, b oid)",
        "select * from fresh",
        "select * from notes where id = 1",
    ]
    with server.fresh_database() as other:
        transcripts = []
        for name in (database, other):
            with Raw.connect(server, "ann", name) as raw:
                oids: dict[int, str] = {}
                transcripts.append([raw.transcript(raw.query(step), oids) for step in script])

    assert transcripts[0] == transcripts[1]
    assert "NotificationResponse from self l ''" in transcripts[0][0]


def test_transcript_tells_differences_apart() -> None:
    transcript = Transcript()

    assert transcript.line(Message("C", b"DELETE 1\0")) != transcript.line(Message("C", b"DELETE 2\0"))
    assert transcript.line(Message("E", b"SERROR\0Mno\0\0")) == "ErrorResponse S='ERROR' M='no'"


def test_the_ready_line() -> None:
    line = "pgguard ready: listen=127.0.0.1:6432 upstream=127.0.0.1:5432 policy=production rules=7 mode=enforce\n"
    found = READY.fullmatch(line)

    assert found
    assert found.groupdict() == {
        "host": "127.0.0.1", "port": "6432", "upstream": "127.0.0.1:5432", "policy": "production", "rules": "7",
        "mode": "enforce",
    }  # fmt: skip
    assert not READY.fullmatch("starting ...\n" + line)


def test_the_environment_of_the_machine_does_not_reach_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c search_path=elsewhere")

    assert "PGOPTIONS" not in clean_environment()
    assert clean_environment({"PGOPTIONS": "x"})["PGOPTIONS"] == "x"
