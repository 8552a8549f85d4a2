"""Which limits the rows of a transaction cross, and which tables' sizes must be known to say so."""

from __future__ import annotations

from collections.abc import Iterable

from pgguard.evidence.measurement import Measurement, TableEffect
from pgguard.policy.match import Answer, Sight, matches, measured_table
from pgguard.policy.model import Budget, Limit, RowsByVerb
from pgguard.policy.verdict import Blame


def speaks(limit: Limit | Budget, sight: Sight) -> Answer:
    """Whether the limit or budget speaks of this caller. Which tables it counts is another question."""
    return matches(limit.match, sight, who_only=True)


def crossed(limit: Limit, measurement: Measurement) -> Blame | None:
    """What is beyond the limit, or None when the measured rows stay within it."""
    counted = _counted(limit, measurement)
    if limit.rows is None:
        return _share_crossed(limit, counted)
    says = _beyond(limit, sum(t.rows.updated for t in counted), sum(t.rows.deleted for t in counted), "")
    return Blame(limit.name, says, limit.digest) if says else None


def crossed_by_bound(limit: Limit, bound: int, deleted: int) -> Blame | None:
    """What could be beyond the limit, when at most ``bound`` rows are lost, ``deleted`` of them by DELETE. A bound
    knows no tables, so all of it counts, and no sizes, so every share is exceeded."""
    if limit.rows is None:
        assert limit.at_least is not None
        says = f"at most {rows(bound)}, the table's size is not known (limit {_percent(limit)})"
        return Blame(limit.name, says, limit.digest) if bound > limit.at_least else None
    says = _beyond(limit, max(0, bound - deleted), deleted, "at most ")
    return Blame(limit.name, says, limit.digest) if says else None


def stops(limits: Iterable[Limit], measurement: Measurement) -> tuple[tuple[int, int], ...]:
    """(table OID, count up to) for each table whose size decides a share: one row more than the smallest table of
    which the lost rows are no longer beyond the share."""
    wanted: dict[int, int] = {}
    for limit in limits:
        if limit.share is None or limit.at_least is None:
            continue
        for table in _counted(limit, measurement):
            if table.rows.lost > limit.at_least and table.total is None:
                stop = int(table.rows.lost / limit.share) + 1
                wanted[table.oid] = max(stop, wanted.get(table.oid, 0))
    return tuple(wanted.items())


def excess(limit: Limit, measurement: Measurement) -> float:
    """How many times over the limit the rows are: the worst crossing is named first."""
    counted = _counted(limit, measurement)
    if isinstance(limit.rows, int):
        return sum(t.rows.lost for t in counted) / max(limit.rows, 1)
    if isinstance(limit.rows, RowsByVerb):
        pairs = (
            (sum(t.rows.deleted for t in counted), limit.rows.deleted),
            (sum(t.rows.updated for t in counted), limit.rows.updated),
        )
        return max((number / max(most, 1) for number, most in pairs if most is not None), default=0)
    return 0


def rows(number: int, what: str = "") -> str:
    """``1 row deleted``, ``52000 rows``."""
    return f"{number} row{'' if number == 1 else 's'}{' ' + what if what else ''}"


def _counted(limit: Limit, measurement: Measurement) -> list[TableEffect]:
    globs = limit.match.get("table")
    return [t for t in measurement.tables if t.rows.lost and (globs is None or measured_table(globs, t.name))]


def _beyond(limit: Limit, updated: int, deleted: int, prefix: str) -> str:
    if isinstance(limit.rows, int):
        lost = updated + deleted
        return f"{prefix}{rows(lost)} (limit {limit.rows})" if lost > limit.rows else ""
    assert limit.rows is not None
    verbs = (("deleted", deleted, limit.rows.deleted), ("updated", updated, limit.rows.updated))
    crossed = [(verb, number, most) for verb, number, most in verbs if most is not None and number > most]
    return ", ".join(f"{prefix}{rows(number, verb)} (limit {most})" for verb, number, most in crossed)


def _share_crossed(limit: Limit, counted: list[TableEffect]) -> Blame | None:
    assert limit.share is not None and limit.at_least is not None
    # FAIL CLOSED: a table whose size could not be had counts as one of which too much is lost.
    beyond = [
        t for t in counted
        if t.rows.lost > limit.at_least and (t.total is None or t.rows.lost > limit.share * t.total)
    ]  # fmt: skip
    if not beyond:
        return None
    worst = max(beyond, key=lambda t: (t.rows.lost, t.name))
    of = f"{worst.rows.lost} of {rows(worst.total)} of" if worst.total is not None else f"{rows(worst.rows.lost)} of"
    unknown = ", whose size is not known" if worst.total is None else ""
    if worst.total is not None and worst.rows.lost > worst.total:
        unknown = ", counting rows that it inserted itself and rows that it changed twice"
    more = f" and {len(beyond) - 1} more" if len(beyond) > 1 else ""
    return Blame(limit.name, f"{of} {worst.name}{more}{unknown} (limit {_percent(limit)})", limit.digest)


def _percent(limit: Limit) -> str:
    assert limit.share is not None
    return f"{float(limit.share * 100):g}%"
