"""The SQL that reads one database's catalogs: only catalog columns, which take no lock on what they describe.

No pg_get_expr, pg_get_viewdef or pg_get_indexdef: they wait for whoever holds an AccessExclusiveLock, and that may be
the very client that waits for us. Expressions come as pg_node_tree text instead.
"""

from __future__ import annotations

from pgguard.sql.bodies import MAX_BYTES

# Relations of these kinds can be named in a statement; toast tables and indexes cannot be written to by one.
_KINDS = "('r', 'p', 'v', 'm', 'f', 'S', 'c')"

QUERIES: dict[str, str] = {
    "relations": f"""
        SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.relpersistence::text,
               c.relam OPERATOR(pg_catalog.=) 2 OR c.relkind OPERATOR(pg_catalog.=) 'p', c.relispartition,
               c.relrowsecurity, c.relowner, c.reltype
          FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
         WHERE c.relkind IN {_KINDS}""",
    "columns": f"""
        SELECT a.attrelid, a.attname::text, a.attnum::int, a.atttypid, a.attnotnull, a.attgenerated::text, a.atthasdef,
               a.attcollation
          FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid
         WHERE a.attrelid OPERATOR(pg_catalog.>=) 16384 AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped
           AND c.relkind IN {_KINDS}""",
    "indexes": """
        SELECT x.indexrelid, c.relname::text, x.indrelid, n.nspname::text, x.indisunique,
               x.indisvalid AND x.indisready AND x.indislive, x.indimmediate,
               c.relam OPERATOR(pg_catalog.=) 403 AND NOT x.indisexclusion, x.indnkeyatts::int, x.indkey::int2[],
               x.indclass::oid[], x.indcollation::oid[], x.indexprs::text, x.indpred::text
          FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) x.indexrelid
          JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
         WHERE x.indrelid OPERATOR(pg_catalog.>=) 16384""",
    "foreign_keys": """
        SELECT oid, conname::text, conrelid, confrelid, conkey::int2[], confkey::int2[], confupdtype::text,
               confdeltype::text, condeferrable
          FROM pg_catalog.pg_constraint WHERE contype OPERATOR(pg_catalog.=) 'f'""",
    "checks": """
        SELECT conrelid, contypid, conbin::text FROM pg_catalog.pg_constraint
         WHERE contype OPERATOR(pg_catalog.=) 'c' AND oid OPERATOR(pg_catalog.>=) 16384""",
    "triggers": """
        SELECT tgrelid, tgname::text, tgfoid, tgtype::int, tgenabled::text, tgisinternal, tgdeferrable, tgqual::text,
               tgoldtable::text, tgnewtable::text
          FROM pg_catalog.pg_trigger""",
    "rules": """
        SELECT ev_class, rulename::text, ev_type::text, ev_enabled::text, ev_action::text, ev_qual::text
          FROM pg_catalog.pg_rewrite WHERE ev_class OPERATOR(pg_catalog.>=) 16384""",
    "policies": "SELECT polrelid, polqual::text, polwithcheck::text FROM pg_catalog.pg_policy",
    "defaults": """
        SELECT adrelid, adnum::int, adbin::text FROM pg_catalog.pg_attrdef
         WHERE adrelid OPERATOR(pg_catalog.>=) 16384""",
    "statistics": """
        SELECT stxrelid, stxexprs::text FROM pg_catalog.pg_statistic_ext WHERE stxexprs IS NOT NULL""",
    "partitioned": """
        SELECT partrelid, partattrs::int2[], partexprs::text FROM pg_catalog.pg_partitioned_table""",
    "inherits": "SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits",
    "functions": """
        SELECT p.oid, n.nspname::text, p.proname::text, l.lanname::text, p.provolatile OPERATOR(pg_catalog.=) 'v',
               p.prokind::text, p.pronargs::int, p.prorettype, e.extname::text
          FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
          JOIN pg_catalog.pg_language l ON l.oid OPERATOR(pg_catalog.=) p.prolang
          LEFT JOIN pg_catalog.pg_depend d ON d.classid OPERATOR(pg_catalog.=) 1255
               AND d.objid OPERATOR(pg_catalog.=) p.oid AND d.deptype OPERATOR(pg_catalog.=) 'e'
          LEFT JOIN pg_catalog.pg_extension e ON e.oid OPERATOR(pg_catalog.=) d.refobjid""",
    # The bytes as they are: converting them could fail, and then there would be no picture at all.
    "code": f"""
        SELECT p.oid, CASE WHEN pg_catalog.octet_length(p.prosrc) OPERATOR(pg_catalog.<=) {MAX_BYTES}
                           THEN pg_catalog.convert_to(p.prosrc, pg_catalog.getdatabaseencoding()) END,
               pg_catalog.getdatabaseencoding()::text, p.prosqlbody::text, p.proargdefaults::text,
               pg_catalog.array_append(COALESCE(p.proallargtypes, p.proargtypes::oid[]), p.prorettype),
               p.proconfig
          FROM pg_catalog.pg_proc p WHERE p.oid OPERATOR(pg_catalog.>=) 16384""",
    "aggregates": """
        SELECT aggfnoid::oid, ARRAY[aggtransfn::oid, aggfinalfn::oid, aggcombinefn::oid, aggserialfn::oid,
                                    aggdeserialfn::oid, aggmtransfn::oid, aggminvtransfn::oid, aggmfinalfn::oid],
               ARRAY[aggtranstype, aggmtranstype]
          FROM pg_catalog.pg_aggregate WHERE aggfnoid::oid OPERATOR(pg_catalog.>=) 16384""",
    "operators": """
        SELECT o.oid, n.nspname::text, o.oprname::text, o.oprleft, o.oprright, o.oprcode::oid, o.oprcom, o.oprnegate
          FROM pg_catalog.pg_operator o
          JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) o.oprnamespace""",
    "types": """
        SELECT t.oid, n.nspname::text, t.typname::text, t.typtype::text, t.typrelid, t.typelem,
               CASE WHEN r.rngtypid IS NULL THEN t.typbasetype ELSE r.rngsubtype END,
               ARRAY[t.typinput::oid, t.typoutput::oid, t.typreceive::oid, t.typsend::oid, t.typmodin::oid,
                     t.typmodout::oid, t.typanalyze::oid, t.typsubscript::oid, r.rngcanonical::oid, r.rngsubdiff::oid],
               CASE WHEN t.oid OPERATOR(pg_catalog.>=) 16384 THEN t.typdefaultbin::text END
          FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) t.typnamespace
          LEFT JOIN pg_catalog.pg_range r
               ON r.rngtypid OPERATOR(pg_catalog.=) t.oid OR r.rngmultitypid OPERATOR(pg_catalog.=) t.oid""",
    "casts": """
        SELECT castsource, casttarget, castfunc, castcontext OPERATOR(pg_catalog.=) 'i' FROM pg_catalog.pg_cast
         WHERE oid OPERATOR(pg_catalog.>=) 16384""",
    "nondeterministic": "SELECT oid FROM pg_catalog.pg_collation WHERE NOT collisdeterministic",
    "opclasses": "SELECT oid, opcfamily, opcname::text FROM pg_catalog.pg_opclass",
    "opclass_functions": """
        SELECT amproc::oid FROM pg_catalog.pg_amproc WHERE amproc::oid OPERATOR(pg_catalog.>=) 16384
        UNION SELECT o.oprcode::oid FROM pg_catalog.pg_amop a
          JOIN pg_catalog.pg_operator o ON o.oid OPERATOR(pg_catalog.=) a.amopopr
         WHERE o.oprcode::oid OPERATOR(pg_catalog.>=) 16384""",
    "event_triggers": """
        SELECT evtname::text FROM pg_catalog.pg_event_trigger WHERE evtenabled OPERATOR(pg_catalog.<>) 'D'""",
    "extensions": "SELECT extname::text FROM pg_catalog.pg_extension",
}

# xmin changes with every committed change of a row except the in-place ones of VACUUM and ANALYZE, which must not
# change the answer; it is the raw one, so freezing leaves it as well. hashtid tells apart rows of one transaction.
_WATCHED = {
    "pg_class": "relkind OPERATOR(pg_catalog.<>) 't'", "pg_index": "",
    "pg_attribute": "attrelid OPERATOR(pg_catalog.>=) 16384",
    "pg_constraint": "", "pg_trigger": "", "pg_rewrite": "", "pg_policy": "", "pg_attrdef": "", "pg_inherits": "",
    "pg_partitioned_table": "", "pg_statistic_ext": "", "pg_namespace": "", "pg_proc": "", "pg_operator": "",
    "pg_type": "", "pg_cast": "", "pg_range": "", "pg_collation": "", "pg_amproc": "", "pg_amop": "",
    "pg_opclass": "", "pg_event_trigger": "", "pg_extension": "", "pg_language": "",
}  # fmt: skip

FINGERPRINT_SQL = (
    "SELECT pg_catalog.concat_ws(' ', "
    + ", ".join(
        f"(SELECT pg_catalog.concat(pg_catalog.count(*), '/', pg_catalog.sum(xmin::text::bigint), '/',"
        f" pg_catalog.sum(pg_catalog.hashtid(ctid)))"
        f" FROM pg_catalog.{table}{' WHERE ' + where if where else ''})"
        for table, where in _WATCHED.items()
    )
    + ")"
)
