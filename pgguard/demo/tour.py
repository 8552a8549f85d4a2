"""Plays scenes against a running pgguard, and sees for itself over a direct connection how they ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pgguard.demo.client import Answer
from pgguard.demo.company import Company, State
from pgguard.demo.guard import Guard
from pgguard.demo.scene import Approve, Played, Run, Scene, Step, judge


@dataclass(slots=True)
class Tour:
    """One run over scenes. ``failed`` counts the steps that did not end as they must."""

    company: Company
    guard: Guard
    failed: int = 0
    _request: int | None = None
    _state: State | None = None

    def play(self, scene: Scene) -> Iterator[Played]:
        """Each step of ``scene``, as it really went. A step that failed does not end the scene."""
        for step in scene.steps:
            before = self._state or self.company.state()
            answer = self._take(step)
            self._state = after = self.company.state()
            problems = judge(step, answer, before, after)
            self.failed += bool(problems)
            yield Played(step, answer, before, after, problems, self._request if isinstance(step, Approve) else None)

    def _take(self, step: Step) -> Answer:
        match step:
            case Run():
                login = self.guard.login(step.who)
                answer = self.company.psql.run(login, step.sql, claim=step.claim, as_file=step.as_file)
                self._request = answer.request if answer.request is not None else self._request
                return answer
            case Approve():
                if self._request is None:
                    return Answer(-1 if step.may else 0, "", "no request was filed that could be approved")
                return self.guard.approve(step.who, self._request)
