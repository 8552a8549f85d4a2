"""Rows of ``queries.QUERIES`` -> Picture."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pgguard.catalog.picture import (
    Cast,
    Code,
    Column,
    Expression,
    ForeignKey,
    Function,
    Index,
    Operator,
    Picture,
    Relation,
    Rule,
    Tree,
    Trigger,
    Type,
)
from pgguard.catalog.tree import scan

Rows = Mapping[str, Sequence[Sequence[Any]]]


def build(rows: Rows, server_version: int, database: str, database_oid: int, encoding: str = "UTF8") -> Picture:
    """The picture that these rows show. All rows must come from one snapshot."""
    operators = {r[0]: Operator(*r) for r in rows["operators"]}
    calls = {o.oid: o.function for o in operators.values()}
    code = _code(rows, calls)
    functions = {
        r[0]: Function(r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8] or "", code.get(r[0]))
        for r in rows["functions"]
    }
    relations, indexes_by_name = _relations(rows, calls)
    types = _types(rows, calls)
    return Picture(
        server_version=server_version,
        database=database,
        database_oid=database_oid,
        encoding=encoding,
        relations=relations,
        functions=functions,
        operators=operators,
        types=types,
        casts=tuple(Cast(*r) for r in rows["casts"]),
        nondeterministic=frozenset(r[0] for r in rows["nondeterministic"]),
        opclasses=frozenset(r[2] for r in rows["opclasses"]),
        opclass_functions=frozenset(r[0] for r in rows["opclass_functions"]),
        event_triggers=tuple(r[0] for r in rows["event_triggers"]),
        extensions=tuple(r[0] for r in rows["extensions"]),
        relations_by_name=_by_name(relations.values()),
        indexes_by_name=indexes_by_name,
        functions_by_name=_by_name(functions.values()),
        operators_by_name=_by_name(operators.values()),
        types_by_name=_by_name(types.values()),
        transition_tables=frozenset(name for r in rows["triggers"] for name in r[8:10] if name),
    )


_COMMAND = re.compile(r":commandType (\d+)")
_OVERWRITES = re.compile(r":onConflict \{ONCONFLICTEXPR :action (?!1 )")  # ONCONFLICT_NOTHING


def _code(rows: Rows, calls: Mapping[int, int]) -> dict[int, Code]:
    aggregates = {r[0]: (tuple(f for f in r[1] if f), tuple(t for t in r[2] if t)) for r in rows["aggregates"]}
    found: dict[int, Code] = {}
    for oid, source, encoding, atomic, defaults, types, settings in rows["code"]:
        # In other encodings than the one we think in, the same bytes can be another name.
        readable = source is not None and (encoding in ("UTF8", "SQL_ASCII") or source.isascii())
        parts, states = aggregates.get(oid, ((), ()))
        found[oid] = Code(
            source=source if readable else None,
            atomic=scan(atomic, calls) if atomic else None,
            commands=frozenset(int(number) for number in _COMMAND.findall(atomic or "")),
            overwrites=bool(_OVERWRITES.search(atomic or "")),
            defaults=scan(defaults, calls),
            types=(*types, *states),
            settings=tuple(settings or ()),
            parts=parts,
        )
    return found


def _by_name(objects: Iterable[Relation | Function | Operator | Type]) -> dict[str, tuple[int, ...]]:
    names: defaultdict[str, list[int]] = defaultdict(list)
    for thing in objects:
        names[thing.name].append(thing.oid)
    return {name: tuple(oids) for name, oids in names.items()}


def _types(rows: Rows, calls: Mapping[int, int]) -> dict[int, Type]:
    checks: defaultdict[int, list[Tree]] = defaultdict(list)
    for _, domain, tree in rows["checks"]:
        if domain:
            checks[domain].append(scan(tree, calls))
    found: dict[int, Type] = {}
    for oid, schema, name, kind, relation, element, base, functions, default in rows["types"]:
        trees = (*checks[oid], scan(default, calls)) if default else tuple(checks[oid])
        called = frozenset(f for f in functions if f)
        found[oid] = Type(oid, schema, name, kind, relation, element, base, called, trees)
    return found


def _relations(rows: Rows, calls: Mapping[int, int]) -> tuple[dict[int, Relation], dict[str, tuple[Index, ...]]]:
    columns: defaultdict[int, list[Column]] = defaultdict(list)
    for relation, *rest in rows["columns"]:
        columns[relation].append(Column(*rest))
    generated = {(t, c.number) for t, all_columns in columns.items() for c in all_columns if c.generated}
    expressions = _expressions(rows, calls, generated)
    indexes, indexes_by_name = _indexes(rows)
    parents: defaultdict[int, list[int]] = defaultdict(list)
    children: defaultdict[int, list[int]] = defaultdict(list)
    for child, parent in rows["inherits"]:
        parents[child].append(parent)
        children[parent].append(child)
    outgoing: defaultdict[int, list[ForeignKey]] = defaultdict(list)
    incoming: defaultdict[int, list[ForeignKey]] = defaultdict(list)
    for oid, name, table, references, key, referenced, on_update, on_delete, deferrable in rows["foreign_keys"]:
        found = ForeignKey(
            oid, name, table, references, tuple(key), tuple(referenced), on_update, on_delete, deferrable
        )
        outgoing[table].append(found)
        incoming[references].append(found)
    triggers: defaultdict[int, list[Trigger]] = defaultdict(list)
    for table, name, function, kind, enabled, internal, deferrable, when, *_ in rows["triggers"]:
        triggers[table].append(
            Trigger(name, table, function, kind, enabled != "D", internal, deferrable, scan(when, calls))
        )
    rules: defaultdict[int, list[Rule]] = defaultdict(list)
    for table, name, event, enabled, action, condition in rows["rules"]:
        tree = scan(f"{action or ''} {condition or ''}", calls)
        rules[table].append(Rule(name, event, enabled != "D", tree))
    partition_columns = {r[0]: tuple(r[1]) for r in rows["partitioned"]}
    relations = {
        r[0]: Relation(
            r[0],
            r[1],
            r[2],
            r[3],
            r[4],
            r[5],
            r[6],
            r[7],
            r[8],
            r[9],
            columns=tuple(sorted(columns[r[0]], key=lambda c: c.number)),
            parents=tuple(parents[r[0]]),
            children=tuple(children[r[0]]),
            indexes=tuple(indexes[r[0]]),
            outgoing=tuple(outgoing[r[0]]),
            incoming=tuple(incoming[r[0]]),
            triggers=tuple(triggers[r[0]]),
            rules=tuple(rules[r[0]]),
            expressions=tuple(expressions[r[0]]),
            partition_columns=partition_columns.get(r[0], ()),
        )
        for r in rows["relations"]
    }
    return relations, indexes_by_name


def _expressions(
    rows: Rows, calls: Mapping[int, int], generated: set[tuple[int, int]]
) -> defaultdict[int, list[Expression]]:
    found: defaultdict[int, list[Expression]] = defaultdict(list)

    def add(relation: int, kind: str, text: str | None, column: int = 0) -> None:
        if text:
            found[relation].append(Expression(kind, scan(text, calls), column))

    for relation, column, text in rows["defaults"]:
        add(relation, "generated column" if (relation, column) in generated else "default", text, column)
    for relation, _, text in rows["checks"]:
        if relation:
            add(relation, "check", text)
    for row in rows["indexes"]:
        add(row[2], "index", row[12])
        add(row[2], "index", row[13])
    for relation, text in rows["statistics"]:
        add(relation, "statistics", text)
    for relation, _, text in rows["partitioned"]:
        add(relation, "partition key", text)
    for relation, using, check in rows["policies"]:
        add(relation, "policy", using)
        add(relation, "policy", check)
    return found


def _indexes(rows: Rows) -> tuple[defaultdict[int, list[Index]], dict[str, tuple[Index, ...]]]:
    family = {r[0]: r[1] for r in rows["opclasses"]}
    by_table: defaultdict[int, list[Index]] = defaultdict(list)
    by_name: defaultdict[str, list[Index]] = defaultdict(list)
    for oid, name, table, _, unique, usable, immediate, plain, count, keys, opclasses, collations, exprs, pred in rows[
        "indexes"
    ]:
        index = Index(
            oid, name, table, unique, usable, immediate,
            plain=plain and not exprs and not pred,
            keys=tuple(keys[:count]),
            families=tuple(family.get(c, 0) for c in opclasses[:count]),
            collations=tuple(collations[:count]),
        )  # fmt: skip
        by_table[table].append(index)
        by_name[name].append(index)
    return by_table, {name: tuple(found) for name, found in by_name.items()}
