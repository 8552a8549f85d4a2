"""No text ends or fools pgguard: what is too deep, too long or strangely encoded is the server's error, or PGG05."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from live import frontend as f
from live.backend import Message
from live.pgguard import Pgguard
from live.postgres import Postgres
from live.raw import Raw
from live.refusals import unharmed

pytestmark = pytest.mark.live

N = 100_000
DEEP = {
    "parentheses": "select " + "(" * N + "1" + ")" * N,
    "subqueries": "select * from " + "(select * from " * N + "notes" + ") x" * N,
    "chained-plus": "select 1" + "+1" * N,
    "chained-or": "select 1 where 1=2" + " or 1=2" * N,
    "cases": "select " + "case when true then " * N + "1" + " end" * N,
    "case-arms": "select case 1 " + "when 2 then 3 " * N + "end",
    "nots": "select " + "not " * N + "true",
    "casts": "select 1" + "::int" * N,
    "unions": "select 1" + " union select 1" * N,
    "joins": "select 1 from notes" + " cross join notes" * N,
    "arrays": "select " + "array[" * N + "1" + "]" * N,
    "operators": "select 1 " + "+" * N + "1",
    "comments": "/*" * (N // 10) + "*/" * (N // 10) + "select 1",  # the server itself needs the square of their number
    "ctes": "with " + ", ".join(f"a{n} as (select 1)" for n in range(N // 10)) + " select 1",
    "past-every-check": "select 1" + "+1" * 2_500_000,  # the depth of so long a text is not counted: it ends its reader
}
DELETE = "; delete from notes"


def error_of(messages: list[Message]) -> dict[str, str]:
    return next((message.fields for message in messages if message.kind == "E"), {})


@pytest.mark.slow
@pytest.mark.parametrize("case", DEEP)
def test_deep_texts_are_the_servers_error_or_refused(
    guard: Pgguard, server: Postgres, database: str, case: str
) -> None:
    """With a DELETE behind each: whatever is said, nothing is deleted, and the connection lives."""
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        raw.socket.settimeout(120)
        for text in (DEEP[case], DEEP[case] + DELETE):
            fields = error_of(raw.query(text))
            # too deep for the server's stack, too many range table entries, or not understood here
            assert fields.get("C", "00000") in ("00000", "54001", "54000", "54011", "42601", "42883", "PGG05", "PGG02")
        assert error_of(raw.query(DEEP[case] + DELETE))["C"] != "00000"
        assert [m.kind for m in raw.query("select 1")] == ["T", "D", "C", "Z"]


@pytest.mark.parametrize("message", [f.query, f.parse], ids=["query", "parse"])
def test_what_the_server_alone_can_read_runs_nothing_when_it_is_parsed(
    guard: Pgguard, server: Postgres, database: str, message: Callable[[str], bytes]
) -> None:
    """A literal of an array goes through the checks of its domain in a Parse, and the text has more UNIONs than pgguard
    reads."""
    liar = "create function liar(int) returns int immutable language plpgsql as 'begin perform purge(); return $1; end'"
    server.sql(f"{liar}; create domain evil as int check (liar(value) >= 0)", dbname=database)
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        text = "select '{1}'::evil[]" + " union all select null" * 1_001
        raw.send(message(text), *([f.sync()] if message is f.parse else []))
        assert error_of(raw.until_ready())["C"].startswith("PGG")


def test_a_name_is_cut_off_where_the_server_cuts_it_off(guard: Pgguard, server: Postgres) -> None:
    """63 bytes are 31 letters to pgguard, and 63 to a database in LATIN1, where both functions are."""
    server.sql("create database cut encoding 'LATIN1' locale 'C' template template0 owner ann")
    try:
        with server.connect("ann", "cut") as direct:
            direct.execute("create table many (id int); insert into many select generate_series(1, 300)")
            direct.execute(f"create function {'é' * 31}() returns int language sql as 'select 1'".encode())
            direct.execute(f"create function {'é' * 40}() returns void language sql as 'delete from many'".encode())
        with guard.connect("ann", "cut") as connection, pytest.raises(psycopg.Error) as refused:
            connection.execute(f"select {'é' * 40}()".encode())
        assert refused.value.sqlstate == "PGG02"
        assert server.value("select count(*) from many", dbname="cut") == 300
    finally:
        server.sql("drop database cut with (force)")


def test_a_bulk_insert_of_20_mb_passes(guard: Pgguard, server: Postgres, database: str) -> None:
    row = "(%d, 'a name of some length', 'someone@example.com', 12.50, null, '2026-01-02'::date, now())"
    rows = ", ".join(row % number for number in range(230_000))
    with guard.connect("ann", database) as connection:
        connection.execute("create table bulk (a int, b text, c text, d numeric, e text, f date, g timestamptz)")
        text = f"insert into bulk values {rows}"
        assert len(text) > 20_000_000
        assert connection.execute(text.encode()).rowcount == 230_000
        with pytest.raises(psycopg.Error) as refused:
            connection.execute(f"delete from bulk using (values {rows}) v(x, y, z) where a = x".encode())
        assert refused.value.sqlstate == "PGG02"
    assert server.value("select count(*) from bulk", dbname=database) == 230_000


def test_100_mb_are_refused_with_words(guard: Pgguard, database: str) -> None:
    """libpq's user sees why, although the server stops reading in the middle of the statement."""
    with guard.connect("ann", database) as connection, pytest.raises(psycopg.Error, match="too long to be judged"):
        connection.execute(b"select '" + b"x" * 100_000_000 + b"'")
    with Raw.connect(guard, "ann", database) as raw:
        assert [m.kind for m in raw.query("select 1")] == ["T", "D", "C", "Z"]


@pytest.mark.parametrize(
    ("text", "sqlstate"),
    [
        (b"select '\xff\xfe'", "22021"),
        (b"select '\xc3'", "22021"),
        (b"select '\xed\xa0\x80'", "22021"),
        (b"select '" + b"\xff" * 20_000 + b"'", "22021"),
        (b"delete from notes where text = '\xff'", "22021"),
        ("select 'é' as \"名前\"".encode(), ""),
        ("select '" + "名" * 20_000 + "'", ""),
    ],
    ids=["bytes", "half", "surrogate", "long", "delete", "utf-8", "long-utf-8"],
)
@pytest.mark.parametrize("extended", [False, True])
def test_invalid_utf8_is_the_servers_error(
    guard: Pgguard, server: Postgres, database: str, text: bytes, sqlstate: str, extended: bool
) -> None:
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        messages = raw.ask(f.parse(text), f.bind(), f.execute(), f.sync()) if extended else raw.query(text)
        assert error_of(messages).get("C", "") == sqlstate


@pytest.mark.parametrize("encoding", ["SJIS", "BIG5", "GBK", "UHC", "GB18030", "JOHAB", "LATIN1", "EUC_JP", "WIN1251"])
def test_no_encoding_hides_a_delete(guard: Pgguard, server: Postgres, database: str, encoding: str) -> None:
    """A byte 0x5C or 0x27 that is half of a character: long and short, nothing is deleted."""
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        raw.query(f"set client_encoding = '{encoding}'")
        for lead in (b"\x81", b"\x95", b"\xe0", b"\xc4", b"\xa1"):
            for padding in (b"", b" " * 20_000):
                for inner in (lead + b"\\'", lead + b"'", lead + b"\\\\'"):
                    raw.query(padding + b"select e'" + inner + b"; delete from notes; --'")
                    raw.query(padding + b"select '" + inner + b"; delete from notes; --'")


def test_a_nul_byte_ends_the_text_for_nobody(guard: Pgguard, server: Postgres, database: str) -> None:
    with unharmed(server, database), Raw.connect(guard, "ann", database) as raw:
        raw.send(f.message("Q", b"select 1\0; delete from notes\0"))
        assert raw.read().fields["C"] == "08P01"
