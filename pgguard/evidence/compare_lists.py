"""Which objects that are compared as whole lists are lost or changed inside: functions, types, roles and others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pgguard.evidence.measurement import Destroyed, Rows
from pgguard.evidence.sides import Sides

Values = list[Any]
Listed = dict[str, Values]
Judge = Callable[[Sides, Listed, Listed], Iterator[Destroyed]]

# As PostgreSQL's object addresses call them -> as policies write them. Others keep PostgreSQL's word.
POLICY_KINDS = {"event trigger": "trigger", "aggregate": "function", "procedure": "function", "domain": "type"}


def lists_lost(sides: Sides, catalogs: Mapping[str, Rows]) -> Iterator[Destroyed]:
    for section, judge in _JUDGES.items():
        outside, inside = sides.outside.lists.get(section, {}), sides.inside.lists.get(section, {})
        yield from judge(sides, outside, inside)
    yield from _roles(sides, catalogs.get("pg_authid", Rows()))
    contents = catalogs.get("pg_largeobject", Rows())
    if contents.updated:
        # Which ones, nobody but a superuser can see before it commits; rows deleted go with lo_unlink, or lo_truncate.
        yield Destroyed("large object", "contents", "changed", 0, contents.updated)


def _temporary(schema: str | None) -> bool:
    return schema is not None and schema.startswith(("pg_temp_", "pg_toast_temp_"))


def _functions(sides: Sides, outside: Listed, inside: Listed) -> Iterator[Destroyed]:
    for oid, (schema, space, name, shown, args, body, properties, extension, rights) in outside.items():
        if _temporary(schema) or extension in sides.gone_extensions:
            continue
        called = f"{schema}.{name}({shown})"
        now = inside.get(oid) or next((f for f in inside.values() if (f[1], f[2], f[4]) == (space, name, args)), None)
        if now is None:
            yield Destroyed("function", called, "dropped", int(oid))
            continue
        if (now[1], now[2]) != (space, name):
            yield Destroyed("function", called, "renamed", int(oid))
        if now[5] != body or (oid not in inside and now[8] != rights):  # GRANT replaces nothing, CREATE grants anew
            yield Destroyed("function", called, "replaced", int(oid))
        elif now[6] != properties:
            yield Destroyed("function", called, "changed", int(oid))


def _types(sides: Sides, outside: Listed, inside: Listed) -> Iterator[Destroyed]:
    for oid, (schema, space, name, base, not_null, labels, extension) in outside.items():
        if _temporary(schema) or extension in sides.gone_extensions:
            continue
        called = f"{schema}.{name}"
        now = inside.get(oid)
        if now is None:
            yield Destroyed("type", called, "dropped", int(oid))
            continue
        if (now[1], now[2]) != (space, name):
            yield Destroyed("type", called, "renamed", int(oid))
        # A new label of an enum or a new check of a domain takes nothing away.
        if now[3] != base or (not_null and not now[4]) or set(labels or ()) - set(now[5] or ()):
            yield Destroyed("type", called, "changed", int(oid))


def _schemas(sides: Sides, outside: Listed, inside: Listed) -> Iterator[Destroyed]:
    for oid, (name, owner, extension) in outside.items():
        if _temporary(name) or extension in sides.gone_extensions:
            continue
        yield from _named("schema", oid, name, [owner], inside.get(oid))


def _named(kind: str, oid: str, name: str, rest: Values, now: Values | None) -> Iterator[Destroyed]:
    """Something that has a name, then properties any change of which is a change."""
    if now is None:
        yield Destroyed(kind, name, "dropped", int(oid))
        return
    if now[0] != name:
        yield Destroyed(kind, name, "renamed", int(oid))
    if now[1 : 1 + len(rest)] != rest:
        yield Destroyed(kind, name, "changed", int(oid))


def _roles(sides: Sides, counted: Rows) -> Iterator[Destroyed]:
    outside, inside = sides.outside.lists.get("role", {}), sides.inside.lists.get("role", {})
    found = [
        lost
        for oid, (name, attributes) in outside.items()
        for lost in _named("role", oid, name, [attributes], inside.get(oid))
    ]
    yield from found
    if counted.updated > sum(oid in inside and inside[oid] != values for oid, values in outside.items()):
        # A password: pg_roles does not show it, the counter of pg_authid does.
        yield Destroyed("role", "password", "changed", 0)


def _settings(sides: Sides, outside: Listed, inside: Listed) -> Iterator[Destroyed]:
    gone_roles = sides.outside.lists.get("role", {}).keys() - sides.inside.lists.get("role", {}).keys()
    for key, (role, role_oid, database, config) in outside.items():
        now: Values | None = inside.get(key)
        if role_oid in gone_roles or not set(config or ()) - set((now[3] if now else None) or ()):
            continue
        if role_oid != "0":
            yield Destroyed("role", role, "changed", int(role_oid))
        else:
            yield Destroyed("database" if database else "role", database or "all roles", "changed")


def _plain(kind: str) -> Judge:
    def judge(sides: Sides, outside: Listed, inside: Listed) -> Iterator[Destroyed]:
        for oid, (name, *rest) in outside.items():
            yield from _named(kind, oid, name, rest, inside.get(oid))

    return judge


def _event_triggers(sides: Sides, outside: Listed, inside: Listed) -> Iterator[Destroyed]:
    for oid, (name, enabled, detail) in outside.items():
        now = inside.get(oid)
        if now is not None and enabled in "OA" and now[1] in "DR":
            yield Destroyed("trigger", name, "disabled", int(oid))
            continue
        yield from _named("trigger", oid, name, [enabled, detail], now)


def _publications(sides: Sides, outside: Listed, inside: Listed) -> Iterator[Destroyed]:
    for oid, (name, sends) in outside.items():
        # One that is gone was locked, and is named as any other object.
        if oid in inside and any(was and not is_ for was, is_ in zip(sends, inside[oid][1], strict=True)):
            yield Destroyed("publication", name, "changed", int(oid))


def _mappings(sides: Sides, outside: Listed, inside: Listed) -> Iterator[Destroyed]:
    for key, (name, configuration, dictionary) in outside.items():
        if key not in inside or inside[key][2] != dictionary:
            yield Destroyed("text search configuration", name, "changed", int(configuration))


def _large_objects(sides: Sides, outside: Listed, inside: Listed) -> Iterator[Destroyed]:
    for oid in sorted(outside.keys() - inside.keys(), key=int):
        yield Destroyed("large object", oid, "dropped", int(oid))


def _others(sides: Sides, outside: Listed, inside: Listed) -> Iterator[Destroyed]:
    for key, values in outside.items():
        kind, identity = str(values[0]), str(values[1])
        if identity.startswith("pg_temp") or values[2] in sides.gone_extensions:
            continue
        now = inside.get(key)
        oid = int(key.partition(".")[2])
        called = POLICY_KINDS.get(kind, kind)
        if now is None:
            yield Destroyed(called, identity, "dropped", oid)
        elif now[1].replace('"', "") != identity.replace('"', ""):  # quote_all_identifiers may be on inside
            yield Destroyed(called, identity, "renamed", oid)


_JUDGES: dict[str, Judge] = {
    "function": _functions,
    "type": _types,
    "schema": _schemas,
    "setting": _settings,
    "extension": _plain("extension"),
    "event trigger": _event_triggers,
    "database": _plain("database"),
    "publication": _publications,
    "text search mapping": _mappings,
    "large object": _large_objects,
    "object": _others,
}
