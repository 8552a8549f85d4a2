"""Harmless work goes through pgguard under the shipped production policy as if there were none: the same rows, tags,
SQLSTATEs, notices and positions, in the same order, and the same database afterwards."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from harmless.case import Case, Step, all_cases
from harmless.lane import Lane

CASES = all_cases()
_SQLSTATE = re.compile(r"\bC='(\w{5})'|^(?:psql:\S+ )?ERROR:  (\w{5}):")

pytestmark = pytest.mark.live


def failures(lines: list[str]) -> list[str]:
    """The SQLSTATEs of the errors in what a client saw."""
    errors = [line for line in lines if "ErrorResponse" in line or "ERROR:" in line]
    return [next(filter(None, found.groups())) for line in errors if (found := _SQLSTATE.search(line))]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_client_cannot_tell(lane: Lane, case: Case, request: pytest.FixtureRequest) -> None:
    if lane.server.version < case.since:
        pytest.skip(f"PostgreSQL {case.since} and later")
    if case.is_known(lane.server.version):
        request.applymarker(pytest.mark.xfail(reason=f"known: {case.known}", strict=True))
    try:
        direct, guarded = lane.both(case)
        assert guarded == direct
        if tuple(failures(direct)) != case.fails:  # something that an earlier case has left behind is in its way
            lane.drop_databases()
            direct, guarded = lane.both(case)

        assert guarded == direct
        assert tuple(failures(direct)) == case.fails, "the case itself is wrong: PostgreSQL answered this"
        assert lane.differences() == []
    except BaseException:
        lane.drop_databases()
        raise


def test_a_refusal_would_be_seen(lane: Lane) -> None:
    """The comparison can fail: this one is refused, and the rows differ afterwards."""
    try:
        direct, guarded = lane.both(Case("none", "harmful", "simple", (Step("delete from order_items"),)))

        assert failures(direct) == []
        assert failures(guarded) == ["PGG02"]
        assert lane.differences()[:2] == ["order_items: --- direct", "order_items: +++ guarded"]
    finally:
        lane.drop_databases()


def test_the_collection_is_large_and_every_case_is_there_once() -> None:
    assert len(CASES) >= 250
    assert [name for name, times in Counter(case.id for case in CASES).items() if times > 1] == []
