"""What can be lost in a database, read over the very connection whose statements are watched, and what was lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Row = Sequence[bytes | None]
Ask = Callable[[str], list[Row] | None]

_LASTING: Final = "c.oid >= 16384 AND c.relpersistence <> 't' AND n.nspname <> 'pg_toast'"
_CLASS: Final = "pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
_SPACE: Final = "JOIN pg_catalog.pg_namespace n ON n.oid ="

# section: what names one object and says what must not get lost of it, and where it stands
_OBJECTS: Final = {
    "relation": (
        "n.nspname, c.relname, c.relkind, c.relowner, c.relpersistence",
        f"{_CLASS} WHERE {_LASTING} AND c.relkind <> 't'",
    ),
    "row security of": ("c.oid, n.nspname, c.relname", f"{_CLASS} WHERE {_LASTING} AND c.relrowsecurity"),
    "forced row security of": ("c.oid, n.nspname, c.relname", f"{_CLASS} WHERE {_LASTING} AND c.relforcerowsecurity"),
    "column": (
        "n.nspname, c.relname, a.attnum, a.attname, a.atttypid",
        f"{_CLASS} JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid WHERE {_LASTING} AND a.attnum > 0"
        " AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')",
    ),
    "identity of": (
        "n.nspname, c.relname, a.attname",
        f"{_CLASS} JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid WHERE {_LASTING} AND a.attidentity <> ''",
    ),
    "constraint": (
        "k.conrelid, k.contypid, k.conname, k.contype, k.condeferrable, k.confdeltype",
        "pg_catalog.pg_constraint k LEFT JOIN pg_catalog.pg_class c ON c.oid = k.conrelid"
        " WHERE k.oid >= 16384 AND c.relpersistence IS DISTINCT FROM 't'"
        # (a key's own rows for each partition that it points to come and go with it)
        " AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint p"
        " WHERE p.oid = k.conparentid AND p.conrelid = k.conrelid)",
    ),
    # Those of a key come and go with their constraint; off are D, and R where nothing is replicated.
    "trigger that is on": (
        "n.nspname, c.relname, g.tgname, g.tgfoid",
        f"{_CLASS} JOIN pg_catalog.pg_trigger g ON g.tgrelid = c.oid WHERE {_LASTING} AND NOT g.tgisinternal"
        " AND g.tgenabled IN ('O', 'A')",
    ),
    "rule that is on": (
        "n.nspname, c.relname, w.rulename, pg_catalog.md5(w.ev_action::text)",
        f"{_CLASS} JOIN pg_catalog.pg_rewrite w ON w.ev_class = c.oid WHERE {_LASTING} AND w.ev_enabled IN ('O', 'A')",
    ),
    "policy": ("p.oid, p.polname, p.polrelid, p.polpermissive", "pg_catalog.pg_policy p"),
    "function": (
        "n.nspname, p.proname, p.proargtypes, pg_catalog.md5(p.prosrc)",
        f"pg_catalog.pg_proc p {_SPACE} p.pronamespace WHERE p.oid >= 16384 AND n.nspname NOT LIKE 'pg_temp%'",
    ),
    "type": (
        "t.oid, n.nspname, t.typname",
        # (an array's type is renamed when somebody takes its name)
        f"pg_catalog.pg_type t {_SPACE} t.typnamespace WHERE t.oid >= 16384 AND n.nspname NOT LIKE 'pg_t%'"
        " AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = t.oid)"
        " AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.reltype IN (t.oid, t.typelem)"
        " AND c.reltype <> 0 AND c.relpersistence = 't')",
    ),
    "inheritance": (
        "c.relnamespace, c.relname, i.inhparent",
        "pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid WHERE c.relpersistence <> 't'",
    ),
    "schema": ("n.oid, n.nspname", "pg_catalog.pg_namespace n WHERE n.oid >= 16384 AND n.nspname NOT LIKE 'pg_t%'"),
    "role": ("r.oid, r.rolname, r.rolsuper, r.rolcanlogin", "pg_catalog.pg_roles r WHERE r.oid >= 16384"),
    "membership": ("m.roleid, m.member", "pg_catalog.pg_auth_members m"),
    "large object": ("l.oid", "pg_catalog.pg_largeobject_metadata l"),
    "event trigger": ("e.oid, e.evtname, e.evtenabled", "pg_catalog.pg_event_trigger e"),
    "database": ("d.oid, d.datname", "pg_catalog.pg_database d"),
    **{
        name: (f"o.oid, o.{column}", f"pg_catalog.{catalog} o WHERE o.oid >= 16384")
        for name, catalog, column in (
            ("enum value", "pg_enum", "enumlabel"), ("extension", "pg_extension", "extname"),
            ("publication", "pg_publication", "pubname"), ("server", "pg_foreign_server", "srvname"),
            ("wrapper", "pg_foreign_data_wrapper", "fdwname"), ("operator", "pg_operator", "oprname"),
            ("operator class", "pg_opclass", "opcname"), ("operator family", "pg_opfamily", "opfname"),
            ("collation", "pg_collation", "collname"), ("conversion", "pg_conversion", "conname"),
            ("cast", "pg_cast", "castfunc"), ("statistics", "pg_statistic_ext", "stxname"),
            ("dictionary", "pg_ts_dict", "dictname"), ("configuration", "pg_ts_config", "cfgname"),
            ("language", "pg_language", "lanname"), ("access method", "pg_am", "amname"),
        )
    },
}  # fmt: skip


def _counters(*verbs: str) -> str:
    """Rows so far, of earlier transactions and of this one."""
    return " + ".join(f"pg_catalog.pg_stat_get_{span}tuples_{verb}(c.oid)" for span in ("", "xact_") for verb in verbs)


# By somebody else, a prepared transaction included: to ask for their size would be to wait.
_LOCKED: Final = (
    "SELECT l.relation FROM pg_catalog.pg_lock_status() l WHERE l.mode = 'AccessExclusiveLock' AND l.granted"
    " AND l.relation IS NOT NULL AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()"
)
# VACUUM may cut off the room of rows that were deleted before: only what was alive can be lost.
_ALIVE: Final = (
    "pg_catalog.pg_stat_get_live_tuples(c.oid) + pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid)"
    " - pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid)"
)
# One row for each section, because a row for each object would take longer to send than to find.
_RECORD: Final = "\x1e"
_FIELD: Final = "\x1f"
_ROWS: Final = (
    f"SELECT 'rows', pg_catalog.string_agg(pg_catalog.concat_ws('{_FIELD}',"
    f" pg_catalog.concat_ws(' ', c.oid, n.nspname, c.relname), {_counters('updated', 'deleted')},"
    f" CASE WHEN c.oid IN ({_LOCKED}) THEN true ELSE pg_catalog.pg_relation_size(c.oid) > 0 END,"
    f" {_ALIVE} > 0), '{_RECORD}')"
    f" FROM {_CLASS} WHERE {_LASTING} AND c.relkind IN ('r', 'p')"
)
_PARTS: Final = (
    f"SELECT '{name}', pg_catalog.string_agg(pg_catalog.concat_ws(' ', {named}), '{_RECORD}') FROM {where}"
    for name, (named, where) in _OBJECTS.items()
)
# As long as no catalog has another row, the objects are the same: most statements need not ask for them.
_CATALOGS: Final = (
    f"SELECT 'catalogs', pg_catalog.sum({_counters('inserted', 'updated', 'deleted')})::text"
    " FROM pg_catalog.pg_class c WHERE c.oid < 16384 AND c.relkind = 'r'"
)
ROWS_SQL: Final = f"{_ROWS} UNION ALL {_CATALOGS}"
OBJECTS_SQL: Final = " UNION ALL ".join(_PARTS)
FLUSH_SQL: Final = "SELECT pg_catalog.pg_stat_force_next_flush()"
# Nothing was written while this stands still: no transaction got a number.
NEXT_XID_SQL: Final = "SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())"
OWN_XID_SQL: Final = "SELECT pg_catalog.pg_current_xact_id_if_assigned()"


@dataclass(frozen=True)
class State:
    """``changed``: rows updated and deleted so far in each permanent table; ``stored``: those that have any storage,
    ``alive``: those with rows that count."""

    changed: Mapping[str, int]
    stored: frozenset[str]
    alive: frozenset[str]
    objects: frozenset[str]
    catalogs: str  # another one when any catalog has changed


@dataclass(frozen=True)
class Loss:
    """What one statement did to what was there."""

    rows: Mapping[str, int]  # updated or deleted, by table ("oid schema.name")
    emptied: tuple[str, ...]
    gone: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.rows or self.emptied or self.gone)


def read_state(ask: Ask, known: State | None, *, idle: bool) -> State | None:
    """``known``: as it was a while ago. None: the connection could not say (a failed block, a timeout of the script's
    own)."""
    if idle and ask(FLUSH_SQL) is None:
        return None
    found = _sections(ask(ROWS_SQL))
    if found is None:
        return None
    changed: dict[str, int] = {}
    stored: set[str] = set()
    alive: set[str] = set()
    for key in found["rows"]:
        table, count, is_stored, is_alive = key.split(_FIELD)
        changed[table] = int(count)
        if is_stored == "t":
            stored.add(table)
        if is_alive == "t":
            alive.add(table)
    (catalogs,) = found["catalogs"]
    if known is not None and catalogs == known.catalogs:
        return State(changed, frozenset(stored), frozenset(alive), known.objects, catalogs)
    sections = _sections(ask(OBJECTS_SQL))
    if sections is None:
        return None
    objects = frozenset(f"{section} {key}" for section, keys in sections.items() for key in keys)
    return State(changed, frozenset(stored), frozenset(alive), objects, catalogs)


def _sections(rows: list[Row] | None) -> dict[str, list[str]] | None:
    if rows is None:
        return None
    texts = (["" if value is None else value.decode("utf-8", "replace") for value in row] for row in rows)
    return {section: found.split(_RECORD) if found else [] for section, found in texts}


def lost(before: State, after: State) -> Loss:
    """What stood there before and does not any more. Tables that are gone count as objects."""
    rows = {
        table: count - before.changed[table]
        for table, count in after.changed.items()
        if table in before.changed and count > before.changed[table]
    }
    emptied = tuple(sorted(t for t in before.alive & after.changed.keys() if t not in after.stored))
    return Loss(rows, emptied, tuple(sorted(before.objects - after.objects)))
