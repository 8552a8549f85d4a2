"""What the model server answers to pgguard's own queries: the reading, the session's facts, the victims."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.session.model_database import EXCLUSIVE, Database, PgError, Shop
from tests.session.shop import OIDS

MARK = "/* pgguard"
_LIST = re.compile(r"'\{([\d,]*)\}'::pg_catalog\.oid\[\]")
_OID = re.compile(r"'(\d+)'::pg_catalog\.oid")
PG_CLASS = 1259


def seal(values: list[Any]) -> bytes:
    return json.dumps(values).encode().hex().encode()


def answer(sql: str, db: Database, parameters: dict[str, str], settings: dict[str, str]) -> tuple[str, list[bytes]]:
    """(tag, rows); runs inside the transaction."""
    rows: list[bytes]
    if "pg_stat_force_next_flush" in sql:
        db.flush_asked = True
        rows = [b""]
    elif "server_version_num" in sql:
        now = state(db, parameters, settings)
        rows = [seal(["ann", "shop", "5", 4711, "150018", False, "UTF8", "notice", "7", "0a", None, now])]
    elif "to_regclass" in sql or "LOCK TABLE" in sql or "below" in sql or "FROM ONLY" in sql:
        rows = emptied(sql, db)
    elif "pg_relation_size" in sql:
        rows = victims(sql, db.now, db)
    elif "'rights'::pg_catalog.text" in sql:
        rows = []  # a catalog has changed, and nobody's rights
    elif "pg_catalog.count(*)" in sql:
        raise PgError("0A000", "the model was asked whether a table is empty")
    elif "pg_stat_get_xact_tuples_inserted" in sql:
        rows = reading(sql, db, parameters, settings)
        db.unread = False
    else:
        raise PgError("0A000", f"the model does not know this question of pgguard's: {sql[:80]}")
    return f"SELECT {len(rows)}", rows


def state(db: Database, parameters: dict[str, str], settings: dict[str, str]) -> list[Any]:
    ours = [settings.get(name) for name in ("token", "reason", "wait", "dry_run", "environment", "report")]
    strings = parameters.get("standard_conforming_strings", "on")
    return [list(db.holds.values()), "ann", '"$user", public', "origin", strings, "on", *ours]


def reading(sql: str, db: Database, parameters: dict[str, str], settings: dict[str, str]) -> list[bytes]:
    if "concat_ws" in sql:
        known = [int(oid) for oid in _OID.findall(sql)[::3]]
        return [" ".join(["on", *(str(n) for oid in known for n in db.counters.get(oid, [0, 0, 0]))]).encode()]
    lists = [[int(x) for x in found.split(",") if x] for found in _LIST.findall(sql)]
    now = state(db, parameters, settings)
    if "held AS MATERIALIZED" not in sql:
        (wanted,) = lists
        rows = [_relation(oid, db, True, False) for oid in wanted if oid != PG_CLASS]
        return [seal(row) for row in rows] + [
            seal([str(PG_CLASS), 0, 0, 0, "pg_catalog", "pg_class", "r", "2", "p", False, False, now])
        ]
    named = {oid for found in lists for oid in found if oid > PG_CLASS and oid in OIDS.values()}
    if "c.relkind OPERATOR" in sql:
        named |= {oid for oid, counts in db.counters.items() if any(counts)}
    rows = [_relation(oid, db, True, db.now.locks.get(oid) == EXCLUSIVE) for oid in sorted(named | set(db.now.locks))]
    answer = [seal(row) for row in rows]
    if db.now.catalog_writes:
        answer.append(seal(["catalog", str(PG_CLASS), 0, db.now.catalog_writes, 0]))
    return [*answer, seal(["state", now])]


def _relation(oid: int, db: Database, written: bool, strong: bool) -> list[Any]:
    name = next(n for n, o in OIDS.items() if o == oid)
    counts = db.counters.get(oid, [0, 0, 0])
    if name not in db.now.tables:
        return [str(oid), *counts, None, None, None, None, None, written, strong, None]
    return [str(oid), *counts, "public", name, "r", "2", "p", written, strong, None]


def emptied(sql: str, db: Database) -> list[bytes]:
    """What is asked in front of a TRUNCATE, of one table."""
    if "to_regclass" in sql:
        (name,) = re.findall(r"'\"(\w+)\"'::pg_catalog", sql)
        return [seal([str(OIDS[name]), "public", name, "r", "p"])] if name in db.now.tables else []
    if "LOCK TABLE" in sql:
        db.lock(re.findall(r'"(\w+)"', sql)[1], EXCLUSIVE)
        return []
    (oid,) = (oid for found in _LIST.findall(sql) for oid in found.split(",")) if "below" in sql else ("",)
    name = next(n for n, o in OIDS.items() if str(o) == oid) if oid else re.findall(r'"(\w+)"', sql)[1]
    rows = len(db.now.tables[name].rows)
    if "below" in sql:
        return [seal([oid, "public", name, rows > 0, True])]
    return [seal([str(OIDS[name]), rows])]


def victims(sql: str, shop: Shop, db: Database | None = None) -> list[bytes]:
    """The catalog's relation rows, as ``shop`` has them; ``db``: asked inside."""
    found = re.search(r"'\{([\d,]*)\}'", sql)
    wanted = {int(x) for x in found[1].split(",") if x} if found else set()
    rows = []
    for name, table in shop.tables.items():
        oid = OIDS[name]
        if oid in wanted:
            size = [len(table.rows) * 8192, (db.counters.get(oid, [0])[0]), True] if db is not None else None
            rows.append(
                ["relation", str(oid), "public", "2200", name, "r", "p", str(table.filenode), "10", False, False, False,
                 len(table.rows), len(table.rows), None, None, None, None, size]
            )  # fmt: skip
    return [seal(row) for row in rows]
