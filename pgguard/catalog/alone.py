"""Which statements PostgreSQL refuses in a transaction block because of what they name, not of what their text says.

REINDEX and CLUSTER of a partitioned relation commit after each partition (PreventInTransactionBlock in indexcmds.c
and cluster.c); of any other relation they run like an ordinary statement.
"""

from __future__ import annotations

from dataclasses import replace

from pgguard.catalog.picture import Picture
from pgguard.sql.statement import Statement


def with_what_it_names(statement: Statement, picture: Picture) -> Statement:
    """The same statement, its ``outside_block`` completed by the catalog."""
    if statement.node in ("ReindexStmt", "ClusterStmt") and _names_partitioned(statement, picture):
        return replace(statement, outside_block=True)
    return statement


def _names_partitioned(statement: Statement, picture: Picture) -> bool:
    for name in statement.reads:
        tables = {r.oid for r in picture.named_relations(name)}
        tables |= {index.table for index in picture.indexes_by_name.get(name.name, ())}
        if any(picture.relations[oid].kind == "p" for oid in tables if oid in picture.relations):
            return True
    return False
