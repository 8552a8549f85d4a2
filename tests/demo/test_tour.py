"""The tour without a guard: played straight at PostgreSQL every disaster happens, and the tour must say so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pgguard.demo.client import Answer, Login, Psql
from pgguard.demo.company import Company
from pgguard.demo.disasters import SCENES, TEN_AGAIN, TEN_GONE
from pgguard.demo.embedded import Embedded
from pgguard.demo.guard import Guard
from pgguard.demo.scene import Approve, Loop, Run, Scene
from pgguard.demo.tour import Tour

pytestmark = pytest.mark.live


@dataclass
class NoGuard(Guard):
    """Nothing in front of the server, and everybody may approve."""

    company: Company

    def login(self, role: str, *, database: str = "") -> Login:
        return self.company.login(role)

    def approve(self, role: str, number: int) -> Answer:
        return Answer(0, "approved")


@pytest.fixture
def tour(bindir: Path) -> Iterator[Tour]:
    with Embedded(bindir) as server:
        company = Company(server, Psql(bindir / "psql"))
        company.load()
        yield Tour(company, NoGuard(company))


def scene(title: str) -> Scene:
    return next(scene for scene in SCENES if scene.title == title)


def test_a_days_work_is_right_without_a_guard_too(tour: Tour) -> None:
    """What the tour expects of harmless work is what PostgreSQL itself does with it."""
    approvals = (Approve("bob", may=True), Approve("ann", may=False))

    assert all(played.problems for played in tour.play(Scene("", "", approvals))), "there is no request yet"
    assert [played.problems for played in tour.play(scene("a day's work"))] == [()] * 6


def test_the_promised_damage_of_ten_accounts_is_the_real_one(tour: Tour) -> None:
    steps = [step for step in scene("a second person").steps if isinstance(step, Run) and not step.refused]

    assert [step.sql for step in steps][1:] == [TEN_AGAIN]
    assert steps[0].changes == TEN_GONE
    assert [played.problems for played in tour.play(Scene("", "", tuple(steps)))] == [(), ()]


def test_disasters_that_nobody_stops_fail(tour: Tour) -> None:
    played = [played for scene in SCENES for played in tour.play(scene)]
    lost = {problem.split(":")[0].split()[0] for one in played for problem in one.problems}

    for one in played:
        if isinstance(one.step, Run | Loop) and one.step.refused:
            assert any("expected PGG" in problem for problem in one.problems), one
    assert {"transactions", "inventory", "accounts", "users", "returns", "orders", "relation"} <= lost
    assert tour.failed == sum(bool(one.problems) for one in played) > len(SCENES)


def test_every_refusal_that_the_issue_names_has_its_scene() -> None:
    refusals = [step.refused for scene in SCENES for step in scene.steps if isinstance(step, Run) and step.refused]

    assert refusals.count("PGG01") == 2
    assert refusals.count("PGG02") >= 8
