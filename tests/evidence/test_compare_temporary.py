"""What goes with a session's temporary objects is lost when it comes to stand on them, asked of a real server."""

from __future__ import annotations

from typing import Any

import pytest

from pgguard.evidence.compare_temporary import HOW

NOTHING: list[str] = []
DOMAIN = f"type w.positive {HOW}"
CASES: list[tuple[str, list[str]]] = [
    ("create temp sequence q; alter domain w.positive set default nextval('q')", [DOMAIN]),
    ("create temp table q (id serial); alter domain w.positive set default nextval('q_id_seq')", [DOMAIN]),
    ("alter domain w.positive set default nextval('w.s')", NOTHING),
    ("create type pg_temp.n as (id int, k int); alter table w.loose of pg_temp.n", [f"table w.loose {HOW}"]),
    (
        "create collation pg_temp.c (locale = 'C'); alter table w.a alter t type varchar(10) collate pg_temp.c",
        [f"column w.a.t {HOW} 1000"],
    ),
    (
        "create text search dictionary pg_temp.d (template = simple);"
        "alter text search configuration w.words add mapping for asciiword with pg_temp.d",
        [f"text search configuration words {HOW}"],
    ),
    ("create temp sequence q; alter table w.a alter v set default nextval('q')", NOTHING),
    ("create temp sequence q; create domain w.mine as int default nextval('q')", NOTHING),
    ("create temp table q (p w.positive); create temp view r as select * from w.a", NOTHING),
    ("create function pg_temp.f() returns int language sql as 'select 1'; create table w.x (v int)", NOTHING),
]


@pytest.fixture
def words(shop: Any) -> Any:
    shop.run("create text search configuration w.words (parser = default)")
    return shop


def test_statements(words: Any, subtests: pytest.Subtests) -> None:
    """Every text makes just that go with the session which stands beside it."""
    for sql, expected in CASES:
        with subtests.test(sql):
            assert words.says(sql) == sorted(expected)
