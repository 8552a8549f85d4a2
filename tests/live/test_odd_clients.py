"""What hardly any driver sends: each message of the answer is the same direct and through pgguard, to the end of the
connection."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from live import frontend as f
from live.endpoint import Endpoint
from live.postgres import Postgres
from live.raw import Raw

pytestmark = pytest.mark.live

q, run, S, X = f.query, f.run, f.sync(), f.terminate()
NUMBERS = "select i from generate_series(1, 10) i"
TWO = f.parse("select $1::int, $2::text")
COPY, COPY_EXTENDED = q("copy notes (id) from stdin"), f.parse("copy notes (id) from stdin") + f.bind() + f.execute()
ROW, DONE = f.copy_data("8000\n"), f.copy_done()
MEASURED = "update notes set n = 5 where id between 1 and 5"
MANY = 65_535

SAID: dict[str, bytes] = {
    "terminate behind queries": q("select 1") + q("select 2"),
    "terminate behind a pipeline": run("insert into notes values (7000)") + S,
    "terminate in a pipeline": run("insert into notes values (7000)"),
    "terminate behind measured work": q(MEASURED) + q("select count(*) from notes where n = 5"),
    "terminate in a block": q("begin") + q(MEASURED),
    "messages behind terminate": q("select 1") + X + q("select 2"),
    "portal described between rows": f.parse(NUMBERS) + f.bind() + f.describe("P") + f.execute("", 3) + f.describe("P")
    + f.execute("", 3) + f.execute("", 4) + f.execute("", 1) + f.execute() + S,
    "portal of measured rows": f.parse(MEASURED + " returning id") + f.bind() + f.execute("", 2) + f.execute("", 2)
    + f.execute("", 2) + S,
    "portal over flushes": q("begin") + f.parse(NUMBERS) + f.bind((), "", "p") + f.flush() + f.execute("p", 3)
    + f.flush() + f.execute("p", 3) + f.flush() + S + f.execute("p", 9) + S + f.execute("p", 9) + S,
    "portal lost with its transaction": f.parse(NUMBERS) + f.bind((), "", "p") + f.execute("p", 3) + f.flush()
    + f.execute("p", 3) + S + f.execute("p", 3) + S,
    "unnamed portal over a query": q("begin") + f.parse(NUMBERS) + f.bind() + f.execute("", 3) + S + q("select 1")
    + f.execute("", 3) + S,
    "closing what is not there": b"".join(f.close(kind, name) for kind in "SP" for name in ("", "nosuch")) + S,
    "describing what is not there": f.describe("P") + S + f.describe("S") + S + f.describe("P", "nosuch") + S,
    "statements without a result": b"".join(
        f.parse(text) + f.describe("S") + S for text in ("", "begin", "insert into notes values ($1)", "show work_mem")
    ),
    "nothing to run": b"".join(q(text) + run(text) + S for text in ("", " ", ";", ";;", "-- a\n", "/* b */ ; -- c")),
    "syncs and flushes": S * 200 + f.flush() * 200 + run("select 1/0") + S * 50 + run("select 1") + f.flush() * 9 + S,
    "an error, and on without a sync": run("select 1/0") + f.flush() + run("select 1") + f.flush() + q("select 2")
    + f.function_call(1397, [b"-5"]) + S,
    "an error among statements": q("insert into notes values (7000); insert into notes values (7001); select 1/0")
    + q("select count(*) from notes where id >= 7000") + q("begin; insert into notes values (7002); select 1/0; commit")
    + q("commit") + q("savepoint s; select 1"),
    "formats": f.parse("select 1::int4, 'a'::text, 2::int8, 1.5::numeric")
    + b"".join(f.bind(results=codes) + f.describe("P") + f.execute() for codes in ([1, 0, 1, 0], [1], [0, 1, 0, 1]))
    + S + f.bind(results=[1, 0]) + S + f.bind(results=[7, 7, 7, 7]) + f.execute() + S,
    "parameters that do not fit": b"".join(
        TWO + f.bind(values, formats=formats) + f.execute() + S
        for values, formats in (
            ([b"\0\0\0\1", "x"], [1, 0]), ([b"\0\0\1", "x"], [1, 0]), (["1"], []), (["1", "2"], [9]),
        )
    ),
    "as many parameters as there can be": f.parse(
        "select count(*) from (values " + ",".join(f"(${i}::int)" for i in range(1, MANY + 1)) + ") v"
    ) + f.message("B", b"\0\0" + struct.pack("!hH", 0, MANY) + b"\0\0\0\0017" * MANY + b"\0\0") + f.execute() + S,
    "one parameter too many": f.parse("select $65536::int") + S,
    "copy data of no length": COPY + f.copy_data("") + f.copy_data("80") + f.copy_data("") + f.copy_data("00\n") + DONE,
    "copy with syncs in it": COPY_EXTENDED + ROW + S + f.flush() + S + DONE + S,
    "copy that fails": b"".join(COPY + f.copy_fail(why) for why in ("", "a\nb'\"%s", "\u00e4" * 400, "x" * 9000)),
    "copy fail of invalid text": COPY + f.copy_fail(b"\xff\xfe"),
    "copies in one query": q("copy notes (id) from stdin; copy notes (id) from stdin; select 5") + ROW + DONE
    + f.copy_data("8001\n") + DONE,
    "bad copy data, and more of it": COPY + f.copy_data("x\n") + ROW * 2000 + DONE + q("select 1"),
    "copy behind a pipeline": run("insert into notes values (7000)") + COPY_EXTENDED + ROW + DONE + run("select 1") + S,
    "terminate in a copy": COPY + ROW,
    "terminate in a measured copy": q("begin; " + MEASURED) + COPY + ROW,
    "a query in a copy": COPY + ROW + q("select 1") + q("select 2"),
    "a measured query in a copy": COPY + ROW + q(MEASURED),
    "a parse in a copy": COPY + ROW + run("select 1") + S,
    "copy data without a copy": run("select 1") + DONE + f.copy_fail("x") + run("select 2") + S + f.copy_data("x"),
    "replication": q("START_REPLICATION 0/0") + q("IDENTIFY_SYSTEM"),
    "long notices": q("do $$ begin raise notice '%', repeat('n', 200000); raise warning 'w' using"
                      " detail = repeat('d', 70000), hint = repeat('h', 70000); end $$"),
    "long errors": q("do $$ begin raise exception '%', repeat('n', 200000) using detail = repeat('d', 70000),"
                     " hint = 'h', column = 'c', constraint = 'k', datatype = 't', table = 'b', schema = 's'; end $$"),
    "settings on their way": q("select 1; set application_name = 'x'; select 2; set datestyle = 'SQL'; select 3")
    + run("set timezone = 'UTC'") + run("select 1") + run("set timezone = 'CET'") + S
    + q("begin; set datestyle = 'ISO'") + q("rollback"),
    "settings of a measured query": q(f"{MEASURED}; set application_name = 'a'; set local datestyle = 'German'"),
    "settings of unread code": q("do $$ begin perform set_config('application_name', 'b', false); end $$")
    + q("do $$ begin perform set_config('datestyle', 'German', true); end $$"),
    "settings of a measured pipeline": run("set application_name = 'c'") + run(MEASURED) + run("set datestyle = 'SQL'")
    + S,
    "settings that a block takes back": q("begin") + q(MEASURED + "; set datestyle = 'SQL'") + q("rollback"),
    "a query without its end": f.message("Q", b"select 1") + q("select 2"),
    "a query with more than its text": f.message("Q", b"select 1\0 from x\0") + f.message("Q") + q("select 2"),
    "a broken query in a block": q("begin") + q(MEASURED) + f.message("Q", b"select 1") + q("select 2") + q("commit"),
    "broken messages": b"".join(
        run("select 1") + f.message(kind, body) + run("select 2") + S
        for kind, body in (
            ("P", b"\0select 1\0\0\0x"), ("P", b"\0select 1\0"), ("P", b"\0select 1"), ("P", b""), ("B", b"\0\0\0"),
            ("B", b"x"), ("E", b"\0\0\0"), ("E", b"\0\0\0\0\0x"), ("C", b"X\0"), ("C", b"S\0x"), ("C", b""),
            ("D", b"X\0"), ("D", b"Sabc"), ("F", b"\0"), ("S", b"x"), ("H", b"x"),
        )
    ),
    "broken messages in a measured pipeline": b"".join(
        run(MEASURED) + f.message(kind, body) + run(MEASURED) + S
        for kind, body in (("P", b"\0select 1\0"), ("E", b"\0"), ("C", b"X\0"))
    ),
    "a long broken parse": f.message("P", b"\0select '" + b"x" * 20_000 + b"'\0\0\1") + S,
}  # fmt: skip


def said(endpoint: Endpoint, database: str, data: bytes, piece: int) -> list[str]:
    """All that comes back, up to the end of the connection."""
    messages = []
    with Raw.connect(endpoint, "ann", database) as raw:
        with suppress(ConnectionError):  # who has sent Terminate is not listened to any more
            for at in range(0, len(data), piece):
                raw.send(data[at : at + piece])
        try:
            while True:
                messages.append(raw.read())
        except (EOFError, ConnectionError):
            return raw.transcript(messages)


@pytest.mark.parametrize("name", SAID)
@pytest.mark.parametrize("piece", [1 << 30, 7], ids=["at-once", "in-pieces"])
def test_odd_clients(server: Postgres, sides: list[tuple[Endpoint, str]], name: str, piece: int) -> None:
    if piece < len(SAID[name]) and len(SAID[name]) > 20_000:
        pytest.skip("too long to be sent in pieces")
    found = []
    for endpoint, database in sides:
        found.append(said(endpoint, database, SAID[name] + X, piece))
        server.sql("delete from notes where id >= 7000; update notes set n = 0 where n = 5", dbname=database)

    assert found[1] == found[0]
