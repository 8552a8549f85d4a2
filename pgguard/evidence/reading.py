"""The reading: one query inside the client's transaction that says what was changed so far.

Three shapes of the same answer. ``relations`` given: exactly these OIDs, flat cost, for statements that reach no user
code. ``relations`` None, or ``objects``: every relation that this backend holds a write lock on, strong locks and
catalog counters besides, for opaque code and DDL. ``everywhere``: every relation with a counter, locked or not, for the
reading after ROLLBACK TO SAVEPOINT, which gives up the locks of what it undoes but not their counts.

Counted are tables and partitioned tables that are not temporary (unlogged ones hold somebody's rows as well) and did
not come with initdb. Foreign tables, and tables whose access method is not heap, feed no counters: a write lock on one
makes it ``uncountable``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

from pgguard.errors import ProtocolViolation
from pgguard.evidence.envelope import PREFIX, Row, among, array, chars, equal, oids, opened, sealed
from pgguard.evidence.measurement import Reading, Rows
from pgguard.evidence.session_facts import STATE, parse_state

FLUSH_SQL = f"{PREFIX}SELECT pg_catalog.pg_stat_force_next_flush()"

FIRST_USER_OID = 16384  # FirstNormalObjectId in access/transam.h
HEAP = 2  # HEAP_TABLE_AM_OID in catalog/pg_am.dat
PG_CLASS = 1259

# The OIDs of catalogs are constants of PostgreSQL (catalog/pg_*.h). Those whose rows are, or hold, what can be lost.
CATALOGS = {
    PG_CLASS: "pg_class",
    1213: "pg_tablespace",
    1214: "pg_shdepend",
    1247: "pg_type",
    1249: "pg_attribute",
    1255: "pg_proc",
    1260: "pg_authid",
    1261: "pg_auth_members",
    1262: "pg_database",
    1417: "pg_foreign_server",
    1418: "pg_user_mapping",
    2224: "pg_sequence",
    2328: "pg_foreign_data_wrapper",
    2600: "pg_aggregate",
    2601: "pg_am",
    2602: "pg_amop",
    2603: "pg_amproc",
    2604: "pg_attrdef",
    2605: "pg_cast",
    2606: "pg_constraint",
    2607: "pg_conversion",
    2608: "pg_depend",
    2610: "pg_index",
    2611: "pg_inherits",
    2612: "pg_language",
    2613: "pg_largeobject",
    2615: "pg_namespace",
    2616: "pg_opclass",
    2617: "pg_operator",
    2618: "pg_rewrite",
    2620: "pg_trigger",
    2753: "pg_opfamily",
    2964: "pg_db_role_setting",
    2995: "pg_largeobject_metadata",
    3079: "pg_extension",
    3256: "pg_policy",
    3350: "pg_partitioned_table",
    3381: "pg_statistic_ext",
    3456: "pg_collation",
    3466: "pg_event_trigger",
    3501: "pg_enum",
    3541: "pg_range",
    3576: "pg_transform",
    3600: "pg_ts_dict",
    3601: "pg_ts_parser",
    3602: "pg_ts_config",
    3603: "pg_ts_config_map",
    3764: "pg_ts_template",
    6100: "pg_subscription",
    6104: "pg_publication",
    6106: "pg_publication_rel",
    6243: "pg_parameter_acl",
    826: "pg_default_acl",
}

# A change of one of these can change what a name in a function's body means, or what runs when it writes to a table.
NAMING = frozenset({
    "pg_aggregate", "pg_cast", "pg_inherits", "pg_namespace", "pg_operator", "pg_policy", "pg_proc", "pg_rewrite",
    "pg_trigger", "pg_type",
})  # fmt: skip
# What stands in these is compared for strongly locked relations only, and DDL gives its lock on them back at once (on
# pg_proc, pg_namespace, pg_depend and others some commands keep it): who still holds one writes to the catalog by hand.
BY_HAND = frozenset(
    {1249, PG_CLASS, 2604, 2606, 2610, 2611, 2618, 2620, 3256}
)  # pg_attribute, pg_class, pg_attrdef, pg_constraint, pg_index, pg_inherits, pg_rewrite, pg_trigger, pg_policy


@lru_cache(512)
def reading_sql(relations: frozenset[int] | None, objects: bool = False, everywhere: bool = False) -> str:
    """The reading, to be parsed under a fresh name. Runs no user code and needs no privilege on any table."""
    if relations is not None and not objects and not everywhere:
        return _known(relations)
    return _found(relations or (), everywhere)


def _counters(oid: str) -> tuple[str, str, str]:
    inserted, updated, deleted = (
        f"pg_catalog.pg_stat_get_xact_tuples_{what}({oid})" for what in ("inserted", "updated", "deleted")
    )
    return inserted, updated, deleted


def _relation(oid: str) -> tuple[str, ...]:
    return (oid, *_counters(oid), "c.relnamespace::pg_catalog.regnamespace", "c.relname", "c.relkind", "c.relam",
            "c.relpersistence")  # fmt: skip


def _known(relations: Collection[int]) -> str:
    # One scan without a join or a second SELECT, because planning is most of the cost (bench: 47 us for joined
    # variants). The row of pg_class itself is always there and carries what is asked once.
    is_first = equal("c.oid", f"{PG_CLASS}::pg_catalog.oid")
    once = f"CASE WHEN {is_first} THEN {array(*STATE)} END"
    return (
        f"{PREFIX}SELECT {sealed(array(*_relation('c.oid'), f'NOT {is_first}', 'false', once))}"
        f" FROM pg_catalog.pg_class c"
        f" WHERE {among('c.oid', oids({PG_CLASS, *relations}))}"
    )


def _found(relations: Collection[int], everywhere: bool) -> str:
    weak = "'{AccessShareLock,RowShareLock}'::pg_catalog.text[]"
    held = (
        "held AS MATERIALIZED (SELECT l.locktype, l.database, l.relation, l.classid, l.objid, l.mode"
        " FROM pg_catalog.pg_lock_status() l"
        f" WHERE {equal('l.pid', 'pg_catalog.pg_backend_pid()')} AND l.granted"
        f" AND l.mode OPERATOR(pg_catalog.<>) ALL ({weak}))"
    )
    here = f"{equal('l.locktype', _text('relation'))} AND l.database OPERATOR(pg_catalog.<>) 0::pg_catalog.oid"
    # Weaker than ShareLock, but ALTER INDEX RENAME and some kinds of ALTER TABLE take no more than it: look as well.
    strong = f"l.mode OPERATOR(pg_catalog.<>) {_text('RowExclusiveLock')}"
    written = f"l.mode OPERATOR(pg_catalog.<>) {_text('ShareUpdateExclusiveLock')}"
    sources = [f"SELECT l.relation AS oid, {written} AS written, {strong} AS strong FROM held l WHERE {here}"]
    if relations:
        sources.append(f"SELECT u.oid, true, false FROM pg_catalog.unnest({oids(relations)}) u(oid)")
    if everywhere:
        sources.append(
            "SELECT c.oid, false, false FROM pg_catalog.pg_class c"
            f" WHERE {among('c.relkind', chars('rp'))} AND {_counted('c.oid')}"
        )
    reach = (
        "reach AS (SELECT s.oid, pg_catalog.bool_or(s.written) AS written, pg_catalog.bool_or(s.strong) AS strong"
        f" FROM ({' UNION ALL '.join(sources)}) s GROUP BY s.oid)"
    )
    parts = [
        # From the locks outward, not from pg_class: a relation whose row is gone, or that a REPEATABLE READ snapshot
        # does not see yet, still counts.
        f"SELECT {sealed(array(*_relation('s.oid'), 's.written', 's.strong', 'NULL'))}"
        f" FROM reach s LEFT JOIN pg_catalog.pg_class c ON {equal('c.oid', 's.oid')}",
        f"SELECT DISTINCT {sealed(array(_text('object'), 'l.classid', 'l.objid'))} FROM held l"
        f" WHERE {equal('l.locktype', _text('object'))}",
        f"SELECT {sealed(array(_text('catalog'), 'u.oid', *_counters('u.oid')))}"
        f" FROM pg_catalog.unnest({oids(CATALOGS)}) u(oid) WHERE {_counted('u.oid')}",
        f"SELECT {sealed(array(_text('state'), array(*STATE)))}",
    ]
    return f"{PREFIX}WITH {held}, {reach} {' UNION ALL '.join(parts)}"


def _counted(oid: str) -> str:
    # '0', not 0: the cast of an integer is a function, and its use can be revoked from the client's role.
    return "(" + " OR ".join(f"{c} OPERATOR(pg_catalog.>) '0'::pg_catalog.int8" for c in _counters(oid)) + ")"


def _text(word: str) -> str:
    return f"'{word}'::pg_catalog.text"


def parse_reading(rows: Sequence[Row]) -> Reading:
    """The answer to ``reading_sql`` as a Reading. Raises ProtocolViolation when it is not complete."""
    counts: dict[int, Rows] = {}
    names: dict[int, str] = {}
    catalogs: dict[str, Rows] = {}
    strong: list[int] = []
    objects: list[tuple[int, int]] = []
    uncountable: list[str] = []
    state: list[Any] | None = None
    for row in opened(rows):
        match row:
            case ["state", list(values)]:
                state = values
            case ["catalog", oid, inserted, updated, deleted]:
                catalogs[CATALOGS[int(oid)]] = Rows(inserted, updated, deleted)
            case ["object", classid, objid]:
                objects.append((int(classid), int(objid)))
            case [oid_text, int(inserted), int(updated), int(deleted), space, name, kind, am, persistence, written,
                  is_strong, once]:  # fmt: skip
                oid = int(oid_text)
                if once is not None:
                    state = once
                called = f"relation {oid}" if name is None else f"{unquoted(space)}.{name}"
                if oid < FIRST_USER_OID:
                    if written and oid in BY_HAND:
                        uncountable.append(called)
                    continue
                if is_strong:
                    strong.append(oid)
                if written and (kind == "f" or (kind == "r" and int(am) != HEAP)):
                    uncountable.append(called)
                if kind not in (None, "r", "p") or persistence == "t":
                    continue
                if name is not None:
                    names[oid] = called
                if inserted or updated or deleted:
                    counts[oid] = Rows(inserted, updated, deleted)
            case _:
                raise ProtocolViolation("server", "the reading has a row of an unknown shape")
    if state is None:
        raise ProtocolViolation("server", "the reading is not complete")
    now = parse_state(state)
    return Reading(
        rows=counts, names=names, catalogs=catalogs, strong=tuple(sorted(strong)),
        strong_objects=tuple(sorted(objects)), uncountable=tuple(sorted(uncountable)), holdable=now.holdable,
        search_path=now.search_path, current_user=now.current_user,
        session_replication_role=now.session_replication_role,
        standard_conforming_strings=now.standard_conforming_strings, track_counts=now.track_counts,
        settings=now.settings,
    )  # fmt: skip


def unquoted(identifier: str) -> str:
    """A name as it is in the catalog, from what regnamespace prints (without a join, which would cost more)."""
    if identifier.startswith('"') and identifier.endswith('"') and len(identifier) > 1:
        return identifier[1:-1].replace('""', '"')
    return identifier
