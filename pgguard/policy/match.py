"""What a rule can match on: one function and one row in MATCHERS per match key."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from pgguard import checks
from pgguard.evidence.measurement import Destroyed, Measurement
from pgguard.policy.verdict import Asked, Caller
from pgguard.sql.statement import Effect, Name, Statement, StatementKind

Answer = bool | None  # None: not known yet
CHECKS = tuple(name for name, _ in checks.ALL)


@dataclass(frozen=True, slots=True)
class Sight:
    """What can be seen of a request at this moment. ``measurement`` None: its effect is not known yet.
    ``lost``: the objects that it destroys (minus those that the rule at hand excepts); None: not known yet."""

    asked: Asked
    groups: frozenset[str]  # the caller groups that the caller belongs to
    measurement: Measurement | None
    lost: tuple[Destroyed, ...] | None
    by_text: bool = False  # ``measurement`` is what a proof or the text alone says, so names may lack their schema


@dataclass(frozen=True, slots=True)
class Matcher:
    """One match key. ``who``: it asks about the caller alone, so limits may use it as well."""

    key: str
    find: Callable[[tuple[str, ...], Sight], Answer]
    doc: str
    who: bool = False
    values: tuple[str, ...] = ()  # the closed vocabulary, where there is one


def glob(pattern: str, text: str) -> bool:
    """``*`` is any run of characters, ``?`` any one; everything else stands for itself."""
    return _compiled(pattern).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in re.sub(r"\*+", "*", pattern))
    return re.compile("".join(parts), re.DOTALL)


def glob_qualified(pattern: str, schema: str | None, name: str) -> bool:
    """A glob over ``schema.name``. A glob without a dot speaks of the name in any schema. ``schema`` None: found by
    search_path, which a policy cannot know, so that it may be any schema."""
    wanted_schema, dot, wanted_name = pattern.partition(".")
    if not dot:
        return glob(pattern, name)
    return glob(wanted_name, name) and (schema is None or glob(wanted_schema, schema))


def running(statements: Iterable[Statement]) -> Iterator[Statement]:
    """These statements and what they carry inside, but for what only gets planned or prepared."""
    for statement in statements:
        yield statement
        if statement.kind is StatementKind.PREPARE:
            continue
        for inner in statement.inner:
            # EXPLAIN without ANALYZE has the effects of a read, whatever it explains.
            if statement.kind is StatementKind.EXPLAIN and not inner.effects <= statement.effects:
                continue
            yield from running((inner,))


def table_of(lost: Destroyed) -> tuple[str, str] | None:
    """(schema, table) that a lost object is, or is a part of; None where there is none or the name is ambiguous."""
    parts = lost.name.split(".")
    if lost.kind in _RELATIONS and len(parts) == 2:
        return parts[0], parts[1]
    if lost.kind in _PARTS and len(parts) == 3:
        return parts[0], parts[1]
    return None


def lost_kind(kind: str) -> str:
    """The kind as policies write it: a procedure is a function to them, a domain a type."""
    return _SAME.get(kind, kind)


_RELATIONS = frozenset({"table", "data", "view", "materialized view", "index", "sequence", "foreign table"})
_PARTS = frozenset({"column", "constraint", "trigger", "policy", "rule"})
_SAME = {
    "procedure": "function", "routine": "function", "aggregate": "function", "domain": "type",
    "foreign table": "table", "user": "role", "group": "role",
}  # fmt: skip
DESTROYS = (
    "any", "table", "data", "column", "view", "materialized view", "function", "index", "constraint", "trigger",
    "policy", "rule", "sequence", "type", "schema", "extension", "role", "database", "large object",
)  # fmt: skip


def _caller(wanted: tuple[str, ...], sight: Sight) -> Answer:
    return any(group in sight.groups for group in wanted)


def _role(wanted: tuple[str, ...], sight: Sight) -> Answer:
    role = sight.asked.caller.role
    return any(glob(w, role) for w in wanted) if role else None


def _database(wanted: tuple[str, ...], sight: Sight) -> Answer:
    return any(glob(w, sight.asked.caller.database) for w in wanted)


def _application_name(wanted: tuple[str, ...], sight: Sight) -> Answer:
    return any(glob(w, sight.asked.caller.application) for w in wanted)


def _claim(wanted: tuple[str, ...], sight: Sight) -> Answer:
    return any(glob(w, sight.asked.caller.claim) for w in wanted)


def _address(wanted: tuple[str, ...], sight: Sight) -> Answer:
    if sight.asked.caller.address in ("", "local", "[local]"):
        return "local" in wanted
    address = _parsed(sight.asked.caller.address)
    if address is None:
        return None
    return any(address in ipaddress.ip_network(w, strict=False) for w in wanted if w != "local")


@lru_cache(maxsize=1024)
def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    bare = text.rpartition("]")[0].lstrip("[") or (text.partition(":")[0] if text.count(":") == 1 else text)
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _time(wanted: tuple[str, ...], sight: Sight) -> Answer:
    return None  # FAIL CLOSED: ``Policy.at`` has settled it, or nobody knows


def _kind(wanted: tuple[str, ...], sight: Sight) -> Answer:
    return any(s.kind.value in wanted for s in running(sight.asked.statements))


def _effect(wanted: tuple[str, ...], sight: Sight) -> Answer:
    effects = {e.value for s in running(sight.asked.statements) for e in s.effects}
    if sight.measurement is not None:
        effects.update(_measured_effects(sight.measurement))
    if any(w in effects for w in wanted):
        return True
    return None if sight.measurement is None else False


def _measured_effects(measurement: Measurement) -> Iterator[str]:
    if any(t.rows.inserted for t in measurement.tables):
        yield Effect.INSERT.value
    if measurement.updated:
        yield Effect.UPDATE.value
    if measurement.deleted:
        yield Effect.DELETE.value
    for lost in measurement.destroyed:
        yield {"dropped": Effect.DROP, "truncated": Effect.TRUNCATE}.get(lost.how, Effect.ALTER).value


def _check(wanted: tuple[str, ...], sight: Sight) -> Answer:
    return any(finding.check in wanted for finding in sight.asked.findings)


def _destroys(wanted: tuple[str, ...], sight: Sight) -> Answer:
    if sight.lost is None:
        return None
    return any("any" in wanted or lost_kind(lost.kind) in wanted for lost in sight.lost)


def _table(wanted: tuple[str, ...], sight: Sight) -> Answer:
    statements = list(running(sight.asked.statements))
    if any(names(wanted, name) for s in statements for name in s.reads):
        return True
    targets = [name for s in statements for name in targets_named(s)]
    if any(certain(wanted, name) for name in targets):
        return True
    effect = sight.measurement
    # FAIL CLOSED: a lost object whose name cannot be taken apart is compared in every possible way.
    if effect is not None and (
        any(measured_table(wanted, t.name) for t in effect.tables)
        or any(measured_table(wanted, ".".join(table_of(lost) or (lost.name,))) for lost in effect.destroyed)
    ):
        return True
    if effect is None:
        return None
    # A target found by search_path: only a real measurement says which table it was.
    return None if sight.by_text and any(_possible(wanted, name) for name in targets) else False


def targets_named(statement: Statement) -> Iterator[Name]:
    yield from (write.relation for write in statement.writes)
    yield from (drop.name for drop in statement.drops)


def certain(wanted: tuple[str, ...], name: Name) -> bool:
    """Whether the name is wanted wherever search_path finds it."""
    return any(glob_qualified(w, name.schema, name.name) for w in wanted if "." not in w or name.schema is not None)


def names(wanted: tuple[str, ...], name: Name) -> bool:
    """Whether the name is wanted, or could be. ``schema.*`` does not speak of names without a schema: it would speak
    of every one of them."""
    return any(
        glob_qualified(w, name.schema, name.name)
        for w in wanted
        if name.schema is not None or "." not in w or w.partition(".")[2].strip("*?")
    )


def _possible(wanted: tuple[str, ...], name: Name) -> bool:
    return any(glob_qualified(w, name.schema, name.name) for w in wanted)


def measured_table(wanted: tuple[str, ...], name: str) -> bool:
    """Whether "schema.table", as PostgreSQL told it, is wanted; a dot inside a quoted name can be either dot."""
    cuts = [i for i, c in enumerate(name) if c == "."]
    if not cuts:
        return any(glob_qualified(w, None, name) for w in wanted)
    return any(glob_qualified(w, name[:cut], name[cut + 1 :]) for w in wanted for cut in cuts)


def _call(wanted: tuple[str, ...], sight: Sight) -> Answer:
    return any(names(wanted, call) for s in running(sight.asked.statements) for call in s.calls)


MATCHERS: tuple[Matcher, ...] = (
    Matcher("caller", _caller, "a group under `callers`, that the signed-in user belongs to", who=True),
    Matcher("role", _role, "globs over the current role (after SET ROLE)", who=True),
    Matcher("database", _database, "globs over the database's name", who=True),
    Matcher("application_name", _application_name, "globs over application_name, which clients choose", who=True),
    Matcher("address", _address, "networks (`10.0.0.0/8`) of the client, or `local` for a unix socket", who=True),
    Matcher("claim", _claim, 'globs over pgguard.environment as the client set it; `""` is no claim', who=True),
    Matcher("time", _time, "windows such as `Mon-Fri 22:00-06:00 Europe/Berlin`, [see below](#time)", who=True),
    Matcher("kind", _kind, "what the statement is by its text", values=tuple(k.value for k in StatementKind)),
    Matcher("effect", _effect, "what it does, by its text or as measured", values=tuple(e.value for e in Effect)),
    Matcher("check", _check, "names of checks that found something in the text", values=CHECKS),
    Matcher("destroys", _destroys, "what is really lost besides rows, as measured", values=DESTROYS),
    Matcher("table", _table, "globs over `schema.table`: named in the text, or changed as measured"),
    Matcher("call", _call, "globs over `schema.function`, of functions that the text calls"),
)
BY_KEY: Mapping[str, Matcher] = {m.key: m for m in MATCHERS}


def matches(match: Mapping[str, tuple[str, ...]], sight: Sight, *, who_only: bool = False) -> Answer:
    """AND over the keys, OR within each. False as soon as one key says no, else None if one is not known yet."""
    answer: Answer = True
    for key, wanted in match.items():
        matcher = BY_KEY[key]
        if who_only and not matcher.who:
            continue
        one = matcher.find(wanted, sight)
        if one is False:
            return False
        if one is None:
            answer = None
    return answer


def who(caller: Caller, groups: frozenset[str]) -> Sight:
    """A sight of the caller alone."""
    return Sight(Asked(caller, ()), groups, None, None)
