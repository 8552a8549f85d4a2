"""Times of the week, or from one date to another, in a time zone: freezes and change windows.

A moment is handed in, never asked for. What a policy says about time is settled before anybody is judged by it
(``Policy.at``): sessions meet a policy in which no rule speaks of time, and a new one when a window opens or closes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pgguard.policy.suggest import close, did_you_mean

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY = "|".join(_DAYS)
_FORM = re.compile(
    rf"""
    (?P<not> not\s+ )?
    (?: (?P<first> \d{{4}}-\d\d-\d\d ) / (?P<last> \d{{4}}-\d\d-\d\d ) (?:\s+|\Z) )?
    (?: (?P<days> (?:{_DAY})(?:-(?:{_DAY}))? (?:,(?:{_DAY})(?:-(?:{_DAY}))?)* ) (?:\s+|\Z) )?
    (?: (?P<begin> \d\d:\d\d ) - (?P<end> \d\d:\d\d ) (?:\s+|\Z) )?
    (?P<zone> [A-Za-z][\w+-]*(?:/[\w+-]+)* )?
    """,
    re.VERBOSE,
)
EXAMPLE = "Mon-Fri 22:00-06:00 Europe/Berlin"


@dataclass(frozen=True, slots=True)
class Window:
    """``begin`` and ``end`` are minutes of the day; an end that is not behind the begin is on the next day, which
    belongs to the day and date on which the window began. ``outside``: it is meant the other way round."""

    first: date | None
    last: date | None
    days: frozenset[int]
    begin: int
    end: int
    zone: ZoneInfo
    outside: bool

    def has(self, moment: float) -> bool:
        """Whether ``moment`` (seconds since 1970) is in it, by the clocks of its zone."""
        local = datetime.fromtimestamp(moment, UTC).astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        today = local.date()
        if self.begin < self.end:
            inside = self.begin <= minute < self.end and self._on(today)
        else:
            inside = (minute >= self.begin and self._on(today)) or (
                minute < self.end and self._on(today - timedelta(days=1))
            )
        return inside is not self.outside

    def _on(self, day: date) -> bool:
        if self.first is not None and self.last is not None and not self.first <= day <= self.last:
            return False
        return day.weekday() in self.days


@lru_cache(maxsize=256)
def window(text: str) -> Window | str:
    """The window that ``text`` stands for; else what is wrong with it."""
    found = _FORM.fullmatch(text.strip())
    if found is None or not (found["first"] or found["days"] or found["begin"]):
        return f'"{text}" is not a time such as {EXAMPLE}, Sat,Sun or 2026-12-20/2027-01-06'
    zone = zone_of(found["zone"] or "UTC")
    if isinstance(zone, str):
        return zone
    begin, end = minutes(found["begin"] or "00:00"), minutes(found["end"] or "24:00")
    if begin is None or end is None or begin == 1440 or begin == end:
        return f'"{found["begin"]}-{found["end"]}" is not from one time of the day to another'
    try:
        first, last = (date.fromisoformat(found[which]) if found[which] else None for which in ("first", "last"))
    except ValueError:
        return f'"{found["first"]}/{found["last"]}" has a date that is not in the calendar'
    if first is not None and last is not None and last < first:
        return f'"{found["first"]}/{found["last"]}" ends before it begins'
    return Window(first, last, _days(found["days"] or "Mon-Sun"), begin, end, zone, bool(found["not"]))


def moment(text: str) -> float | str:
    """Seconds since 1970 of ``2026-11-20 23:00 Europe/Berlin``; else what is wrong with it."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(?: ([A-Za-z][\w+/-]*))?", text.strip())
    zone = zone_of((found[3] if found else "") or "UTC")
    if isinstance(zone, str):
        return zone
    try:
        return datetime.fromisoformat(f"{found[1]} {found[2]}" if found else "").replace(tzinfo=zone).timestamp()
    except ValueError:
        return f'"{text}" is not a moment such as 2026-11-20 23:00 Europe/Berlin'


def minutes(text: str) -> int | None:
    """Of the day; None when there is no such time. 24:00 is its end."""
    hour, minute = int(text[:2]), int(text[3:])
    return hour * 60 + minute if (hour < 24 and minute < 60) or text == "24:00" else None


def zone_of(name: str) -> ZoneInfo | str:
    """The time zone of this name; else what is wrong with it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f'"{name}" is not a time zone{did_you_mean(close(name, sorted(available_timezones())))}'


def _days(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        begin, end = _DAYS.index(first), _DAYS.index(last or first)
        found.update(range(begin, end + 1) if begin <= end else [*range(begin, 7), *range(end + 1)])
    return frozenset(found)
