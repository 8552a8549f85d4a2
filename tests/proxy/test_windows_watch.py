"""When a window opens or closes, the worlds get another policy, and none when nothing has changed."""

from __future__ import annotations

import asyncio

from pgguard.policy.load import loads
from pgguard.policy.model import Policy
from pgguard.proxy.windows_watch import WindowsWatch

POLICY = """\
version: 1
limits:
  - {name: by-day, match: {time: "09:00-17:00"}, rows: 10, beyond: refuse}
  - {name: always, rows: 100, beyond: refuse}
"""
DAY, NIGHT = 12 * 3600.0, 2 * 3600.0


class Services:
    """What the watch needs of the real ones, and a clock that the test sets."""

    def __init__(self, text: str) -> None:
        self.policy = loads(text)
        self.now = DAY
        self.told: list[int] = []

    def in_force(self) -> Policy:
        return self.policy.at(self.now)

    def new_policy(self, policy: Policy) -> None:
        assert policy is self.policy
        self.told.append(self.in_force().rules_count)


def test_each_edge_is_told_once() -> None:
    services = Services(POLICY)
    watch = WindowsWatch(services)  # type: ignore[arg-type]
    known = services.in_force()
    for now in (DAY, DAY + 1, NIGHT, NIGHT + 1, DAY, NIGHT):
        services.now = now
        known = watch.look(known)

    assert services.told == [1, 2, 1]


def test_a_policy_without_times_is_never_told() -> None:
    services = Services(POLICY.replace('match: {time: "09:00-17:00"}, ', ""))
    watch = WindowsWatch(services)  # type: ignore[arg-type]
    services.now = NIGHT

    assert watch.look(services.in_force()) is services.policy
    assert not services.told


async def test_it_ends_when_it_is_told_to() -> None:
    watch = WindowsWatch(Services(POLICY))  # type: ignore[arg-type]
    running = asyncio.create_task(watch.run())
    await asyncio.sleep(0)
    watch.stop()
    await asyncio.wait_for(running, 60)
