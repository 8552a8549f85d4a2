"""User code reachable: whether a statement can run code that changes more than it says, and by what road.

A walk over ``roads`` from what the statement names. Functions in SQL and PL/pgSQL are read and followed; whatever a
function declares counts for nothing, because one declared IMMUTABLE can delete, and runs in EXPLAIN and at Bind. The
answer may be "reachable" too often, never too seldom.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pgguard.catalog.closure import Change, Verb, closure
from pgguard.catalog.picture import FIRST_USER_OID, Picture
from pgguard.catalog.roads import ROADS, Road, Step, named, of_closure, of_names, of_reads
from pgguard.catalog.targets import changes
from pgguard.sql.statement import Effect, Statement, StatementKind

_DDL_KINDS = frozenset({StatementKind.COMMENT, StatementKind.MAINTENANCE})
_DDL_EFFECTS = frozenset({Effect.CREATE, Effect.ADD, Effect.ALTER, Effect.DROP, Effect.GRANT})
# These build, scan or rewrite the relations they name.
_WORKS_ON_RELATIONS = frozenset({"AlterTableStmt", "IndexStmt", "CreateStmt", "CreateStatsStmt"})
_REMEMBERED = 20_000
# Bytes of bodies that one statement may have read for it: some 2 ms for each kB, on the loop that serves everybody.
MAX_READ = 64 * 1024


class Reached(NamedTuple):
    """``reason``: why code that is not harmless can run, "" when none can. ``inserts``: relations that functions add
    rows to on the way, partitions and all. ``calls``: there are functions with bodies on it. Neither is said when there
    is a reason."""

    reason: str = ""
    inserts: frozenset[int] = frozenset()
    calls: bool = False


_NOTHING = Reached()
_TOO_MUCH = "more bodies of functions than are read for one statement"  # the next one finds some of them read


def reached(statement: Statement, picture: Picture, param_types: tuple[int, ...] = ()) -> Reached:
    inserts: frozenset[int] = frozenset()
    calls = False
    allowance = [MAX_READ]
    for step in _steps(statement, picture, param_types):
        if isinstance(step, str):
            return Reached(step)
        found = _walk(picture, step, allowance, strict=False)
        if found.reason:
            return found
        inserts |= found.inserts
        calls = calls or found.calls
    return Reached("", closure(picture, (Change(oid, Verb.INSERT) for oid in inserts)).relations, calls)


def user_code(statement: Statement, picture: Picture, param_types: tuple[int, ...] = ()) -> str:
    """The first reason found, in words; "" when no such code can run."""
    return reached(statement, picture, param_types).reason


def analysis_runs_code(picture: Picture) -> bool:
    """Whether analysing a text, as Parse, PREPARE and CREATE FUNCTION do, can run code that is not harmless. A literal
    of an array, a row or a range goes through its type's input function there, and so through the checks of domains in
    it and the functions of the range. (Of a domain alone the checks wait for the Execute.)"""
    known: bool | None = picture.memo.get("analysis")
    if known is None:
        makers = (
            t for t in picture.types.values()
            if t.oid >= FIRST_USER_OID and (t.trees or any(f >= FIRST_USER_OID for f in t.functions))
        )  # fmt: skip
        known = any(_walk(picture, Road("type", found.oid), [MAX_READ], strict=False).reason for found in makers)
        picture.memo["analysis"] = known
    return known


def call_reason(picture: Picture, oid: int) -> str:
    """Why it is not known what calling this function does; "" when all of it was read and changes no row."""
    return _walk(picture, Road("function", oid), [MAX_READ], strict=False).reason


def read_reason(picture: Picture, oid: int) -> str:
    """Why reading this relation runs anybody's function at all, a harmless one included: "" when it does not. For those
    who read with more rights than the function's owner has: it could tell what they see."""
    return _walk(picture, Road("read", oid), [MAX_READ], strict=True).reason


def _steps(statement: Statement, picture: Picture, param_types: tuple[int, ...]) -> Iterator[Step]:
    if statement.kind in (StatementKind.EXECUTE, StatementKind.DO, StatementKind.CALL, StatementKind.OPAQUE):
        yield f"{statement.kind} runs what its text does not show"
    if picture.event_triggers and (statement.kind in _DDL_KINDS or statement.effects & _DDL_EFFECTS):
        yield f"event trigger {picture.event_triggers[0]}"
    yield from of_names(picture, statement, param_types)
    if statement.kind is not StatementKind.MAINTENANCE:
        yield from of_reads(picture, statement.reads)
    else:
        # It applies no row security and expands no view; _work_on_relations says what it evaluates.
        yield from (f"relation {name} is not known" for name in statement.reads if not named(picture, name))
    for write in statement.writes:
        if write.effect in (Effect.ADD, Effect.ALTER) and not named(picture, write.relation):
            yield f"relation {write.relation} is not known"
    found, unknown = changes(statement, picture)
    if unknown:
        yield f"relation {unknown} is not known"
    yield from of_closure(closure(picture, found))
    if statement.kind is StatementKind.MAINTENANCE or statement.node in _WORKS_ON_RELATIONS:
        yield from _work_on_relations(statement, picture)
    for inner in statement.inner:
        yield from _steps(inner, picture, param_types)


def _work_on_relations(statement: Statement, picture: Picture) -> Iterator[Step]:
    names = [*statement.reads, *(w.relation for w in statement.writes)]
    if statement.kind is StatementKind.MAINTENANCE and not names:
        found = {r.oid for r in picture.relations.values() if not r.system}
    else:
        found = {oid for name in names for oid in named(picture, name)}
    for oid in found:
        yield Road("work", oid)


def _walk(picture: Picture, start: Road, allowance: list[int], *, strict: bool) -> Reached:
    """Everything behind ``start``, depth first, and what it came to, worked out once for each picture.

    ``allowance``: bytes of bodies that may still be read, counted down. ``strict``: any user's function is a reason.
    Roads can be circles (a trigger that adds to its own table): what was seen is not gone again. So only the start's
    answer is final; of what lies behind it, that there is nothing to find at all.
    """
    known = picture.memo.get((start.kind, start.key, strict))
    if known is not None:
        found: Reached = known
        return found
    if len(picture.memo) > _REMEMBERED:
        picture.memo.clear()  # a client can invent names without end
    seen = {(start.kind, start.key)}
    inserts: set[int] = set()
    calls = _has_body(picture, start)
    way = [(start, _leaving(picture, start, allowance, strict))]
    while way:
        step = next(way[-1][1], None)
        if step is None:
            way.pop()
        elif isinstance(step, str):
            return _back(picture, [road for road, _ in way], step, strict)
        elif (step.kind, step.key) not in seen:
            seen.add((step.kind, step.key))
            known = picture.memo.get((step.kind, step.key, strict))
            if known is None:
                way.append((step, _leaving(picture, step, allowance, strict)))
                inserts |= {step.key} if step.kind == "insert" else set()
                calls = calls or _has_body(picture, step)
            elif known.reason:
                return _back(picture, [*(road for road, _ in way), step._replace(kind="")], known.reason, strict)
            else:
                inserts |= known.inserts
                calls = calls or known.calls
    answer = Reached("", frozenset(inserts), calls)
    picture.memo[start.kind, start.key, strict] = answer
    if not calls:
        picture.memo.update(((kind, key, strict), _NOTHING) for kind, key in seen)
    return answer


def _has_body(picture: Picture, road: Road) -> bool:
    function = picture.functions.get(road.key) if road.kind == "function" else None
    return function is not None and function.code is not None and function.language not in ("c", "internal")


def _leaving(picture: Picture, road: Road, allowance: list[int], strict: bool) -> Iterator[Step]:
    if _has_body(picture, road):
        function = picture.functions[road.key]
        allowance[0] -= len((function.code and function.code.source) or b"")
        if strict:
            yield f"function {function.qualified}"
        elif allowance[0] < 0:
            yield _TOO_MUCH
    yield from ROADS[road.kind](picture, road.key)


def _back(picture: Picture, way: list[Road], reason: str, strict: bool) -> Reached:
    """The answer for the start: every road on the way leads to ``reason``."""
    for road in reversed(way):
        if road.kind and reason != _TOO_MUCH:
            picture.memo[road.kind, road.key, strict] = Reached(reason)
        if road.through and " through " not in reason and reason != _TOO_MUCH:
            reason = f"{reason} through {road.through}"
    return Reached(reason)
