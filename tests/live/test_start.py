"""Starting and reloading: one ready line, or one clear line on standard error and an exit code that says which."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from live.endpoint import Ran
from live.pgguard import PRODUCTION, Pgguard, policy_file, run_pgguard
from live.postgres import Postgres, free_port
from live.waiting import wait_until

pytestmark = pytest.mark.live

TWO = """
version: 1
approvers: {dba: {roles: [dba]}}
approval: {by: dba, needs: 1, expires: 30m}
limits:
  - {name: two-at-most, rows: 2, beyond: approve}
"""
FAILS_ITS_TEST = TWO + "tests:\n  - {as: ann, sql: select 1, expect: {decision: refuse}}\n"


def serve(postgres: Postgres, directory: Path, **changed: str | None) -> Ran:
    """``serve`` with good arguments but for ``changed``; None leaves one out."""
    arguments: dict[str, str | None] = {
        "listen": "127.0.0.1:0", "upstream": f"{postgres.host}:{postgres.port}", "policies": str(PRODUCTION),
        "state": f"sqlite:///{directory}/state.db", "admin-dsn": postgres.dsn("pgguard_admin"),
        "audit": f"{directory}/audit.jsonl",
    }  # fmt: skip
    arguments |= {name.replace("_", "-"): value for name, value in changed.items()}
    flags = [word for name, value in arguments.items() if value is not None for word in (f"--{name}", value)]
    return run_pgguard("serve", *flags, cwd=directory)


def one_line(ran: Ran, *words: str, exit_code: int | tuple[int, ...]) -> None:
    assert "Traceback" not in ran.stderr, ran.stderr
    assert ran.returncode in ((exit_code,) if isinstance(exit_code, int) else exit_code), ran
    assert ran.stdout == ""
    assert len(ran.stderr.strip().splitlines()) == 1, ran.stderr
    for word in words:
        assert word in ran.stderr


def test_the_ready_line(postgres: Postgres, start_guard: Callable[..., Pgguard]) -> None:
    guard = start_guard(postgres)

    assert guard.ready["upstream"] == f"{postgres.host}:{postgres.port}"
    assert guard.ready["policy"] == "production"
    assert int(guard.ready["rules"]) >= 5
    assert guard.ready["mode"] == "enforce"
    assert guard.stdout().count("\n") == 1
    assert guard.state.stat().st_mode & 0o077 == 0


def test_flags_that_do_not_exist(postgres: Postgres, tmp_path: Path) -> None:
    ran = serve(postgres, tmp_path, nosuch="1")

    assert ran.returncode == 2
    assert "nosuch" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_settings_that_do_not_exist(postgres: Postgres, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("lisen: 127.0.0.1:0\n")

    one_line(serve(postgres, tmp_path, config=str(tmp_path / "config.yaml")), "lisen", "listen", exit_code=2)


@pytest.mark.parametrize(
    ("changed", "words", "exit_code"),
    [
        ({"admin_dsn": None}, ["admin"], 2),
        ({"upstream": "127.0.0.1:notaport"}, ["notaport"], 2),
        ({"listen": "127.0.0.1"}, ["127.0.0.1"], 2),
        ({"policies": "nosuch.yaml"}, ["nosuch.yaml"], (2, 3)),
        ({"state": "mysql://x/y"}, ["mysql"], 2),
        ({"state": "sqlite:////nosuch/place/state.db"}, ["/nosuch/place"], (2, 3)),
        ({"audit": "/nosuch/place/audit"}, ["/nosuch/place/audit"], (2, 3)),
        ({"admin_dsn": "postgresql://pgguard_admin:wrong@HERE/postgres"}, ["password"], (2, 3)),
        ({"admin_dsn": "not a dsn"}, [], 2),
    ],
)
def test_what_cannot_be_used(
    postgres: Postgres,
    tmp_path: Path,
    changed: dict[str, str | None],
    words: list[str],
    exit_code: int | tuple[int, ...],
) -> None:
    here = f"{postgres.host}:{postgres.port}"
    changed = {name: value and value.replace("HERE", here) for name, value in changed.items()}

    one_line(serve(postgres, tmp_path, **changed), *words, exit_code=exit_code)


def test_a_port_in_use(postgres: Postgres, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        one_line(serve(postgres, tmp_path, listen=f"127.0.0.1:{port}"), str(port), exit_code=(2, 3))


def test_an_upstream_that_is_away(postgres: Postgres, tmp_path: Path) -> None:
    port = free_port()
    dsn = f"postgresql://pgguard_admin:x@127.0.0.1:{port}/postgres"
    one_line(serve(postgres, tmp_path, upstream=f"127.0.0.1:{port}", admin_dsn=dsn), str(port), exit_code=3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version: 1\nlimitz: []\n", ["limitz", "limits", ":2"]),
        ("", ["empty"]),
        ("version: 1\nlimits: [{name: x, rows: many, beyond: approve}]\n", ["rows"]),
        ("version: 1\nnotify: []\n", ["notify"]),
        (FAILS_ITS_TEST, ["select 1"]),
    ],
)
def test_a_policy_that_cannot_be_used(postgres: Postgres, tmp_path: Path, text: str, words: list[str]) -> None:
    path = policy_file(tmp_path, text)

    one_line(serve(postgres, tmp_path, policies=str(path)), str(path.name), *words, exit_code=2)


def test_reload(postgres: Postgres, start_guard: Callable[..., Pgguard], tmp_path: Path) -> None:
    """A changed policy counts from the next statement on; a broken one changes nothing."""
    path = policy_file(tmp_path, TWO)
    guard = start_guard(postgres, path)
    with postgres.fresh_database() as database:

        def delete(first: int) -> str:
            text = f"delete from notes where id between {first} and {first + 4}"
            ran = guard.psql(user="ann", dbname=database, args=["-v", "VERBOSITY=verbose", "-c", text])
            return ran.stdout.strip() or ran.stderr.split(":")[1].strip()

        assert delete(1) == "PGG02"
        path.write_text("version: 1\nlimits: [")
        guard.reload()
        guard.wait_for_log("own.yaml")
        assert delete(1) == "PGG02"
        path.write_text(TWO.replace("rows: 2", "rows: 20"))
        guard.reload()
        wait_until(lambda: delete(1) == "DELETE 5", guard.logs)


def test_observe(postgres: Postgres, start_guard: Callable[..., Pgguard]) -> None:
    guard = start_guard(postgres, PRODUCTION, "--observe")
    with postgres.fresh_database() as database:
        assert guard.ready["mode"] == "observe"
        assert guard.psql(user="ann", dbname=database, args=["-c", "delete from accounts"]).stdout == "DELETE 200\n"
        assert postgres.value("select count(*) from inventory", dbname=database) == 0
        assert guard.records_with(lambda record: record["verdict"] == "observe")


def test_the_shortest_command_that_must_work(postgres: Postgres) -> None:
    """The shipped production policy, and no flag but the five that every start needs."""
    guard = Pgguard(postgres)
    guard.audited = False
    guard.start()
    guard.stop()
