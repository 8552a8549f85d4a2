"""REINDEX and CLUSTER of what is partitioned stand alone, and the server itself says so."""

from __future__ import annotations

import psycopg
import pytest

from pgguard.catalog.alone import with_what_it_names
from pgguard.sql.read import read

SCHEMA = """
    create table p (a int) partition by range (a);
    create table p1 partition of p for values from (0) to (10);
    create index pi on p (a);
    create table plain (a int);
    create index plain_i on plain (a);
    create schema s;
    create table s.p (a int);
"""


@pytest.mark.parametrize(
    ("sql", "alone"),
    [
        ("reindex table p", True),
        ("reindex index pi", True),
        ("cluster p using pi", True),
        ("reindex table public.p", True),
        ("reindex table p1", False),
        ("reindex index p1_a_idx", False),
        ("reindex table plain", False),
        ("reindex index plain_i", False),
        ("cluster plain using plain_i", False),
        ("reindex table s.p", False),
        ("reindex table concurrently plain", True),
        ("analyze p", False),
        ("select * from p", False),
    ],
)
def test_it_says_what_the_server_says(make_database, sql, alone):
    database = make_database(SCHEMA)
    (statement,) = read(sql.encode()).statements
    said = with_what_it_names(statement, database.picture()).outside_block

    assert alone == said
    database.run("begin")
    try:
        database.run(sql)
        refused = False
    except psycopg.errors.ActiveSqlTransaction:
        refused = True
    finally:
        database.run("rollback")
    assert refused == said
