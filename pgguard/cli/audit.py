"""The subcommands ``audit show``, ``audit export`` and ``audit verify``."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from pgguard.audit.chain import NOTE, Broken, Link, Whole, iso
from pgguard.console.words import printable
from pgguard.errors import ConfigError
from pgguard.store.audit_head import head_of, heads
from pgguard.store.audit_reading import Wanted, follow, records

app = typer.Typer(help="Read the audit file and check its chain.", no_args_is_help=True)

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Audit files, the oldest first.", dir_okay=False)]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]
Caller = Annotated[str | None, typer.Option(help="Only this caller.")]
Database = Annotated[str | None, typer.Option(help="Only this database.")]
Verdict = Annotated[str | None, typer.Option(help="Only this verdict: refuse, hold, measured, proved, approve ...")]
Rule = Annotated[str | None, typer.Option(help="Only what this rule decided.")]
Request = Annotated[int | None, typer.Option(help="Only what is about this request.")]
Since = Annotated[str | None, typer.Option(metavar="TIME", help="From then on: 2026-11-20, or 2026-11-20T14:00+01:00.")]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Before that; a time without zone is UTC.")]
State = Annotated[str | None, typer.Option(metavar="URL", help="The state URL of serve: compare the end with it.")]


@app.command()
def show(
    files: Files, as_json: AsJson = False, caller: Caller = None, database: Database = None, verdict: Verdict = None,
    rule: Rule = None, request: Request = None, since: Since = None, until: Until = None,
) -> None:  # fmt: skip
    """Print the records, the oldest first. With --json one object per line, exactly as it was written."""
    with _plain_errors():
        for line, values in records(files, _wanted(caller, database, verdict, rule, request, since, until)):
            typer.echo(line.decode("ascii") if as_json else _line(values))


@app.command()
def export(
    files: Files, caller: Caller = None, database: Database = None, verdict: Verdict = None, rule: Rule = None,
    request: Request = None, since: Since = None, until: Until = None,
) -> None:  # fmt: skip
    """Write the records as JSON Lines, exactly as they are in FILE, notes about the file itself left out."""
    with _plain_errors():
        for line, values in records(files, _wanted(caller, database, verdict, rule, request, since, until)):
            if values["kind"] != NOTE:
                sys.stdout.buffer.write(line + b"\n")


@app.command()
def verify(files: Files, state: State = None, as_json: AsJson = False) -> None:
    """Follow the hash chain from its beginning; exit code 1 names the first broken link."""
    with _plain_errors():
        known = asyncio.run(heads(state)) if state is not None else {}
        end: Link | None = None
        for file in files:
            found, compared = _followed(file, end, known, last=file == files[-1])
            if isinstance(found, Broken):
                if as_json:
                    typer.echo(json.dumps({"whole": False, "file": str(file), "line": found.line, "what": found.what}))
                else:
                    typer.echo(f"{file}: chain broken at line {found.line}: {found.what}")
                raise typer.Exit(1)
            end = found.end
            typer.echo(_whole(file, found, as_json, compared))
        if state is None and not as_json:
            typer.echo("whether records are missing at the end is not known: compare with the state store, --state URL")
        elif state is not None and not compared and not as_json:
            typer.echo("the state store knows no end of this chain: whether records are missing there is not known")


def _followed(file: Path, after: Link | None, known: dict[str, Link], *, last: bool) -> tuple[Whole | Broken, bool]:
    """The walk over a file, and whether its end was compared with what the store knows."""
    head = head_of(known, "") if len(known) == 1 else None
    found = follow(file, after, head if last else None)
    if isinstance(found, Broken) or not last or head is not None or (head := head_of(known, found.node)) is None:
        return found, head is not None
    return follow(file, after, head), True


def _whole(file: Path, found: Whole, as_json: bool, compared: bool) -> str:
    if as_json:
        return json.dumps({
            "whole": True, "file": str(file), "records": found.end.seq - found.begin.seq, "after": found.begin.seq,
            "torn": found.torn, "hash": found.end.hash, "end_compared": compared,
        })  # fmt: skip
    torn = f", {found.torn} lines cut short by a crash" if found.torn else ""
    after = f" after record {found.begin.seq}" if found.begin.seq else ""
    number = found.end.seq - found.begin.seq
    said = f"{file}: chain whole: {number} records{after}{torn}, last hash {found.end.hash or 'none'}"
    return f"{said}, compared with the state store" if compared else said


def _wanted(
    caller: str | None, database: str | None, verdict: str | None, rule: str | None, request: int | None,
    since: str | None, until: str | None,
) -> Wanted:  # fmt: skip
    asked = {"caller": caller, "database": database, "verdict": verdict, "rule": rule, "request": request}
    fields = {key: str(value) for key, value in asked.items() if value is not None}
    return Wanted(fields, _moment(since), _moment(until))


def _moment(text: str | None) -> str:
    """As records have it."""
    if text is None:
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f'"{text}" is not a time such as 2026-11-20 or 2026-11-20T14:00') from None
    return iso((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _line(values: dict[str, Any]) -> str:
    if values["kind"] == NOTE:
        return f"{values['time']} {printable(values['statement'])}"
    lost = sum(rows.get("updated", 0) + rows.get("deleted", 0) for rows in values["measured"].values())
    facts = [
        f"rule {values['rule']}" if values["rule"] else "",
        f"{lost} rows" if values["measured"] else "",
        *values["destroyed"],
        f"request {values['request']}" if values["request"] is not None else "",
        f"of {values['requester']}" if values["requester"] else "",
        f"approval {values['approval']}" if values["approval"] is not None else "",
        f"by {values['approved_by']}" if values["approved_by"] else "",
    ]
    said = ", ".join(fact for fact in facts if fact)
    head = f"{values['time']} {values['caller']}@{values['database']} {values['verdict']}"
    return printable(f"{head}{f' ({said})' if said else ''}: {values['statement']}")


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except ConfigError as trouble:
        typer.echo(f"pgguard: {trouble}", err=True)
        raise typer.Exit(trouble.exit_code) from None
