"""However a connection ends, the client hears through pgguard what it hears without it, message for message."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from live import frontend as f
from live.endpoint import Endpoint
from live.line import Line
from live.pgguard import PRODUCTION, Pgguard
from live.postgres import Postgres
from live.raw import Raw, SignInRefused

pytestmark = pytest.mark.live

Start = Callable[..., Pgguard]
BEGIN, WRITE = f.query("begin"), f.query("update notes set n = 1 where n = 0 and id <= 5")
ASLEEP = "select exists (select from pg_stat_activity where pid = {pid} and wait_event = 'PgSleep')"
COPYING = (
    "select exists (select from pg_stat_activity where pid = {pid} and state = 'active' and wait_event = 'ClientRead')"
)


@dataclass(frozen=True)
class Scene:
    """``steps`` are answered, ``last`` is under way when it happens, as soon as ``when`` is true."""

    steps: tuple[bytes, ...] = ()
    last: bytes = b""
    when: str = "select true"


SLEEPY = "update notes set n = 1 where id <= 5 and pg_sleep(10) is not null"
SCENES = {
    "idle": Scene(),
    "in a block": Scene((BEGIN,)),
    "in a block with measured work": Scene((BEGIN, WRITE)),
    "in a failed block": Scene((BEGIN, f.query("select 1/0"))),
    "in a query": Scene((), f.query("select 1; select pg_sleep(10)"), ASLEEP),
    "in a measured query": Scene((), f.query(SLEEPY), ASLEEP),
    "in a measured query in a block": Scene((BEGIN,), f.query(SLEEPY), ASLEEP),
    "in a pipeline": Scene((), f.run("select 1") + f.run("select pg_sleep(10)") + f.sync(), ASLEEP),
    "in a measured pipeline": Scene((), f.run("insert into notes values (4000)") + f.run(SLEEPY) + f.sync(), ASLEEP),
    "in a copy": Scene((), f.query("copy notes (id) from stdin") + f.copy_data("4000\n"), COPYING),
}


def to_the_end(raw: Raw) -> list[str]:
    """What is still said, until the connection is closed."""
    messages = []
    try:
        while True:
            messages.append(raw.read())
    except (EOFError, ConnectionError):
        return raw.transcript(messages)


def on_stage(server: Postgres, endpoint: Endpoint, database: str, scene: Scene) -> Raw:
    raw = Raw.connect(endpoint, "ann", database)
    for step in scene.steps:
        raw.ask(step)
    raw.send(scene.last)
    server.wait_until(scene.when.format(pid=raw.pid))
    return raw


@pytest.mark.parametrize("name", SCENES)
def test_a_backend_is_terminated(server: Postgres, sides: list[tuple[Endpoint, str]], name: str) -> None:
    said = []
    for endpoint, database in sides:
        with on_stage(server, endpoint, database, SCENES[name]) as raw:
            assert server.terminate_backends(f"pid = {raw.pid}") == 1
            said.append(to_the_end(raw))
        assert server.value("select count(*) from notes where n = 1 or id = 4000", dbname=database) == 0

    assert "C='57P01'" in said[0][-1]
    assert said[1] == said[0]


TIMEOUTS = {
    "idle": ("set idle_session_timeout = '1s'", ()),
    "idle in a block": ("set idle_in_transaction_session_timeout = '1s'", (BEGIN,)),
    "idle behind measured work": ("set idle_in_transaction_session_timeout = '1s'", (BEGIN, WRITE)),
    "idle in a failed block": ("set idle_in_transaction_session_timeout = '1s'", (BEGIN, f.query("select 1/0"))),
}


@pytest.mark.parametrize("name", TIMEOUTS)
def test_a_client_is_idle_for_too_long(sides: list[tuple[Endpoint, str]], name: str) -> None:
    setting, steps = TIMEOUTS[name]
    said = []
    for endpoint, database in sides:
        with Raw.connect(endpoint, "ann", database) as raw:
            for step in (f.query(setting), *steps):
                raw.ask(step)
            said.append(to_the_end(raw))

    assert "E" in said[0][-1]
    assert said[1] == said[0]


STATEMENTS = {
    "a query": [f.query(SLEEPY)],
    "a block": [BEGIN, f.query(SLEEPY), f.query("select 1"), f.query("rollback")],
    "a pipeline": [f.run("insert into notes values (4000)") + f.run(SLEEPY) + f.run("select 1") + f.sync()],
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_takes_too_long(server: Postgres, sides: list[tuple[Endpoint, str]], name: str) -> None:
    said = []
    for endpoint, database in sides:
        with Raw.connect(endpoint, "ann", database) as raw:
            raw.query("set statement_timeout = '1s'")
            steps = [*STATEMENTS[name], f.query("reset statement_timeout"), f.query("select 'the end'")]
            said.append([line for step in steps for line in raw.transcript(raw.ask(step))])
        assert server.value("select count(*) from notes where n = 1 or id = 4000", dbname=database) == 0

    assert any("C='57014'" in line for line in said[0])
    assert said[1] == said[0]


def test_the_line_to_the_server_is_cut(postgres: Postgres, start_guard: Start) -> None:
    """No word of farewell, as without pgguard; nothing was committed, and the next connection is as good as new."""
    with Line(postgres) as line, postgres.fresh_database() as database:
        guard = start_guard(postgres, PRODUCTION, "--upstream", f"{line.host}:{line.port}")
        for scene in ("idle", "in a block with measured work", "in a measured query"):
            said = []
            for endpoint in (line, guard):
                with on_stage(postgres, endpoint, database, SCENES[scene]) as raw:
                    line.cut()
                    said.append(to_the_end(raw))
            assert said == [[], []]
        assert guard.sql("select count(*) from notes where n = 1", user="ann", dbname=database) == [(0,)]


def test_the_line_to_the_server_falls_silent_for_a_while(postgres: Postgres, start_guard: Start) -> None:
    with Line(postgres) as line, postgres.fresh_database() as database:
        guard = start_guard(postgres, PRODUCTION, "--upstream", f"{line.host}:{line.port}")
        with Raw.connect(guard, "ann", database) as raw:
            raw.query("select 1")
            line.fall_silent()
            raw.send(f.query("update notes set n = 1 where n = 0 and id <= 5"))
            assert raw.is_quiet()
            line.come_back()
            assert [message.tag for message in raw.until_ready()] == ["UPDATE 5", "I"]


def test_too_many_connections_of_a_role(server: Postgres, sides: list[tuple[Endpoint, str]]) -> None:
    server.wait_until("select not exists (select from pg_stat_activity where usename = 'eve')")
    server.sql("alter role eve connection limit 1")
    said = []
    try:
        for endpoint, database in sides:
            with Raw.connect(endpoint, "eve", database), pytest.raises(SignInRefused) as refused:
                Raw.connect(endpoint, "eve", database)
            said.append(refused.value.fields)
            server.wait_until("select not exists (select from pg_stat_activity where usename = 'eve')")
    finally:
        server.sql("alter role eve connection limit -1")

    assert said[0]["C"] == "53300"
    assert said[1] == said[0]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_the_server_shuts_down(start_guard: Start, how: signal.Signals) -> None:
    """Everybody hears it as the server says it; who comes when it is there again is served."""
    server = Postgres().start()
    line = Line(server)
    try:
        server.create_company()
        server.sql("create database other template company")
        dsn = server.dsn("pgguard_admin").replace(f":{server.port}/", f":{line.port}/")
        guard = start_guard(server, PRODUCTION, "--upstream", f"{line.host}:{line.port}", "--admin-dsn", dsn)
        stage = ("idle", "in a block with measured work", "in a query", "in a copy")
        raws = {
            (endpoint, name): on_stage(server, endpoint, database, SCENES[name])
            for endpoint, database in ((server, "company"), (guard, "other")) for name in stage
        }  # fmt: skip
        server.halt(how)
        said = {}
        for place, raw in raws.items():
            with raw:
                said[place] = to_the_end(raw)
        for name in stage:
            assert said[guard, name] == said[server, name]
            assert said[server, name]
        with pytest.raises((SignInRefused, EOFError, ConnectionError)):  # the line accepts, and finds nobody
            Raw.connect(guard, "ann", "company")
        server.start_again()
        with Raw.connect(guard, "ann", "company") as raw:
            assert [message.tag for message in raw.ask(WRITE)] == ["UPDATE 5", "I"]
    finally:
        line.close()
        server.stop()
