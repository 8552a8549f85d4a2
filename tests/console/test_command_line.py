"""``pgguard requests``, ``approve`` and ``deny`` against a console, with their exit codes and never a traceback."""

from __future__ import annotations

import asyncio
import json

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from pgguard.cli import requests as commands
from tests.console.stand import Console

pytestmark = pytest.mark.live

app = typer.Typer()
for command in (commands.requests, commands.approve, commands.deny):
    app.command()(command)


async def pgguard(*words: str, env: dict[str, str] | None = None) -> Result:
    result = await asyncio.to_thread(CliRunner().invoke, app, list(words), env=env)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


async def test_list_show_approve(console: Console) -> None:
    dsn = ("--dsn", console.dsn())
    empty = await pgguard("requests", *dsn)

    assert (empty.exit_code, empty.output) == (0, "no open requests\n")

    number = str(await console.file("delete from accounts -- [bold]:smile:"))
    listed = await pgguard("requests", *dsn, env={"COLUMNS": "200"})

    assert listed.exit_code == 0
    assert "delete from accounts -- [bold]:smile:" in listed.output

    as_json = json.loads((await pgguard("requests", "--json", *dsn)).output)

    assert [(row["request"], row["state"], row["rows"]) for row in as_json] == [(number, "open", "52000")]

    shown = await pgguard("requests", number, *dsn)

    assert "table  inventory: 50000 rows deleted by cascade or trigger\n" in shown.output
    assert len(json.loads((await pgguard("requests", number, "--json", *dsn)).output)["table"]) == 2

    done = await pgguard("approve", number, "--at-most", "60000", "--token", *dsn)

    assert done.exit_code == 0
    assert done.output.startswith(f"request {number} approved by bob until ")
    assert done.output.splitlines()[1].count(".") == 2
    assert (await console.store.show(int(number))).at_most == 60000  # type: ignore[union-attr]


async def test_deny(console: Console) -> None:
    number = str(await console.file())
    done = await pgguard("deny", number, "--reason", "it's \\'too much", "--json", "--dsn", console.dsn())

    assert done.exit_code == 0
    assert json.loads(done.output) == {"request": number, "state": "denied", "by": "bob", "reason": "it's \\'too much"}


async def test_no_is_exit_code_1(console: Console) -> None:
    number = str(await console.file())
    refused = await pgguard("approve", number, "--dsn", console.dsn("ann"))

    assert refused.exit_code == 1
    assert f"pgguard: you cannot approve your own request {number}\nhint: Somebody else" in refused.output
    assert (await pgguard("approve", "99", "--dsn", console.dsn())).exit_code == 1


async def test_wrong_use_is_exit_code_2(console: Console) -> None:
    for words in (["approve"], ["approve", "x"], ["approve", "0"], ["deny", "1"], ["approve", "1", "--at-most", "-1"],
                  ["deny", "1", "--reason", " ", "--dsn", console.dsn()]):  # fmt: skip
        assert (await pgguard(*words)).exit_code == 2


@pytest.mark.parametrize(
    ("dsn", "code"),
    [
        ("postgresql://bob@127.0.0.1:1/pgguard", 3),
        ("postgresql://bob@127.0.0.1:99999/x", 2),
        ("nonsense", 2),
        ("postgresql://bob@[/x", 2),
    ],
)
async def test_no_console_is_exit_code_3_and_no_address_2(dsn: str, code: int) -> None:
    result = await pgguard("requests", "--dsn", dsn)

    assert result.exit_code == code
    assert result.output.startswith("pgguard: ")
    assert result.output.count("\n") == 1


async def test_the_environment_of_libpq_says_where(console: Console) -> None:
    env = {"PGHOST": "127.0.0.1", "PGPORT": str(console.port), "PGUSER": "bob", "PGDATABASE": "shop"}

    assert (await pgguard("requests", env=env)).output == "no open requests\n"
