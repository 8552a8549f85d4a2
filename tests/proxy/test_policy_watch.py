"""The policy in force is the file as it was last, whoever asks for it to be read, and whenever it was written."""

from __future__ import annotations

import asyncio
from pathlib import Path

from structlog.testing import capture_logs

from pgguard.policy.load import load
from pgguard.policy.model import Policy
from pgguard.proxy.policy_watch import PolicyWatch

TRIAL = "  - {as: ann, sql: select 1, expect: {decision: allow}}\n"


class Services:
    """As much of ``proxy.services.Services`` as a watch has to do with."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def new_policy(self, policy: Policy) -> None:
        self.policy = policy


def text(rows: int, tests: int = 0) -> str:
    limit = f"version: 1\nlimits:\n  - {{name: small, rows: {rows}, beyond: refuse}}\n"
    return limit + ("tests:\n" + TRIAL * tests if tests else "")


def watched(path: Path) -> tuple[PolicyWatch, Services]:
    services = Services(load(path))
    return PolicyWatch(path, services, lambda policy: ""), services  # type: ignore[arg-type]


async def test_the_last_policy_wins_when_an_earlier_one_takes_longer_to_read(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text(5))
    watch, services = watched(path)
    path.write_text(text(10, tests=1000))
    slow = asyncio.create_task(watch.reload())
    await asyncio.sleep(0.02)
    path.write_text(text(20))
    assert [await watch.reload(), await slow] == ["", ""]

    assert services.policy.limits[0].rows == 20


async def test_what_was_written_before_the_folder_is_watched_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text(5))
    watch, services = watched(path)
    with capture_logs() as logs:
        await watch.catch_up()
    assert logs == []
    path.write_text("nonsense")
    with capture_logs() as logs:
        await watch.catch_up()
    assert [one["log_level"] for one in logs] == ["error"]
    path.write_text(text(10))
    await watch.catch_up()

    assert services.policy.limits[0].rows == 10


async def test_the_folder_is_watched_from_the_first_step_on(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text(5))
    watch, services = watched(path)
    running = asyncio.create_task(watch.run())
    await asyncio.sleep(0)
    path.write_text(text(10))
    async with asyncio.timeout(60):
        while services.policy.limits[0].rows == 5:
            await asyncio.sleep(0.01)
    watch.stop()
    await running
