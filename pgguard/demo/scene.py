"""One disaster as data: who runs what, what must be answered, what must be left; and the judge of how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pgguard.demo.client import Answer
from pgguard.demo.company import State


@dataclass(frozen=True, slots=True)
class Run:
    """``who`` sends ``sql`` through pgguard with psql.

    ``refused``: the SQLSTATE that must come back; "": it must run. ``says``: each of these must be in the answer.
    ``changes``: table -> difference in rows (0: its rows may change, not their number). Every other table must hold
    exactly the same rows as before, and no object may have changed.
    """

    who: str
    sql: str
    refused: str = ""
    says: tuple[str, ...] = ()
    changes: Mapping[str, int] = field(default_factory=dict)
    claim: str = ""  # the environment that the client says it is in
    as_file: bool = False  # as a script: every statement on its own


@dataclass(frozen=True, slots=True)
class Loop:
    """``who`` starts a psql for each of ``keys``, a few at a time, with ``sql`` about that key. The rest is as in Run,
    of all of them together; the answer is that of the last one that was refused, and how many there were."""

    who: str
    sql: str  # with {key} in it
    keys: range
    refused: str
    says: tuple[str, ...] = ()
    changes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Approve:
    """``who`` approves the request that was filed last. ``may``: whether that must work."""

    who: str
    may: bool


Step = Run | Loop | Approve


@dataclass(frozen=True, slots=True)
class Scene:
    """One story, told in steps."""

    title: str
    story: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Played:
    """One step as it really went. ``problems`` empty: it ended as it must."""

    step: Step
    answer: Answer
    before: State
    after: State
    problems: tuple[str, ...]
    number: int | None = None  # the request that an Approve was about


def judge(step: Step, answer: Answer, before: State, after: State) -> tuple[str, ...]:
    """Everything in which this step did not end as it must, in words."""
    match step:
        case Run() | Loop():
            return (*_answer(step, answer), *_damage(before, after, step.changes))
        case Approve():
            went = answer.exit_code == 0
            wrong = () if went == step.may else (f"{step.who} {'could' if went else 'could not'} approve",)
            return (*wrong, *_damage(before, after, {}))


def _answer(step: Run | Loop, answer: Answer) -> tuple[str, ...]:
    problems = []
    if answer.sqlstate != step.refused:
        problems.append(f"SQLSTATE {answer.sqlstate or 'none'}, expected {step.refused or 'none'}")
    if (answer.exit_code != 0) != bool(step.refused):
        problems.append(f"psql ended with {answer.exit_code}")
    if step.refused == "PGG02" and answer.request is None:
        problems.append("no request was named")
    told = answer.said + answer.complained
    problems += [f"it did not say {words!r}" for words in step.says if words not in told]
    return tuple(problems)


def _damage(before: State, after: State, changes: Mapping[str, int]) -> tuple[str, ...]:
    """Differences that nobody asked for."""
    problems = [f"{name} is gone" for name in before.tables if name not in after.tables]
    for name, now in after.tables.items():
        then = before.tables.get(name)
        if then is None:
            problems.append(f"{name} is new")
        elif now.rows - then.rows != changes.get(name, 0):
            problems.append(f"{name}: {then.rows} rows became {now.rows}, expected {then.rows + changes.get(name, 0)}")
        elif name not in changes and now.checksum != then.checksum:
            problems.append(f"{name}: rows were overwritten")
    problems += [f"{name} is lost or changed" for name in sorted(before.objects - after.objects)]
    problems += [f"{name} is new or changed" for name in sorted(after.objects - before.objects)]
    return tuple(problems)
