"""rewrites-table: a whole table is written anew while nobody can use it.

*Problem*: a new column with a volatile default, an identity, a serial or a stored expression needs a value in every
row, and a table that moves to another place or form is copied. Readers wait as well, and the disk must hold it twice.
*Instead*: add the column without a default, fill it in small steps, then set the default. Leave VACUUM FULL and CLUSTER
to a maintenance window.
*Exceptions*: a constant default, and one that is not volatile (`now()`), writes nothing anew; a small or new table.
"""

from __future__ import annotations

from pgguard.checks.finding import Finding, said
from pgguard.sql.statement import Statement

NAME = "rewrites-table"

_SAYS = {
    "column serial": "adds a serial column, for which the table is written anew",
    "column identity": "adds an identity column, for which the table is written anew",
    "column stored": "adds a stored generated column, for which the table is written anew",
    "column volatile default": "adds a column with a volatile default, for which the table is written anew",
    "set expression": "changes the expression of a generated column, for which the table is written anew",
    "set logged": "writes the table anew to make it logged",
    "set unlogged": "writes the table anew to make it unlogged",
    "set access method": "writes the table anew for another access method",
    "set table space": "moves the table to another tablespace",
    "vacuum full": "writes whole tables anew, one after the other, and nobody can use them meanwhile",
    "cluster": "writes the table anew in the order of an index, and nobody can use it meanwhile",
}


def find(statement: Statement, text: str, reaches_user_code: bool) -> Finding | None:
    return said(NAME, statement, (*statement.details, *statement.subcommands), _SAYS)
