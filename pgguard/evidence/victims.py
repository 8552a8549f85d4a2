"""The catalog query that is asked inside and outside, to be compared: what the objects in danger look like.

Each row is ``[section, oid, ...]``. Of relations and other objects only those are listed that the transaction holds
strong locks on. What changes without such a lock (functions, types, roles, settings ...) is listed whole, as soon as
the catalog it stands in has been changed; user-defined objects only."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from pgguard.evidence.additions import additions
from pgguard.evidence.envelope import PREFIX, Row, among, array, chars, equal, oids, opened, sealed
from pgguard.evidence.reading import FIRST_USER_OID
from pgguard.evidence.temporary import ON_TEMPORARY

# Catalog OIDs (catalog/pg_*.h) of objects that are compared section by section, and the catalog that stands for them.
SECTION_OF_CLASS = {
    1255: "pg_proc", 1247: "pg_type", 2615: "pg_namespace", 1260: "pg_authid", 1262: "pg_database",
    3079: "pg_extension", 3466: "pg_event_trigger",
}  # fmt: skip
# Parts of relations: compared with the relation that they belong to, which is locked as well.
PART_CLASSES = frozenset({1259, 2604, 2606, 2618, 2620, 3256})
LARGE_OBJECT = 2613
SHARED = "0::pg_catalog.oid"


def victims_sql(
    relations: Collection[int],
    objects: Collection[tuple[int, int]] = (),
    catalogs: Collection[str] = (),
    *,
    inside: bool = False,
) -> str:
    """The query. ``inside`` adds what only the session that holds the locks may ask without waiting for itself."""
    parts = _relations(relations, inside) if relations else []
    large = {objid for classid, objid in objects if classid == LARGE_OBJECT}
    if large:
        source = f"pg_largeobject_metadata m WHERE {among('m.oid', oids(large))}"
        parts.append(_rows("large object", "m.oid", (), source))
    parts += [_other(classid, objid) for classid, objid in sorted(set(objects)) if _is_other(classid)]
    changed = {*catalogs, *(SECTION_OF_CLASS.get(classid, "") for classid, _ in objects)}
    parts += [sql for names, sql in _WHOLE if changed & names]
    parts += additions(frozenset(changed), inside)
    if parts and inside:
        parts.append(ON_TEMPORARY)
    return PREFIX + (" UNION ALL ".join(parts) or "SELECT ''::pg_catalog.text WHERE false")


def parse_victims(rows: Sequence[Row]) -> list[list[Any]]:
    """The answer: one list per row, ``[section, oid, ...]``."""
    return opened(rows)


def _is_other(classid: int) -> bool:
    return classid != LARGE_OBJECT and classid not in PART_CLASSES and classid not in SECTION_OF_CLASS


def _rows(section: str, oid: str, fields: tuple[str, ...], source: str) -> str:
    values = (f"'{section}'::pg_catalog.text", f"{oid}::pg_catalog.text", *fields)
    return f"SELECT {sealed(array(*values))} FROM pg_catalog.{source}"


# Places in the text it came from, and the names of all columns of each table, used or not: columns are meant by number.
_MEANS_NOTHING = ":(stmt_)?(location|len) -?[0-9]+|:colnames [(][^)]*[)]"


def _tree(value: str) -> str:
    """A stored expression without what means nothing in it."""
    plain = f"pg_catalog.regexp_replace({value}::pg_catalog.text, '{_MEANS_NOTHING}', '', 'g')"
    return _hash(plain)


def _hash(value: str) -> str:
    return f"pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to({value}, 'UTF8')), 'hex')"


def _digest(*values: str) -> str:
    return _hash(array(*values) + "::pg_catalog.text")


def _namespace(oid: str) -> str:
    return f"(SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE {equal('n.oid', oid)})"


def _owner(oid: str) -> str:
    return f"{oid}::pg_catalog.text"


def _member(classid: int, oid: str) -> str:
    """The extension that the object belongs to. (LIMIT '1', because LIMIT 1 calls the cast from integer to int8, and
    its use can be revoked from the client's role.)"""
    return (
        "(SELECT d.refobjid::pg_catalog.text FROM pg_catalog.pg_depend d"
        f" WHERE {equal('d.classid', f'{classid}::pg_catalog.oid')} AND {equal('d.objid', oid)}"
        f" AND {equal('d.deptype', _char('e'))} LIMIT '1')"
    )


def _char(letter: str) -> str:
    return f"'{letter}'::pg_catalog.\"char\""


def _relations(relations: Collection[int], inside: bool) -> list[str]:
    known = oids(relations)
    owned_by = (
        "(SELECT pg_catalog.json_build_array(d.refobjid::pg_catalog.text, d.refobjsubid) FROM pg_catalog.pg_depend d"
        f" WHERE {equal('d.classid', '1259::pg_catalog.oid')} AND {equal('d.objid', 'c.oid')}"
        f" AND {equal('d.refclassid', '1259::pg_catalog.oid')} AND {among('d.deptype', chars('ai'))}"
        f" AND {equal('c.relkind', _char('S'))} LIMIT '1')"
    )
    rights = (
        f"CASE WHEN {equal('c.relkind', _char('v'))} THEN pg_catalog.concat_ws(' ', c.relacl,"
        " (SELECT pg_catalog.string_agg(pg_catalog.concat(v.attname, v.attacl), ' ' ORDER BY v.attnum)"
        f" FROM pg_catalog.pg_attribute v WHERE {equal('v.attrelid', 'c.oid')} AND v.attacl IS NOT NULL)) END"
    )
    only_inside = "NULL"
    if inside:
        is_table = equal("c.relkind", _char("r"))
        only_inside = (
            f"CASE WHEN {is_table} THEN pg_catalog.json_build_array(pg_catalog.pg_relation_size(c.oid),"
            " pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid),"
            " pg_catalog.has_table_privilege(c.oid, 'SELECT') AND NOT pg_catalog.row_security_active(c.oid)) END"
        )
    relation = (
        _namespace("c.relnamespace"), "c.relnamespace::pg_catalog.text", "c.relname", "c.relkind", "c.relpersistence",
        "c.relfilenode::pg_catalog.text", _owner("c.relowner"), "c.relrowsecurity", "c.relforcerowsecurity",
        "c.relispartition", "c.reltuples::pg_catalog.int8", "pg_catalog.pg_stat_get_live_tuples(c.oid)",
        f"CASE WHEN {equal('c.relkind', _char('v'))} THEN c.reloptions::pg_catalog.text END", owned_by,
        _member(1259, "c.oid"), rights, only_inside,
    )  # fmt: skip
    index = (
        "x.indrelid::pg_catalog.text", "i.relname", "x.indisunique", "x.indisvalid", "x.indkey::pg_catalog.text",
        _tree("x.indexprs"), _tree("x.indpred"), "x.indimmediate", "i.relnamespace::pg_catalog.text",
        "pg_catalog.concat_ws(' ', i.relam, x.indnkeyatts, x.indnullsnotdistinct, x.indisexclusion, x.indoption)",
        "pg_catalog.concat_ws(' ', x.indclass, x.indcollation)",
    )  # fmt: skip
    column = (
        "a.attnum", "a.attname", "pg_catalog.concat_ws(' ', a.atttypid, a.atttypmod, a.attcollation)", "a.attnotnull",
        "a.xmin::pg_catalog.text",
        f"(SELECT {_tree('e.adbin')} FROM pg_catalog.pg_attrdef e WHERE {equal('e.adrelid', 'a.attrelid')}"
        f" AND {equal('e.adnum', 'a.attnum')} AND {equal('a.attgenerated', _char('v'))})",
    )  # fmt: skip
    constraint = (
        "k.conrelid::pg_catalog.text", "k.conname", "k.contype", "k.conparentid::pg_catalog.text",
        "k.conkey::pg_catalog.text", "k.convalidated",
        f"pg_catalog.concat({_tree('k.conbin')}, k.conexclop)",
        "pg_catalog.concat_ws(' ', k.confrelid, k.confkey, k.confupdtype, k.confdeltype, k.confmatchtype,"
        " k.condeferrable, k.condeferred, k.connoinherit, k.confdelsetcols,"
        # conperiod and conenforced are columns of PostgreSQL 18.
        " pg_catalog.json_extract_path_text(pg_catalog.row_to_json(k), 'conperiod'))",
        "pg_catalog.json_extract_path_text(pg_catalog.row_to_json(k), 'conenforced')",
        "k.conindid::pg_catalog.text",
    )  # fmt: skip
    trigger = (
        "t.tgrelid::pg_catalog.text", "t.tgname", "t.tgenabled", "t.tgisinternal", "t.tgparentid::pg_catalog.text",
        _digest("t.tgtype", "t.tgfoid", "t.tgattr", "t.tgdeferrable", "t.tginitdeferred",
                "pg_catalog.encode(t.tgargs, 'hex')", "t.tgoldtable", "t.tgnewtable"), _tree("t.tgqual"),
        "t.tgtype",
    )  # fmt: skip
    # On PostgreSQL 15 a view's query names the view itself, which is another one when it is made again.
    itself = "pg_catalog.concat(':relid ', r.ev_class, ' ')"
    action = f"pg_catalog.replace(r.ev_action::pg_catalog.text, {itself}, ':relid itself ')"
    rule = (
        "r.ev_class::pg_catalog.text", "r.rulename", "r.ev_enabled", "r.ev_type", "r.is_instead",
        _tree(action), _tree("r.ev_qual"),
    )  # fmt: skip
    policy = (
        "p.polrelid::pg_catalog.text", "p.polname",
        "pg_catalog.concat_ws(' ', p.polcmd, p.polpermissive, p.polroles)", _tree("p.polqual"), _tree("p.polwithcheck"),
    )  # fmt: skip
    lasting = f"c.relpersistence OPERATOR(pg_catalog.<>) {_char('t')}"
    return [
        _rows("relation", "c.oid", relation, f"pg_class c WHERE {among('c.oid', known)} AND {lasting}"),
        _rows("column", "a.attrelid", column, f"pg_attribute a WHERE {among('a.attrelid', known)}"
              " AND a.attnum OPERATOR(pg_catalog.>) '0'::pg_catalog.int2 AND NOT a.attisdropped"),
        _rows("constraint", "k.oid", constraint, f"pg_constraint k WHERE {among('k.conrelid', known)}"),
        _rows("trigger", "t.oid", trigger, f"pg_trigger t WHERE {among('t.tgrelid', known)}"),
        _rows("rule", "r.oid", rule, f"pg_rewrite r WHERE {among('r.ev_class', known)}"),
        _rows("policy", "p.oid", policy, f"pg_policy p WHERE {among('p.polrelid', known)}"),
        _rows("index", "x.indexrelid", index,
              f"pg_index x JOIN pg_catalog.pg_class i ON {equal('i.oid', 'x.indexrelid')}"
              f" WHERE {among('x.indrelid', known)} OR {among('x.indexrelid', known)}"),
        _rows("parent", "h.inhrelid", ("h.inhparent::pg_catalog.text",),
              f"pg_inherits h WHERE {among('h.inhrelid', known)}"),
    ]  # fmt: skip


def _other(classid: int, objid: int) -> str:
    """An object of any other class, as PostgreSQL itself names it; the identity is null when it is gone."""
    values = (_quoted("object"), _quoted(f"{classid}.{objid}"), "i.type", "i.identity",
              _member(classid, f"{objid}::pg_catalog.oid"))  # fmt: skip
    return (
        f"SELECT {sealed(array(*values))}"
        f" FROM pg_catalog.pg_identify_object({classid}, {objid}, 0) i WHERE i.identity IS NOT NULL"
    )


def _quoted(word: str) -> str:
    return f"'{word}'::pg_catalog.text"


_USER = f"oid OPERATOR(pg_catalog.>=) {FIRST_USER_OID}::pg_catalog.oid"

# What an aggregate is made of, by OID: names of functions as text depend on the session's search_path.
_AGGREGATE = (
    "(SELECT pg_catalog.concat_ws(' ', a.aggtransfn::pg_catalog.oid, a.aggfinalfn::pg_catalog.oid,"
    " a.aggcombinefn::pg_catalog.oid, a.aggmtransfn::pg_catalog.oid, a.aggmfinalfn::pg_catalog.oid, a.aggsortop,"
    " a.aggtranstype, a.agginitval) FROM pg_catalog.pg_aggregate a"
    f" WHERE {equal('a.aggfnoid::pg_catalog.oid', 'f.oid')})"
)
_FUNCTION = (
    _namespace("f.pronamespace"), "f.pronamespace::pg_catalog.text", "f.proname",
    "pg_catalog.oidvectortypes(f.proargtypes)", "f.proargtypes::pg_catalog.text",
    _digest("f.prolang", "f.prokind", "f.prorettype", "f.proretset", "f.probin", _tree("f.prosqlbody"), "f.prosrc",
            _AGGREGATE),
    _digest("f.proowner", "f.prosecdef", "f.proleakproof", "f.proisstrict", "f.provolatile", "f.proconfig"),
    _member(1255, "f.oid"), "f.proacl::pg_catalog.text",
)  # fmt: skip
_LABELS = (
    "(SELECT pg_catalog.json_agg(l.label) FROM (SELECT e.enumlabel::pg_catalog.text FROM pg_catalog.pg_enum e"
    f" WHERE {equal('e.enumtypid', 't.oid')} UNION ALL"
    " SELECT pg_catalog.concat_ws(' ', 'constraint', k.conname, k.convalidated," + _tree("k.conbin") + ")"
    f" FROM pg_catalog.pg_constraint k WHERE {equal('k.contypid', 't.oid')}) l(label))"
)
_TYPE = (
    _namespace("t.typnamespace"), "t.typnamespace::pg_catalog.text", "t.typname",
    "pg_catalog.concat_ws(' ', t.typtype, t.typbasetype, t.typtypmod, t.typowner, t.typinput::pg_catalog.oid)",
    "t.typnotnull", _LABELS, _member(1247, "t.oid"),
)  # fmt: skip
# The row types of tables and all array types go with what they belong to.
_TYPES = (
    f"pg_type t WHERE t.{_USER} AND {among('t.typtype', chars('bcderm'))}"
    f" AND t.typcategory OPERATOR(pg_catalog.<>) {_char('A')} AND ({equal('t.typrelid', SHARED)} OR EXISTS"
    f" (SELECT FROM pg_catalog.pg_class c WHERE {equal('c.oid', 't.typrelid')} AND {equal('c.relkind', _char('c'))}))"
)
_ROLE = (
    "s.rolname",
    "pg_catalog.json_build_array(s.rolsuper, s.rolinherit, s.rolcreaterole, s.rolcreatedb, s.rolcanlogin,"
    " s.rolreplication, s.rolbypassrls, s.rolconnlimit, "
    # As text it would depend on the session's TimeZone and DateStyle.
    " pg_catalog.encode(pg_catalog.timestamptz_send(s.rolvaliduntil), 'hex'))",
)
_SETTING = (
    "pg_catalog.pg_get_userbyid(g.setrole)", "g.setrole::pg_catalog.text",
    f"(SELECT d.datname FROM pg_catalog.pg_database d WHERE {equal('d.oid', 'g.setdatabase')})",
    "pg_catalog.array_to_json(g.setconfig)",
)  # fmt: skip

_MAPPING = (
    "(SELECT i.identity FROM pg_catalog.pg_identify_object(3602::pg_catalog.oid, m.mapcfg, 0) i)",  # pg_ts_config
    "m.mapcfg::pg_catalog.text", "m.mapdict::pg_catalog.text",
)  # fmt: skip

# Which changed catalogs ask for which whole list.
_WHOLE: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"pg_proc"}), _rows("function", "f.oid", _FUNCTION, f"pg_proc f WHERE f.{_USER}")),
    (frozenset({"pg_type", "pg_enum", "pg_constraint"}), _rows("type", "t.oid", _TYPE, _TYPES)),
    (
        frozenset({"pg_namespace"}),
        _rows("schema", "n.oid", ("n.nspname", _owner("n.nspowner"), _member(2615, "n.oid")), "pg_namespace n"),
    ),
    (frozenset({"pg_authid"}), _rows("role", "s.oid", _ROLE, f"pg_roles s WHERE s.{_USER}")),
    (
        frozenset({"pg_db_role_setting"}),
        _rows("setting", "pg_catalog.concat_ws('.', g.setdatabase, g.setrole)", _SETTING, "pg_db_role_setting g"),
    ),
    (
        frozenset({"pg_extension"}),
        _rows("extension", "x.oid", ("x.extname", "x.extversion"), f"pg_extension x WHERE x.{_USER}"),
    ),
    (
        frozenset({"pg_event_trigger"}),
        _rows("event trigger", "v.oid", ("v.evtname", "v.evtenabled",
              "pg_catalog.concat_ws(' ', v.evtevent, v.evtfoid, v.evttags)"), "pg_event_trigger v"),
    ),
    (
        frozenset({"pg_publication"}),
        _rows("publication", "p.oid",
              ("p.pubname", array("p.pubinsert", "p.pubupdate", "p.pubdelete", "p.pubtruncate")),
              f"pg_publication p WHERE p.{_USER}"),
    ),
    (
        frozenset({"pg_ts_config_map"}),
        _rows("text search mapping", "pg_catalog.concat_ws('.', m.mapcfg, m.maptokentype, m.mapseqno)", _MAPPING,
              f"pg_ts_config_map m WHERE m.mapcfg OPERATOR(pg_catalog.>=) {FIRST_USER_OID}::pg_catalog.oid"),
    ),
    (
        frozenset({"pg_ts_config_map"}),
        _rows("text search configuration", "c.oid", ("c.cfgname",), f"pg_ts_config c WHERE c.{_USER}"),
    ),
    (
        frozenset({"pg_database"}),
        _rows("database", "d.oid", ("d.datname", _owner("d.datdba"), "d.datallowconn", "d.datconnlimit"),
              "pg_database d"),
    ),
)  # fmt: skip


def emptiness_sql(suspects: Collection[tuple[int, str, str]]) -> str:
    """Inside: does each of these tables (oid, schema, name) hold no more rows than this transaction put into it?

    Ask only for what ``compare.suspects`` names: the caller's role may read those, and no row security hides rows."""
    parts = []
    for oid, schema, name in suspects:
        added = f"pg_catalog.pg_stat_get_xact_tuples_inserted({oid})"
        some = f"SELECT FROM ONLY {_identifier(schema)}.{_identifier(name)} LIMIT ({added} OPERATOR(pg_catalog.+) 1)"
        count = f"(SELECT pg_catalog.count(*) FROM ({some}) t)"
        parts.append(f"SELECT {sealed(array(_quoted(str(oid)), f'{count} OPERATOR(pg_catalog.<=) {added}'))}")
    return PREFIX + " UNION ALL ".join(parts)


def parse_emptiness(rows: Sequence[Row]) -> dict[int, bool]:
    """OID -> is it empty, but for this transaction's own rows."""
    return {int(oid): empty is True for oid, empty in opened(rows)}


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
