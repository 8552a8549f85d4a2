"""The subcommands about requests and budgets: the console of a running pgguard, from a shell."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pgguard.errors import ConfigError, UpstreamUnavailable
from pgguard.upstream.console_client import ConsoleRefused, ask, quoted

DONE, NO, WRONG_USE, AWAY = 0, 1, 2, 3
# Sign-in, an unknown database, a text that the console does not know: the command line or its environment is wrong.
_WRONG_USE = ("28", "3D", "42601", "22")
_AWAY = ("PGG06", "57", "53", "08")

Dsn = Annotated[
    str | None,
    typer.Option("--dsn", help="Where pgguard listens, postgresql://you@host:port/; default: libpq's PG* variables.",
                 show_default=False),
]  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
Number = Annotated[int, typer.Argument(help="The request's number.", min=1)]


def requests(
    number: Annotated[int | None, typer.Argument(help="Everything about this one request.", min=1)] = None,
    dsn: Dsn = None,
    every: Annotated[bool, typer.Option("--all", help="Answered, used and expired ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the requests that wait for an approval, or show one."""
    if number is not None:
        rows = _ask(f"SHOW REQUEST {number}", dsn)
    else:
        rows = _ask("SHOW ALL REQUESTS" if every else "SHOW REQUESTS", dsn)
    if as_json:
        print(json.dumps(_one(rows) if number is not None else rows, indent=2))
    elif number is not None:
        for row in rows:
            _say(f"{row['field']:>22}  {row['value']}")
    elif not rows:
        _say("no requests" if every else "no open requests")
    else:
        _table(rows, ("request", "state", "requester", "database", "rows", "rule", "statement", "tries", "expires"))


def budgets(dsn: Dsn = None, as_json: AsJson = False) -> None:
    """List what is spent of the policy's budgets now."""
    rows = _ask("SHOW BUDGETS", dsn)
    if as_json:
        print(json.dumps(rows, indent=2))
    elif not rows:
        _say("nothing is spent")
    else:
        _table(rows, ("budget", "key", "spent", "limit", "window", "resets"))


def approve(
    number: Number,
    dsn: Dsn = None,
    at_most: Annotated[
        int | None, typer.Option("--at-most", min=0, help="Rows it may lose in all, instead of those measured.")
    ] = None,
    uses: Annotated[int | None, typer.Option("--uses", min=1, help="How often it may run, instead of once.")] = None,
    during: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="For how long it is good: 30m, 24h, 7d.")
    ] = None,
    token: Annotated[bool, typer.Option("--token", help="Print a token; the approval needs it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let request NUMBER run, once if nothing else is said."""
    terms = ("" if at_most is None else f" AT MOST {at_most}") + ("" if uses is None else f" USES {uses}")
    terms += ("" if during is None else f" FOR {quoted(during)}") + (" TOKEN" if token else "")
    row = _ask(f"APPROVE {number}{terms}", dsn)[0]
    if as_json:
        print(json.dumps(row, indent=2))
        return
    if row["state"] == "open":
        _say(f"request {number} approved by {row['by']}; it needs more approvals: pgguard requests {number}")
    elif row["state"] == "reviewed":
        _say(f"request {number} reviewed by {row['by']}")
    else:
        _say(f"request {number} approved by {row['by']} until {row['expires']}")
    if "token" in row:
        _say(row["token"])


def withdraw(number: Number, dsn: Dsn = None, as_json: AsJson = False) -> None:
    """Take back your own request NUMBER, open or approved."""
    row = _ask(f"WITHDRAW {number}", dsn)[0]
    if as_json:
        print(json.dumps(row, indent=2))
    else:
        _say(f"request {number} withdrawn by {row['by']}")


def deny(
    number: Number,
    reason: Annotated[str, typer.Option("--reason", help="Why; the requester is told.")],
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Refuse request NUMBER."""
    row = _ask(f"DENY {number} {quoted(reason)}", dsn)[0]
    if as_json:
        print(json.dumps(row, indent=2))
    else:
        _say(f"request {number} denied by {row['by']}: {row['reason']}")


def _ask(command: str, dsn: str | None) -> Sequence[dict[str, str]]:
    try:
        answer = asyncio.run(ask(command, dsn))
    except (UpstreamUnavailable, ConfigError) as trouble:
        _complain(str(trouble))
        raise typer.Exit(trouble.exit_code if isinstance(trouble, ConfigError) else AWAY) from None
    if not isinstance(answer, ConsoleRefused):
        return answer
    _complain(answer.message)
    if answer.hint:
        typer.echo(f"hint: {answer.hint}", err=True)
    if answer.sqlstate.startswith(_AWAY):
        raise typer.Exit(AWAY)
    raise typer.Exit(WRONG_USE if answer.sqlstate.startswith(_WRONG_USE) else NO)


def _one(rows: Sequence[dict[str, str]]) -> dict[str, str | list[str]]:
    """The lines of one request as an object; fields that come more than once are always lists."""
    several = {"statement", "rule", "finding", "table", "destroyed", "lock", "dependent", "sample", "approved_by"}
    found: dict[str, str | list[str]] = {}
    for row in rows:
        field, value = row["field"], row["value"]
        if field in several:
            kept = found.setdefault(field, [])
            if isinstance(kept, list):
                kept.append(value)
        else:
            found[field] = value
    return found


def _table(rows: Sequence[dict[str, str]], columns: Sequence[str]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold" if column == "statement" else "ellipsis",
                         no_wrap=column in ("request", "state", "expires"))  # fmt: skip
    for row in rows:
        table.add_row(*(row.get(column, "") for column in columns))
    # Statements are other people's text: no markup, no emoji codes in it.
    Console(markup=False, emoji=False, highlight=False).print(table, markup=False)


def _say(line: str) -> None:
    typer.echo(line)


def _complain(what: str) -> None:
    typer.echo(f"pgguard: {what}", err=True)
