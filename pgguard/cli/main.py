"""The command ``pgguard``: the list of its subcommands."""

from __future__ import annotations

from typing import Annotated

import typer

from pgguard import __version__
from pgguard.cli import audit, policy, requests
from pgguard.cli.demo import demo
from pgguard.cli.serve import serve

app = typer.Typer(
    name="pgguard", help="Stops destructive SQL before PostgreSQL commits it.", no_args_is_help=True,
    pretty_exceptions_enable=False, add_completion=False,
)  # fmt: skip


def _version(wanted: bool) -> None:
    if wanted:
        print(f"pgguard {__version__}")
        raise typer.Exit


@app.callback()
def _pgguard(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


app.command()(serve)
app.command()(requests.requests)
app.command()(requests.budgets)
app.command()(requests.approve)
app.command()(requests.deny)
app.command()(requests.withdraw)
app.command()(demo)
app.add_typer(policy.app, name="policy")
app.add_typer(audit.app, name="audit")


def main() -> None:
    """Entry point."""
    app()
