"""The query for all that goes with the session's temporary schema, whatever schema it stands in itself.

One row for each relation, column, type, function or text search configuration that depends on a temporary object,
directly or not: ``[section, key, class, object, column]``. Asked inside only; the schema is the session's own.
"""

from __future__ import annotations

from pgguard.evidence.envelope import among, array, equal, oids, sealed

SECTION = "on temporary"
RELATION, TYPE, FUNCTION, CONFIGURATION = CLASSES = (1259, 1247, 1255, 3602)  # pg_class ..., catalog/pg_*.h

_FIELDS = array(
    f"'{SECTION}'::pg_catalog.text", "pg_catalog.concat_ws('.', g.classid, g.objid, g.objsubid)",
    "g.classid::pg_catalog.text", "g.objid::pg_catalog.text", "g.objsubid",
)  # fmt: skip
_WHOLE = equal("g.objsubid", "'0'::pg_catalog.int4")
_INTERNAL = equal("d.deptype", "'i'::pg_catalog.\"char\"")

# From the schema (2615 is pg_namespace) along pg_depend, and from what is a part of something to the whole.
ON_TEMPORARY = (
    f"SELECT {sealed(_FIELDS)} FROM (WITH RECURSIVE gone(classid, objid, objsubid) AS ("
    "SELECT d.classid, d.objid, d.objsubid FROM pg_catalog.pg_depend d"
    f" WHERE {equal('d.refclassid', '2615::pg_catalog.oid')}"
    f" AND {equal('d.refobjid', 'pg_catalog.pg_my_temp_schema()')}"
    " UNION SELECT x.classid, x.objid, x.objsubid FROM gone g, LATERAL ("
    "SELECT d.classid, d.objid, d.objsubid FROM pg_catalog.pg_depend d"
    f" WHERE {equal('d.refclassid', 'g.classid')} AND {equal('d.refobjid', 'g.objid')}"
    f" AND ({_WHOLE} OR {equal('d.refobjsubid', 'g.objsubid')})"
    " UNION ALL SELECT d.refclassid, d.refobjid, d.refobjsubid FROM pg_catalog.pg_depend d"
    f" WHERE {equal('d.classid', 'g.classid')} AND {equal('d.objid', 'g.objid')} AND {_INTERNAL}) x"
    f") SELECT * FROM gone) g WHERE {among('g.classid', oids(CLASSES))}"
)
