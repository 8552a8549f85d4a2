"""The part of the catalog query that lists what a transaction may have added: code that runs later, roles, rights.

Each row is ``[section, key, ...]``, as in ``victims``. Most lists can be long, so each side gives only what can differ:
inside the rows that are no older than the transaction; outside those that somebody replaced or removed (also without
having committed it) and recent ones."""

from __future__ import annotations

from collections.abc import Iterator

from pgguard.evidence.envelope import among, array, chars, equal, sealed
from pgguard.evidence.reading import FIRST_USER_OID

# Rows that others committed while the client's transaction was open: without them outside they would look new inside.
_RECENT = 1_000_000  # transactions

# What a stored expression calls, whatever it looked like in the text, and the types that it converts to.
_CALLS = "':(?:funcid|opfuncid|hashfuncid|negfuncid|aggfnoid|winfnoid) ([0-9]{5,})'"
_TYPES = "':resulttype ([0-9]{5,})'"

_CODE_CATALOGS = {
    "trigger": "pg_trigger", "rule": "pg_rewrite", "policy": "pg_policy", "index": "pg_index",
    "statistics": "pg_statistic_ext", "default": "pg_attrdef", "check": "pg_constraint",
    "partition key": "pg_partitioned_table", "range": "pg_range",
}  # fmt: skip
_RIGHTS = (
    ("pg_class", "relacl", "t.oid"),
    ("pg_attribute", "attacl", "pg_catalog.concat_ws('.', t.attrelid, t.attnum)"),
    ("pg_proc", "proacl", "t.oid"),
    ("pg_type", "typacl", "t.oid"),
    ("pg_namespace", "nspacl", "t.oid"),
    ("pg_database", "datacl", "t.oid"),
    ("pg_language", "lanacl", "t.oid"),
    ("pg_largeobject_metadata", "lomacl", "t.oid"),
    ("pg_foreign_data_wrapper", "fdwacl", "t.oid"),
    ("pg_foreign_server", "srvacl", "t.oid"),
    ("pg_tablespace", "spcacl", "t.oid"),
)


def additions(changed: frozenset[str], inside: bool) -> Iterator[str]:
    """One SELECT for each list that the changed catalogs ask for."""
    for kind, catalog in _CODE_CATALOGS.items():
        if catalog in changed:
            yield _code(kind, inside)
    # A domain can stand in the expression of anything, and its own base type is another row.
    if changed & {*_CODE_CATALOGS.values(), "pg_type"}:
        yield _rows("domain", "t.oid", _DOMAIN, _DOMAINS)
    if "pg_auth_members" in changed:
        yield _rows("member", _MEMBERSHIP, ("pg_catalog.pg_get_userbyid(t.roleid)",
                    "pg_catalog.pg_get_userbyid(t.member)", _MEMBER_OPTIONS), "pg_auth_members t")  # fmt: skip
    if "pg_default_acl" in changed:
        yield _rows("default privileges", "t.oid", ("t.defaclacl::pg_catalog.text",), "pg_default_acl t")
    if "pg_shdepend" in changed:
        source = f"pg_shdepend t WHERE {equal('t.deptype', _char('o'))} AND {_differs(inside, recent=False)}"
        yield _rows("owner", _OWNED, ("t.refobjid::pg_catalog.text", _IDENTITY), source)
    for catalog, column, key in _RIGHTS:
        if catalog in changed:
            key = f"pg_catalog.concat_ws('.', '{catalog}', {key})"
            # Where the last privilege on a column is revoked nothing is left of it; elsewhere an empty list is.
            kept = " OR NOT t.attisdropped" if catalog == "pg_attribute" else ""
            given = f"(t.{column} IS NOT NULL{kept}) AND " if inside else ""
            source = f"{catalog} t WHERE {given}{_differs(inside, recent=False)}"
            yield _rows("rights", key, (f"t.{column}::pg_catalog.text",), source)


def _rows(section: str, key: str, fields: tuple[str, ...], source: str) -> str:
    values = (_text(section), f"{key}::pg_catalog.text", *fields)
    return f"SELECT {sealed(array(*values))} FROM pg_catalog.{source}"


def _differs(inside: bool, *, recent: bool = True) -> str:
    # Subtransactions have later numbers than their transaction, which counts its age from its own number.
    if inside:
        return "pg_catalog.age(t.xmin) OPERATOR(pg_catalog.<=) 0"
    replaced = "t.xmax OPERATOR(pg_catalog.<>) '0'::pg_catalog.xid"
    return f"({replaced} OR pg_catalog.age(t.xmin) OPERATOR(pg_catalog.<=) {_RECENT})" if recent else replaced


def _text(word: str) -> str:
    return f"'{word}'::pg_catalog.text"


def _extension(oid: str) -> str:
    return (
        "(SELECT e.extname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e"
        f" ON {equal('e.oid', 'd.refobjid')} WHERE {equal('d.classid', '1255::pg_catalog.oid')}"
        f" AND {equal('d.objid', oid)} AND {equal('d.deptype', _char('e'))} LIMIT '1')"
    )


def _char(letter: str) -> str:
    return f"'{letter}'::pg_catalog.\"char\""


def _functions(found: str) -> str:
    """Those of users among the function OIDs that the query ``found`` gives as one column ``o``."""
    fields = (
        "f.oid::pg_catalog.text", "f.proname",
        f"(SELECT l.lanname FROM pg_catalog.pg_language l WHERE {equal('l.oid', 'f.prolang')})",
        "f.prokind", "f.provolatile", _extension("f.oid"),
    )  # fmt: skip
    return (
        f"(SELECT pg_catalog.json_agg({array(*fields)}) FROM pg_catalog.pg_proc f"
        f" WHERE {among('f.oid', f'ARRAY({found})')}"
        f" AND f.oid OPERATOR(pg_catalog.>=) {FIRST_USER_OID}::pg_catalog.oid)"
    )


def _called(tree: str) -> str:
    return _functions(f"SELECT (r.m)[1]::pg_catalog.oid FROM pg_catalog.regexp_matches({tree}, {_CALLS}, 'g') r(m)")


def _converted(tree: str) -> str:
    return f"ARRAY(SELECT DISTINCT (r.m)[1] FROM pg_catalog.regexp_matches({tree}, {_TYPES}, 'g') r(m))"


def _relation(oid: str) -> str:
    return (
        "(SELECT pg_catalog.concat_ws('.', n.nspname, c.relname) FROM pg_catalog.pg_class c"
        f" JOIN pg_catalog.pg_namespace n ON {equal('n.oid', 'c.relnamespace')} WHERE {equal('c.oid', oid)})"
    )


def _lasting(table: str) -> str:
    """Temporary tables are the session's own, and autovacuum does not touch them."""
    temporary = equal("c.relpersistence", _char("t"))
    return f"NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE {equal('c.oid', table)} AND {temporary})"


def _code(kind: str, inside: bool) -> str:
    """``[kind, table, table's name, name, parent, functions, types]``."""
    source = {
        "trigger": ("t.oid", "t.tgrelid", "t.tgname", "t.tgparentid", "", "NOT t.tgisinternal"),
        "rule": ("t.oid", "t.ev_class", "t.rulename", "0", "",
                 f"t.rulename::pg_catalog.text OPERATOR(pg_catalog.<>) {_text('_RETURN')}"),
        "policy": ("t.oid", "t.polrelid", "t.polname", "0", "", "true"),
        "index": ("t.indexrelid", "t.indrelid", _relation("t.indexrelid"),
                  "(SELECT h.inhparent FROM pg_catalog.pg_inherits h"
                  f" WHERE {equal('h.inhrelid', 't.indexrelid')} LIMIT '1')",
                  "pg_catalog.concat_ws(' ', t.indexprs, t.indpred)",
                  "(t.indexprs IS NOT NULL OR t.indpred IS NOT NULL)"),
        "statistics": ("t.oid", "t.stxrelid", "t.stxname", "0", "t.stxexprs::pg_catalog.text",
                       "t.stxexprs IS NOT NULL"),
        "default": ("t.oid", "t.adrelid", "(SELECT a.attname FROM pg_catalog.pg_attribute a"
                    f" WHERE {equal('a.attrelid', 't.adrelid')} AND {equal('a.attnum', 't.adnum')})",
                    "0", "t.adbin::pg_catalog.text", "true"),
        "check": ("t.oid", "t.conrelid", "t.conname", "0", "t.conbin::pg_catalog.text",
                  "t.conbin IS NOT NULL AND t.conrelid OPERATOR(pg_catalog.<>) 0::pg_catalog.oid"),
        "partition key": ("t.partrelid", "t.partrelid", "NULL", "0", "t.partexprs::pg_catalog.text",
                          "t.partexprs IS NOT NULL"),
        "range": ("t.rngtypid", "0", "(SELECT y.typname FROM pg_catalog.pg_type y"
                  f" WHERE {equal('y.oid', 't.rngtypid')})", "0", "", "true"),
    }  # fmt: skip
    key, table, name, parent, tree, where = source[kind]
    if kind == "range":
        calls = _functions("VALUES (t.rngsubdiff::pg_catalog.oid), (t.rngcanonical::pg_catalog.oid)")
    else:
        calls = _called(tree) if tree else "NULL"
    fields = (
        _text(kind), f"{table}::pg_catalog.text", _relation(f"{table}::pg_catalog.oid"), name,
        f"{parent}::pg_catalog.text", calls, _converted(tree) if tree else "NULL",
    )  # fmt: skip
    rows = f"{_CODE_CATALOGS[kind]} t WHERE {where} AND {_differs(inside)} AND {_lasting(f'{table}::pg_catalog.oid')}"
    return _rows("code", f"pg_catalog.concat_ws('.', {_text(kind)}, {key})", fields, rows)


_DOMAIN_TREE = (
    "pg_catalog.concat_ws(' ', t.typdefaultbin, (SELECT pg_catalog.string_agg(k.conbin::pg_catalog.text, ' ')"
    f" FROM pg_catalog.pg_constraint k WHERE {equal('k.contypid', 't.oid')}))"
)
_DOMAIN = (
    "t.typname", "t.typbasetype::pg_catalog.text",
    f"(SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE {equal('n.oid', 't.typnamespace')})",
    _called(_DOMAIN_TREE),
)  # fmt: skip
_DOMAINS = (
    f"pg_type t WHERE {among('t.typtype', chars('d'))}"
    f" AND t.oid OPERATOR(pg_catalog.>=) {FIRST_USER_OID}::pg_catalog.oid"
)
_OWNED = "pg_catalog.concat_ws('.', t.dbid, t.classid, t.objid)"
_IDENTITY = "(SELECT i.identity FROM pg_catalog.pg_identify_object(t.classid, t.objid, 0) i)"
_MEMBERSHIP = "pg_catalog.concat_ws('.', t.roleid, t.member, t.grantor)"
# inherit_option and set_option are columns of PostgreSQL 16.
_MEMBER_OPTIONS = (
    "pg_catalog.concat_ws(' ', t.admin_option, pg_catalog.json_extract_path_text(pg_catalog.row_to_json(t),"
    " 'inherit_option'), pg_catalog.json_extract_path_text(pg_catalog.row_to_json(t), 'set_option'))"
)
