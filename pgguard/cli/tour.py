"""What ``pgguard demo --tour`` shows of each scene: the statement, pgguard's answer, the row counts around it."""

from __future__ import annotations

import re
import textwrap

from rich.console import Console
from rich.text import Text

from pgguard.demo.disasters import SCENES
from pgguard.demo.guard import Guard
from pgguard.demo.scene import Approve, Loop, Played, Run
from pgguard.demo.tour import Tour


def show_tour(console: Console, guard: Guard) -> bool:
    """Play all scenes. True: every single step ended as it must, and no row was lost that should not be."""
    tour = Tour(guard.company, guard)
    steps = 0
    for number, scene in enumerate(SCENES, 1):
        console.print(f"\n[bold]{number}. {scene.title}[/]")
        console.print(scene.story, style="dim")
        for played in tour.play(scene):
            steps += 1
            _show(console, played)
    style, words = ("red", f"{tour.failed} of {steps} steps did not end as they must") if tour.failed else (
        "green", f"all {steps} steps ended as they must")  # fmt: skip
    console.print(f"\n[bold {style}]{words}[/]")
    return tour.failed == 0


def _show(console: Console, played: Played) -> None:
    console.print()
    console.print(_said(played), soft_wrap=True)
    for line in spoken(played.answer.said + played.answer.complained):
        console.print(Text("  " + line), soft_wrap=True)
    _counts(console, played)
    if not played.problems:
        console.print("[green]✓[/] as it must")
    for problem in played.problems:
        console.print(Text.assemble(("✗ ", "bold red"), problem), soft_wrap=True)


def _said(played: Played) -> Text:
    match played.step:
        case Run(who=who, sql=sql, claim=claim):
            where = f" (claims {claim})" if claim else ""
            return Text.assemble((f"{who}{where}> ", "bold cyan"), textwrap.dedent(sql).strip())
        case Loop(who=who, sql=sql, keys=keys):
            command = f'for n in $(seq {keys[0]} {keys[-1]}); do psql -c "{sql.format(key="$n")}"; done'
            return Text.assemble((f"{who}$ ", "bold cyan"), command)
        case Approve(who=who):
            return Text.assemble((f"{who}> ", "bold cyan"), f"pgguard approve {played.number or '?'}")


def _counts(console: Console, played: Played) -> None:
    before, after = played.before.tables, played.after.tables
    if before == after:
        same = ", ".join(f"{name} {content.rows}" for name, content in before.items())
        console.print(Text(f"rows before and after, every one the same: {same}", style="dim"))
        return
    line = Text("rows before → after: ", style="dim")
    for place, (name, then) in enumerate(before.items()):
        now = after.get(name)
        line.append(", " if place else "")
        line.append(f"{name} {then.rows} → {now.rows if now else 'gone'}", style="" if now == then else "bold yellow")
    console.print(line)


def spoken(text: str) -> list[str]:
    """What psql printed, without the places in psql's and the server's source that nobody reads."""
    lines = (line.rstrip() for line in text.splitlines())
    return [re.sub(r"^psql:[^:]*:\d+: ", "", line) for line in lines if line and not line.startswith("LOCATION:")]
