"""The query finds what depends on temporary objects over several steps, and in no schema but the session's own."""

from __future__ import annotations

from typing import Any

from pgguard.evidence.envelope import opened
from pgguard.evidence.temporary import ON_TEMPORARY, SECTION


def found(connection: Any) -> list[tuple[str, int]]:
    rows = opened(connection.execute(ON_TEMPORARY).fetchall())
    assert {row[0] for row in rows} <= {SECTION}
    return [(row[2], int(row[3])) for row in rows]


def test_it_follows_dependencies(server: Any) -> None:
    with server.connect() as one, server.connect() as other:
        assert found(one) == []
        one.execute("create domain positive as int; create table uses (p positive); create temp table t (id serial)")
        positive = one.execute("select 'positive'::regtype::oid").fetchone()[0]
        uses = one.execute("select 'uses'::regclass::oid").fetchone()[0]
        try:
            assert not {("1247", positive), ("1259", uses)} & set(found(one))
            one.execute("alter domain positive set default nextval('t_id_seq')")
            assert {("1247", positive), ("1259", uses)} <= set(found(one))
            assert found(other) == []
        finally:
            one.execute("drop table uses; drop domain positive")
