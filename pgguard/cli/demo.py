"""``pgguard demo``: a sample company behind pgguard, to try things on; ``--tour`` replays the disasters unattended."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pgguard.cli.tour import show_tour
from pgguard.demo.client import Psql
from pgguard.demo.company import Company
from pgguard.demo.disasters import ALWAYS_TRUE
from pgguard.demo.embedded import Embedded, port_is_free
from pgguard.demo.guard import CONSOLE, Guard
from pgguard.errors import ConfigError

USUAL_PORT = 6432


def demo(
    tour: Annotated[
        bool, typer.Option("--tour", help="Replay the disasters unattended; exit code 0 if all ended well.")
    ] = False,
    port: Annotated[int, typer.Option(help="pgguard's port on 127.0.0.1. 0: 6432, or any other if that is taken.")] = 0,
    policies: Annotated[
        Path | None, typer.Option(help="The policy file. Default: the shipped production.yaml.")
    ] = None,
) -> None:
    """Start an embedded PostgreSQL with a sample company, and pgguard in front of it. Ctrl-C stops everything."""
    console = Console(highlight=False)
    try:
        with _signals_end_it(), ExitStack() as stack:
            guard = _started(stack, console, port, policies)
            if tour:
                raise typer.Exit(0 if show_tour(console, guard) else 1)
            _show_what_to_paste(console, guard)
            while guard.running():
                time.sleep(0.3)
            raise ConfigError("pgguard ended by itself", exit_code=3)
    except ConfigError as error:
        Console(stderr=True, highlight=False).print(f"pgguard demo: {error}", markup=False, soft_wrap=True)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        console.print("Everything is stopped, nothing is left.")
        raise typer.Exit(130 if tour else 0) from None


def _started(stack: ExitStack, console: Console, port: int, policies: Path | None) -> Guard:
    server = Embedded()
    company = Company(server, Psql(server.bindir / "psql"))
    guard = Guard(company, port=port or (USUAL_PORT if port_is_free(USUAL_PORT) else 0), policies=policies)
    columns = (SpinnerColumn(finished_text="[green]✓[/]"), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:

        @contextmanager
        def step(words: str) -> Iterator[None]:
            task = progress.add_task(words, total=1)
            yield
            progress.update(task, completed=1)

        with step("PostgreSQL starts"):
            stack.enter_context(server)
        with step("the sample company moves in: 2,000 accounts, 350,000 rows behind them"):
            company.load()
        with step("pgguard starts in front of it"):
            stack.enter_context(guard)
    return guard


def _show_what_to_paste(console: Console, guard: Guard) -> None:
    psql = guard.company.psql
    number = "N"
    approve = f"{psql.line(guard.login('bob', database=CONSOLE))} -c 'APPROVE {number}'"
    lines = (
        ("", guard.ready),
        ("Paste into another terminal. You are Ann, a developer who owns all tables:", psql.line(guard.login("ann"))),
        ("Then destroy something:", f"{ALWAYS_TRUE};"),
        ("Bob is the second person. With the number of the request:", approve),
        ("The same server without pgguard, to see for yourself:", psql.line(guard.company.login("ann"))),
    )
    for words, text in lines:
        if words:
            console.print(f"\n[bold]{words}[/]")
        # Not wrapped: a line that is pasted must stay one line.
        console.print(text, markup=False, soft_wrap=True)
    console.print("\nPasswords are the names. Ctrl-C stops everything.")


@contextmanager
def _signals_end_it() -> Iterator[None]:
    """SIGTERM and a closed terminal end the demo as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    ours = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in ours}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
