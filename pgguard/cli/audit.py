"""The subcommands ``audit show`` and ``audit verify``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from pgguard.audit.chain import NOTE, Broken
from pgguard.console.words import printable
from pgguard.errors import ConfigError
from pgguard.store import audit_file

app = typer.Typer(help="Read the audit file and check its chain.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="The audit file.", dir_okay=False)]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]


@app.command()
def show(
    file: File,
    as_json: AsJson = False,
    caller: Annotated[str | None, typer.Option(help="Only this caller.")] = None,
    database: Annotated[str | None, typer.Option(help="Only this database.")] = None,
    verdict: Annotated[str | None, typer.Option(help="Only this verdict: refuse, hold, measured, proved ...")] = None,
    rule: Annotated[str | None, typer.Option(help="Only what this rule decided.")] = None,
    request: Annotated[int | None, typer.Option(help="Only this request.")] = None,
) -> None:
    """Print the records, the oldest first. With --json one object per line, exactly as it was written."""
    asked = {"caller": caller, "database": database, "verdict": verdict, "rule": rule, "request": request}
    wanted = {key: str(value) for key, value in asked.items() if value is not None}
    try:
        for values in audit_file.show(file, wanted):
            typer.echo(json.dumps(values, separators=(",", ":")) if as_json else _line(values))
    except ConfigError as trouble:
        _complain(str(trouble))
        raise typer.Exit(trouble.exit_code) from None


@app.command()
def verify(file: File, as_json: AsJson = False) -> None:
    """Follow the hash chain from its beginning; exit code 1 names the first broken link."""
    try:
        found = audit_file.follow(file)
    except ConfigError as trouble:
        _complain(str(trouble))
        raise typer.Exit(trouble.exit_code) from None
    if isinstance(found, Broken):
        if as_json:
            typer.echo(json.dumps({"whole": False, "line": found.line, "what": found.what}))
        else:
            typer.echo(f"{file}: chain broken at line {found.line}: {found.what}")
        raise typer.Exit(1)
    if as_json:
        typer.echo(json.dumps({"whole": True, "records": found.end.seq, "torn": found.torn, "hash": found.end.hash}))
    else:
        torn = f", {found.torn} lines cut short by a crash" if found.torn else ""
        typer.echo(f"{file}: chain whole: {found.end.seq} records{torn}, last hash {found.end.hash or 'none'}")


def _line(values: dict[str, Any]) -> str:
    if values["kind"] == NOTE:
        return f"{values['time']} {printable(values['statement'])}"
    lost = sum(rows.get("updated", 0) + rows.get("deleted", 0) for rows in values["measured"].values())
    facts = [
        f"rule {values['rule']}" if values["rule"] else "",
        f"{lost} rows" if values["measured"] else "",
        *values["destroyed"],
        f"request {values['request']}" if values["request"] is not None else "",
        f"approval {values['approval']}" if values["approval"] is not None else "",
    ]
    said = ", ".join(fact for fact in facts if fact)
    head = f"{values['time']} {values['caller']}@{values['database']} {values['verdict']}"
    return printable(f"{head}{f' ({said})' if said else ''}: {values['statement']}")


def _complain(what: str) -> None:
    typer.echo(f"pgguard: {what}", err=True)
