"""What a transaction added that is a hazard: code that runs later, roles and rights, a safeguard switched off.

The checks say the same of a statement's text; here it is seen in the catalog, so a DO, a function, or a spelling that
no check knows, does not hide it. As with losses, inside is compared with outside: what stood there before is not new.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pgguard.catalog.builtins import harmless
from pgguard.catalog.picture import Function
from pgguard.errors import ProtocolViolation
from pgguard.evidence.envelope import Row
from pgguard.evidence.measurement import Rows
from pgguard.evidence.sides import Side, Sides

RUNS_CODE_LATER = "runs-code-later"
CHANGES_ROLES = "changes-roles"
DISABLES_SAFETY = "disables-safety"

Listed = Mapping[str, list[Any]]
WasRead = Callable[[int], bool]

# These run with later statements whatever they call, and they change what those statements do.
_ALWAYS = {
    "trigger": "a trigger will run with later statements",
    "rule": "a rule will rewrite later statements",
    "policy": "a policy will run with later statements",
}
_OVER_USER_CODE = {
    "index": "an index will run user code, also in autovacuum",
    "statistics": "extended statistics will run user code, also in autovacuum",
    "range": "a range type will run user code, also in autovacuum",
    "partition key": "a table's partition key will run user code",
    "default": "a table's default or generated column will run user code",
    "check": "a table's check will run user code",
}
_OPERATOR = "+-*/<>=~!@#%^&|`?"  # what names of operators are made of
# On a table of the transaction's own making nobody relies yet on what these do. Except on a partitioned one: a table
# that is attached to it, now or later, gets copies of its triggers.
_OF_OLD_TABLES = frozenset({"trigger", "rule", "policy", "default", "check"})


class Code(NamedTuple):
    """One row of the section "code"."""

    kind: str
    table: str
    table_name: str | None
    name: str | None
    parent: str | None
    functions: list[list[Any]] | None
    types: list[str] | None

    @property
    def called(self) -> str:
        return ".".join(part for part in (self.table_name, self.name) if part)

    def reaches(self, domains: Mapping[str, Domain], was_read: WasRead) -> frozenset[str]:
        """OIDs of the functions that are not known to be harmless."""
        through = (domains[oid].functions for oid in self.types or () if oid in domains)
        return _harmful(self.functions, was_read).union(*through)


class Domain(NamedTuple):
    """A domain that runs user code, its own or that of the domains under it."""

    name: str
    functions: frozenset[str]
    temporary: bool


def made(
    outside: Sequence[Row], inside: Sequence[Row], catalogs: Mapping[str, Rows] | None = None,
    was_read: WasRead = lambda oid: False, called_later: Collection[str] = (),
) -> tuple[tuple[str, str], ...]:  # fmt: skip
    """(name of a check, sentence) for each hazard, each once. ``catalogs``: the reading's counters, for a password,
    which shows there alone. ``was_read``: whether the body of a function, by OID, is known to be harmless.
    ``called_later``: the names in bodies that autovacuum runs."""
    sides = Sides(Side.of(outside), Side.of(inside))
    found = [
        *_code(sides, was_read), *_names(sides, catalogs or {}, called_later), *_event_triggers(sides),
        *_roles(sides, catalogs or {}), *_rights(sides, catalogs or {}), *_owners(sides), *_weaker(sides),
    ]  # fmt: skip
    return tuple(dict.fromkeys(found))


def _list(side: Side, section: str) -> Listed:
    return side.lists.get(section, {})


def _harmful(functions: list[list[Any]] | None, was_read: WasRead) -> frozenset[str]:
    try:
        return frozenset(
            oid
            for oid, name, language, kind, volatile, extension in functions or ()
            if not harmless(Function(int(oid), "", name, language, volatile == "v", kind, 0, 0, extension or ""))
            and not was_read(int(oid))
        )
    except (TypeError, ValueError) as trouble:
        raise ProtocolViolation("server", "a function of a stored expression is incomplete") from trouble


def _code(sides: Sides, was_read: WasRead) -> Iterator[tuple[str, str]]:
    before, now = _codes(sides.outside), _codes(sides.inside)
    domains, known_domains = _domains(sides.inside, was_read), _domains(sides.outside, was_read)
    # PostgreSQL makes indexes and constraints anew when a column's type changes: the same name over the same code.
    same = {(c.kind, c.table, c.name, c.reaches(known_domains, was_read)) for c in before.values()}
    for key, code in now.items():
        if (
            key in before
            or (code.kind in _OF_OLD_TABLES and _is_new(sides, code.table))
            or _inherited(code, now, before)
        ):
            continue
        if code.kind in _ALWAYS:
            yield RUNS_CODE_LATER, f"{_ALWAYS[code.kind]} ({code.called})"
            continue
        reaches = code.reaches(domains, was_read)
        if reaches and (code.kind, code.table, code.name, reaches) not in same:
            yield RUNS_CODE_LATER, f"{_OVER_USER_CODE[code.kind]} ({code.called})"
    for oid, domain in domains.items():
        known = known_domains[oid].functions if oid in known_domains else frozenset()
        if domain.functions - known and not domain.temporary:
            yield RUNS_CODE_LATER, f"a domain will run user code wherever it is used ({domain.name})"


def _is_new(sides: Sides, table: str) -> bool:
    """Made by this transaction, which then holds the strongest lock on it; FAIL CLOSED: other tables are old."""
    relation = sides.inside.relations.get(table)
    return relation is not None and relation.kind != "p" and table not in sides.outside.relations


def _inherited(code: Code, now: Mapping[str, Code], before: Mapping[str, Code]) -> bool:
    """A partition's copy of what its parent had before this transaction: that was judged when the parent got it."""
    parent = f"{code.kind}.{code.parent}"
    return code.parent not in (None, "0") and (parent not in now or parent in before)


def _codes(side: Side) -> dict[str, Code]:
    try:
        return {key: Code(*values) for key, values in _list(side, "code").items()}
    except TypeError as trouble:
        raise ProtocolViolation("server", 'a row of section "code" is incomplete') from trouble


def _domains(side: Side, was_read: WasRead) -> dict[str, Domain]:
    rows = _list(side, "domain")
    found = {}
    for oid, (name, _, schema, _) in rows.items():
        reached: frozenset[str] = frozenset()
        base, seen = oid, set[str]()
        while base in rows and base not in seen:
            seen.add(base)
            reached |= _harmful(rows[base][3], was_read)
            base = rows[base][1]
        if reached:
            found[oid] = Domain(f"{schema}.{name}", reached, schema.startswith("pg_temp_"))
    return found


def _names(sides: Sides, catalogs: Mapping[str, Rows], called_later: Collection[str]) -> Iterator[tuple[str, str]]:
    """What a body that autovacuum runs could find in place of what was meant."""
    for section, at in (("function", 2), ("type", 2)):
        before = {oid: values[at] for oid, values in _list(sides.outside, section).items()}
        for oid, values in _list(sides.inside, section).items():
            temporary = (values[0] or "").startswith("pg_temp_")
            if values[at] in called_later and before.get(oid) != values[at] and not temporary:
                yield RUNS_CODE_LATER, f"autovacuum will look for a {section} of this name ({values[0]}.{values[at]})"
    # Operators are in no list, but nobody makes one without a function.
    if catalogs.get("pg_operator", Rows()).inserted and any(not name.strip(_OPERATOR) for name in called_later):
        yield RUNS_CODE_LATER, "autovacuum runs functions with operators in them, and could find another"


def _event_triggers(sides: Sides) -> Iterator[tuple[str, str]]:
    before = _list(sides.outside, "event trigger")
    for oid, values in _list(sides.inside, "event trigger").items():
        if oid not in before:
            yield RUNS_CODE_LATER, f"an event trigger will run with later commands ({values[0]})"


def _roles(sides: Sides, catalogs: Mapping[str, Rows]) -> Iterator[tuple[str, str]]:
    before, now = _list(sides.outside, "role"), _list(sides.inside, "role")
    found = [f"a role is created ({values[0]})" for oid, values in now.items() if oid not in before]
    found += [f"a role is dropped ({values[0]})" for oid, values in before.items() if oid not in now]
    changed = [f"a role is changed ({v[0]})" for oid, v in before.items() if oid in now and now[oid] != v]
    found += changed
    # A new password shows nowhere but in the counter: there were more changes than can be seen.
    if catalogs.get("pg_authid", Rows()).updated > len(changed):
        found.append("a role's password is changed")
    found += _memberships(sides)
    settings = _list(sides.outside, "setting"), _list(sides.inside, "setting")
    if settings[0] != settings[1]:
        found.append("a setting of a role or database is changed")
    yield from ((CHANGES_ROLES, says) for says in found)


def _memberships(sides: Sides) -> Iterator[str]:
    before, now = _list(sides.outside, "member"), _list(sides.inside, "member")
    for key in before.keys() | now.keys():
        if before.get(key) != now.get(key):
            role, member, _ = now.get(key) or before[key]
            verb = "is revoked from" if key not in now else "is granted to"
            yield f"membership in role {role} {verb} {member}"


def _rights(sides: Sides, catalogs: Mapping[str, Rows]) -> Iterator[tuple[str, str]]:
    before, now = _list(sides.outside, "rights"), _list(sides.inside, "rights")
    # Outside lists every row that this transaction replaced; what is not there is an object of its own making.
    if any(before[key] != values for key, values in now.items() if key in before):
        yield CHANGES_ROLES, "privileges on objects are granted or revoked"
    if catalogs.get("pg_parameter_acl", Rows()) != Rows():  # a first GRANT makes the row that has it
        yield CHANGES_ROLES, "privileges on parameters are granted or revoked"
    if _list(sides.outside, "default privileges") != _list(sides.inside, "default privileges"):
        yield CHANGES_ROLES, "privileges on objects to come are granted or revoked"


def _owners(sides: Sides) -> Iterator[tuple[str, str]]:
    before, now = _list(sides.outside, "owner"), _list(sides.inside, "owner")
    found = {now[key][1] for key, values in before.items() if key in now and now[key][0] != values[0]}
    # Of what belongs to the bootstrap superuser nobody keeps a list.
    found |= {b.name for b, n in sides.kept() if b.owner != n.owner and b.kind not in "iIt" and b.owned_by is None}
    if found:
        yield CHANGES_ROLES, f"an object changes its owner ({', '.join(sorted(found))})"


def _weaker(sides: Sides) -> Iterator[tuple[str, str]]:
    for before, now in sides.kept():
        if before.kind == "r" and before.persistence == "p" and now.persistence == "u":
            yield DISABLES_SAFETY, f"the statement makes a table lose its rows in a crash ({before.name})"
