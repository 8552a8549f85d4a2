"""Plays a case against an endpoint, in its protocol form, and gives what came back as comparable lines."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator

from harmless.case import Case, Step
from live import frontend as f
from live.backend import Message, Transcript
from live.endpoint import Endpoint, clean_environment, password_of
from live.raw import Raw

# What differs between any two runs, direct or not.
_VARIES = (
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d+(?:[+-]\d\d(?::?\d\d)?)?"), "<now>"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"\d+(?:\.\d+)? (?:ms|s)\b"), "<time>"),
)


def steady(text: str, database: str = "") -> str:
    """``text`` without what differs between any two runs."""
    for pattern, word in _VARIES:
        text = pattern.sub(word, text)
    return re.sub(rf"\b{database}\b", "<database>", text) if database else text


def play(endpoint: Endpoint, database: str, case: Case) -> list[str]:
    """Everything that the client of this case gets to see."""
    if case.form == "psql":
        script = "".join(f"{step.sql}\n" if _is_meta(step.sql) else f"{step.sql};\n" for step in case.steps)
        args = ["-v", "VERBOSITY=verbose", "-v", "SHOW_CONTEXT=always"]
        ran = endpoint.psql(script, user=case.user, dbname=database, args=args)
        if case.compare == "shape":
            return [str(ran.returncode), ran.stderr]
        return [steady(line, database) for line in f"{ran.returncode}\n{ran.stdout}\n{ran.stderr}".splitlines()]
    if case.form == "program":
        return [line for step in case.steps for line in _program(endpoint, database, case, step)]
    parameters = {"options": case.options} if case.options else {}
    with Raw.connect(endpoint, case.user, database, parameters=parameters) as raw:
        transcript = Transcript(own_pid=raw.pid)
        ends = [*_talk(raw, case), raw.query("rollback"), raw.query("select 'the end'")]
        lines = [_line(transcript, message, case.compare) for messages in ends for message in messages]
    return [steady(line, database) for line in lines]


def _is_meta(text: str) -> bool:
    return text.splitlines()[-1].startswith("\\")


def _line(transcript: Transcript, message: Message, compare: str) -> str:
    if compare == "shape" and message.kind in "Dd":
        return f"{message.name} ..."
    return transcript.line(message)


def _talk(raw: Raw, case: Case) -> Iterator[list[Message]]:
    if case.form == "pipeline":
        yield from _pipeline(raw, case.steps)
        return
    for number, step in enumerate(case.steps):
        if case.form == "simple":
            yield raw.ask(f.query(step.sql) + _copied(step))
        elif case.form == "extended":
            run = f.run(step.sql, step.values, types=step.types, rows=step.rows)
            yield raw.ask(run + _copied(step) + f.sync())
        elif case.form == "named":
            name = f"s{number}"
            yield raw.ask(f.parse(step.sql, name, step.types) + f.describe("S", name) + f.sync())
            yield raw.ask(f.bind(step.values, name) + f.describe("P") + f.execute() + f.sync())
            yield raw.ask(f.bind(step.values, name) + f.execute() + f.close("S", name) + f.sync())
        else:  # asyncpg describes, waits, and only then binds
            name = f"__asyncpg_stmt_{number}__"
            raw.send(f.parse(step.sql, name, step.types) + f.describe("S", name) + f.flush())
            described = [raw.read()]
            while described[-1].kind not in "TnE":
                described.append(raw.read())
            yield described
            run = f.bind(step.values, name) + f.execute() if described[-1].kind != "E" else b""
            yield raw.ask(run + f.sync())


def _pipeline(raw: Raw, steps: tuple[Step, ...]) -> Iterator[list[Message]]:
    """Everything up to a step SYNC, or the end, in one write."""
    batch = b""
    for step in (*steps, Step("SYNC")):
        if step.sql == "SYNC":
            yield raw.ask(batch + f.sync())
            batch = b""
        else:
            batch += f.run(step.sql, step.values, types=step.types, rows=step.rows)


def _copied(step: Step) -> bytes:
    return f.copy_data(step.data) + f.copy_done() if step.data is not None else b""


def _program(endpoint: Endpoint, database: str, case: Case, step: Step) -> Iterator[str]:
    """A program of PostgreSQL's own; ``values`` are what stands on its command line."""
    env = {
        "PGHOST": endpoint.host, "PGPORT": str(endpoint.port), "PGUSER": case.user, "PGDATABASE": database,
        "PGPASSWORD": password_of(case.user), "PGOPTIONS": case.options,
    }  # fmt: skip
    ran = subprocess.run(
        [str(endpoint.bindir / step.sql), *(v for v in step.values if v is not None)], input=step.data or "",
        capture_output=True, text=True, timeout=120, check=False, env=clean_environment(env), cwd=os.sep,
    )  # fmt: skip
    yield f"{step.sql}: {ran.returncode}"
    if case.compare == "rows":
        yield from (steady(line, database) for line in (ran.stdout + ran.stderr).splitlines())
