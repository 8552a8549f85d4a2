"""UPDATE or DELETE by a unique key: the most rows it can touch, from the catalog alone.

A bound holds only if PostgreSQL compares with the index's own operator. That is decided by the types on both sides, so
there is an allowlist of pairs. Not on it, for example: bigint = float8 (many integers are one double beyond 2^53),
bpchar = text, anything through a user's operator or cast.
"""

from __future__ import annotations

from pgguard.catalog.closure import Change, Closure
from pgguard.catalog.picture import FIRST_USER_OID, Column, Index, Picture, Relation
from pgguard.sql.statement import KeyTerm, Statement, Value

_INTEGERS = frozenset({"integer", "bigint", "int2", "int4", "int8"})
# column type -> (operator families of the B-tree whose equality is meant, accepted types of the value)
_PAIRS: dict[int, tuple[int, frozenset[str]]] = {
    21: (1976, _INTEGERS),
    23: (1976, _INTEGERS),
    20: (1976, _INTEGERS),
    26: (1989, frozenset({"integer", "string", "oid"})),
    25: (1994, frozenset({"string", "text", "varchar"})),
    1043: (1994, frozenset({"string", "text", "varchar"})),
    1042: (426, frozenset({"string", "bpchar"})),
    2950: (2968, frozenset({"string", "uuid"})),
    1700: (1988, frozenset({"integer", "bigint", "numeric", "int2", "int4", "int8"})),
    1082: (434, frozenset({"string", "date"})),
    1114: (434, frozenset({"string", "timestamp"})),
    1184: (434, frozenset({"string", "timestamptz"})),
    16: (424, frozenset({"boolean", "string", "bool"})),
    17: (428, frozenset({"string", "bytea"})),
}
_ENUM_FAMILY = 3522
_STRINGS_FOR_INTEGERS = frozenset({21, 23, 20, 1700})  # '5' is read as the column's own type
# Columns that compare exactly, one value with one, with whatever type an open parameter could get: int4 = float8 is
# exact, uuid = text does not exist. Not so bigint and numeric (= float8) and timestamp (= timestamptz over a DST gap).
_EXACT_WITH_ANYTHING = frozenset({16, 17, 21, 23, 25, 26, 1043, 2950})
_EXACT = frozenset(_PAIRS) - {1184}
_COMPARISONS = frozenset({"=", "<>", "<", ">", "<=", ">="})
_PARAMETER = {
    16: "bool", 17: "bytea", 20: "int8", 21: "int2", 23: "int4", 25: "text", 26: "oid", 1042: "bpchar", 1043: "varchar",
    1082: "date", 1114: "timestamp", 1184: "timestamptz", 1700: "numeric", 2950: "uuid",
}  # fmt: skip


def bound(
    statement: Statement, picture: Picture, starts: list[Change], reached: Closure, param_types: tuple[int, ...]
) -> int | str:
    """The most rows, or why there is no bound. ``starts``: the one write on each relation that the name can mean."""
    if statement.key_terms is None or not starts:
        return "the statement is not a lookup by key"
    if reached.cascades:
        return "a foreign key passes the change on"
    trouble = _equality_trouble(picture)
    if trouble:
        return trouble
    most = 0
    for start in starts:
        relation = picture.relations[start.relation]
        rows = _of_relation(statement, statement.key_terms, picture, relation, start, param_types)
        if isinstance(rows, str):
            return rows
        most = max(most, rows)
    return most


def _of_relation(
    statement: Statement,
    terms: tuple[KeyTerm, ...],
    picture: Picture,
    relation: Relation,
    start: Change,
    param_types: tuple[int, ...],
) -> int | str:
    if relation.system or relation.kind not in ("r", "p") or relation.persistence != "p" or not relation.heap:
        return f"{relation.qualified} is not a permanent heap table"
    if relation.kind == "r" and relation.children and not start.only:
        return f"{relation.qualified} has inheritance children"
    if not _plain_below(picture, relation):
        return f"a partition of {relation.qualified} is not a permanent heap table"
    columns = {c.number: c for c in relation.columns}
    best: int | None = None
    types = _parameter_types(statement, relation, param_types)
    for index in relation.indexes:
        rows = _by_index(index, columns, terms, picture, types)
        if rows is not None and (best is None or rows < best):
            best = rows
    return f"no unique key of {relation.qualified} is compared with values" if best is None else best


def _parameter_types(statement: Statement, relation: Relation, param_types: tuple[int, ...]) -> dict[int, int | None]:
    """Declared type of each parameter in the key terms: 0 when it takes the column's, None when that is not certain.

    Parse may leave a type open, and the first use in the text decides: ``WHERE f > $1 AND id = $1`` compares a bigint
    key with a float8. Without a count of uses, open types pass only where nothing in the text could decide otherwise.
    """
    simple = (
        not (statement.calls or statement.types or statement.reads)
        and {o.name for o in statement.operators} <= _COMPARISONS
        and all(c.type in _EXACT for c in relation.columns if c.name in statement.columns)
    )
    types: dict[int, int | None] = {}
    for number in {v.param for term in statement.key_terms or () for v in term.values if v.param}:
        declared = param_types[number - 1] if number <= len(param_types) else 0
        once = simple if statement.reused_params is None else number not in statement.reused_params
        types[number] = declared if declared or once else None
    return types


def _by_index(
    index: Index,
    columns: dict[int, Column],
    terms: tuple[KeyTerm, ...],
    picture: Picture,
    param_types: dict[int, int | None],
) -> int | None:
    if not (index.unique and index.usable and index.immediate and index.plain) or 0 in index.keys or not index.keys:
        return None
    if picture.nondeterministic & set(index.collations):
        return None
    rows = 1
    for key, family in zip(index.keys, index.families, strict=True):
        column = columns.get(key)
        if column is None or column.collation in picture.nondeterministic:
            return None
        fits = [
            len(t.values) for t in terms
            if t.column == column.name and t.values
            and all(_own_operator(column, family, v, picture, param_types) for v in t.values)
        ]  # fmt: skip
        if not fits:
            return None
        rows *= min(fits)
    return rows


def _own_operator(
    column: Column, family: int, value: Value, picture: Picture, param_types: dict[int, int | None]
) -> bool:
    kind = value.type
    if kind == "param":
        declared = param_types.get(value.param)
        if declared is None:
            return column.type in _EXACT_WITH_ANYTHING
        if declared == 0:
            kind = "string"  # like a quoted literal: it takes the column's type
        elif declared == column.type and declared >= FIRST_USER_OID:
            kind = "string"
        else:
            kind = _PARAMETER.get(declared, "")
    if column.type >= FIRST_USER_OID:
        found = picture.types.get(column.type)
        return found is not None and found.kind == "e" and family == _ENUM_FAMILY and kind == "string"
    pair = _PAIRS.get(column.type)
    if pair is None or pair[0] != family:
        return False
    return kind in pair[1] or (kind == "string" and column.type in _STRINGS_FOR_INTEGERS)


def _plain_below(picture: Picture, relation: Relation) -> bool:
    """Every partition below is a permanent heap table, too: else rows could be touched that no counter shows."""
    if relation.kind != "p":
        return True
    for oid in relation.children:
        child = picture.relations.get(oid)
        if child is None or child.kind not in ("r", "p") or child.persistence != "p" or not child.heap:
            return False
        if not _plain_below(picture, child):
            return False
    return True


def _equality_trouble(picture: Picture) -> str:
    """A user's ``=`` that could be chosen for a built-in type. One whose both sides are user types cannot, unless a
    user's implicit cast leads there (citext's and hstore's pass)."""
    reached_by_cast = {c.target for c in picture.casts if c.implicit and c.source < FIRST_USER_OID}
    for oid in picture.operators_by_name.get("=", ()):
        operator = picture.operators[oid]
        if oid < FIRST_USER_OID:
            continue
        for side in (operator.left, operator.right):
            found = picture.types.get(side)
            if side < FIRST_USER_OID or side in reached_by_cast or found is None or found.kind in ("e", "d", "p"):
                return f"operator {operator.schema}.= is not PostgreSQL's own"
    if any(c.source < FIRST_USER_OID and c.target < FIRST_USER_OID for c in picture.casts):
        return "a cast between built-in types is not PostgreSQL's own"
    return ""
