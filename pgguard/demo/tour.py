"""Plays scenes against a running pgguard, and sees for itself over a direct connection how they ended."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pgguard.demo.client import Answer
from pgguard.demo.company import Company, State
from pgguard.demo.guard import Guard
from pgguard.demo.scene import Approve, Loop, Played, Run, Scene, Step, judge

AT_ONCE = 4  # psql processes of a loop


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
            case Loop():
                answer = self._loop(step)
                self._request = answer.request if answer.request is not None else self._request
                return answer
            case Approve():
                if self._request is None:
                    return Answer(-1 if step.may else 0, "", "no request was filed that could be approved")
                return self.guard.approve(step.who, self._request)

    def _loop(self, step: Loop) -> Answer:
        """Every one of them, and then what it came to."""
        login = self.guard.login(step.who)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            sent = [pool.submit(self.company.psql.run, login, step.sql.format(key=key)) for key in step.keys]
            answers = [one.result() for one in sent]
        refused = [answer for answer in answers if answer.exit_code]
        requests = {answer.request for answer in refused}
        said = f"{len(answers)} psql processes: {len(answers) - len(refused)} ran, {len(refused)} were refused, "
        said += f"{len(requests)} request{'' if len(requests) == 1 else 's'} filed\n"
        return Answer(1, said, refused[-1].complained) if refused else Answer(0, said)
