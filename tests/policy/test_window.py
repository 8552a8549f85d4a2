"""Windows in time: by the clocks of their zone, over midnight, in summer and winter, and what is no window."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.errors import PolicyError
from pgguard.policy.load import loads
from pgguard.policy.window import Window, moment, window

NIGHTS = "Mon-Fri 22:00-06:00 Europe/Berlin"


def at(text: str) -> float:
    found = moment(text)
    assert isinstance(found, float), found
    return found


def has(text: str, when: str) -> bool:
    found = window(text)
    assert isinstance(found, Window), found
    return found.has(at(when))


@pytest.mark.parametrize(
    ("text", "when", "inside"),
    [
        # 2026-11-20 is a Friday.
        (NIGHTS, "2026-11-20 21:59 Europe/Berlin", False),
        (NIGHTS, "2026-11-20 22:00 Europe/Berlin", True),
        (NIGHTS, "2026-11-20 21:00 UTC", True),
        (NIGHTS, "2026-11-21 05:59 Europe/Berlin", True),  # Friday's night goes on
        (NIGHTS, "2026-11-21 06:00 Europe/Berlin", False),
        (NIGHTS, "2026-11-21 22:00 Europe/Berlin", False),  # Saturday
        (NIGHTS, "2026-11-23 05:00 Europe/Berlin", False),  # Sunday's night is none
        (f"not {NIGHTS}", "2026-11-20 22:00 Europe/Berlin", False),
        (f"not {NIGHTS}", "2026-11-22 12:00 Europe/Berlin", True),
        ("09:00-17:00", "2026-11-22 16:59 UTC", True),
        ("09:00-17:00", "2026-11-22 17:00", False),
        ("Sat,Sun", "2026-11-21 00:00", True),
        ("Sat,Sun", "2026-11-20 23:59", False),
        ("Sat-Mon", "2026-11-23 12:00", True),
        ("Fri 20:00-24:00", "2026-11-20 23:59", True),
        ("Fri 20:00-24:00", "2026-11-21 00:00", False),
        ("2026-12-20/2027-01-06", "2027-01-06 23:59", True),
        ("2026-12-20/2027-01-06", "2027-01-07 00:00", False),
        ("2026-12-20/2027-01-06 Sat,Sun 08:00-12:00 Europe/Berlin", "2026-12-26 08:30 Europe/Berlin", True),
        ("2026-12-20/2027-01-06 Sat,Sun 08:00-12:00 Europe/Berlin", "2026-12-25 08:30 Europe/Berlin", False),
        # Summer time: the same clock, another offset.
        (NIGHTS, "2026-07-03 20:00 UTC", True),
        (NIGHTS, "2026-07-03 19:59 UTC", False),
    ],
)  # fmt: skip
def test_moments(text: str, when: str, inside: bool) -> None:
    assert has(text, when) is inside


@given(st.integers(0, 4_000_000_000))
def test_not_is_the_other_way_round(seconds: int) -> None:
    plain, other = window(NIGHTS), window(f"not {NIGHTS}")
    assert isinstance(plain, Window) and isinstance(other, Window)

    assert plain.has(seconds) is not other.has(seconds)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not a time such as Mon-Fri 22:00-06:00 Europe/Berlin"),
        ("always", "is not a time such as"),
        ("Europe/Berlin", "is not a time such as"),
        ("Mo-Fr 22:00-06:00", "is not a time such as"),
        ("Mon-Fri 10pm-6am", "is not a time such as"),
        ("Mon-Fri 22:00-06:00 Europe/Berln", 'is not a time zone, did you mean "Europe/Berlin"?'),
        ("Mon 25:00-26:00", "is not from one time of the day to another"),
        ("10:00-10:00", "is not from one time of the day to another"),
        ("2026-02-30/2026-03-01", "has a date that is not in the calendar"),
        ("2026-03-02/2026-03-01", "ends before it begins"),
        ("Mon ../../etc/passwd", "is not a time such as"),
    ],
)
def test_what_is_no_window(text: str, says: str) -> None:
    found = window(text)

    assert isinstance(found, str)
    assert says in found


POLICY = """\
version: 1
callers: {people: {not_roles: [app]}}
approvers: {dba: {roles: [dba]}}
approval: {by: dba}
limits:
  - {name: by-day, match: {caller: people, time: "09:00-17:00"}, rows: 10, beyond: refuse}
  - {name: always, match: {caller: people}, rows: 100, beyond: approve}
rules:
  - name: change-window
    match: {effect: [create, alter, drop], time: "not Sat,Sun"}
    then: refuse
  - {name: freeze, match: {destroys: any, time: 2026-12-20/2027-01-06}, then: refuse}
tests:
  - {as: ann, sql: create table x (id int), time: 2026-11-20 12:00, expect: {decision: refuse, by: [change-window]}}
  - {as: ann, sql: create table x (id int), time: 2026-11-21 12:00, given: {destroyed: []}, expect: {decision: allow}}
  - as: ann
    sql: delete from t
    time: 2026-11-20 12:00
    given: {measured: {t: {deleted: 50}}}
    expect: {decision: refuse, by: [by-day], sqlstate: PGG03}
  - as: ann
    sql: delete from t
    time: 2026-11-20 18:00
    given: {measured: {t: {deleted: 50}}}
    expect: {decision: allow}
  - as: ann
    sql: truncate t
    time: 2026-12-26 18:00
    given: {destroyed: [data t]}
    expect: {decision: refuse, by: [freeze]}
  # Without a time nobody knows, and what is not known is refused.
  - {as: ann, sql: drop table t, given: {destroyed: [table t]}, expect: {decision: refuse, sqlstate: PGG05}}
  - {as: ann, sql: select 1, expect: {decision: allow}}
"""


def test_a_policy_by_the_clock() -> None:
    policy = loads(POLICY)
    by_day, by_night = policy.at(at("2026-11-20 12:00")), policy.at(at("2026-11-21 02:00"))

    assert policy.speaks_of_time
    assert not by_day.speaks_of_time
    assert [one.name for one in (*by_day.limits, *by_day.rules)] == ["by-day", "always", "change-window"]
    assert [one.name for one in (*by_night.limits, *by_night.rules)] == ["always"]
    assert by_day.name == policy.name
    assert by_day != by_night
    assert by_day == policy.at(at("2026-11-20 13:00"))


def test_an_approval_is_bound_to_the_rule_as_it_stands_in_the_file() -> None:
    policy = loads(POLICY)

    assert policy.at(at("2026-11-20 12:00")).limits[0].digest == policy.limits[0].digest
    assert loads(POLICY).at(at("2026-11-20 12:00")).limits[0].digest == policy.limits[0].digest
    assert loads(POLICY.replace("09:00", "08:00")).limits[0].digest != policy.limits[0].digest


def test_a_policy_without_times_is_itself() -> None:
    policy = loads("version: 1\n")

    assert policy.at(0.0) is policy


@pytest.mark.parametrize(
    ("match", "says"),
    [
        ('{time: "22:00-06:00"}', "time alone would speak of every statement, reads too; add effect or kind"),
        ("{time: tonight, effect: drop}", '"tonight" is not a time such as'),
    ],
)
def test_mistakes(match: str, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        loads(f"version: 1\nrules:\n  - {{name: x, match: {match}, then: refuse}}\n")
    with pytest.raises(PolicyError, match="is not a moment such as 2026-11-20 23:00 Europe/Berlin"):
        loads("version: 1\ntests:\n  - {as: a, sql: select 1, time: noon, expect: {decision: allow}}\n")
