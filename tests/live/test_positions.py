"""POSITION in an error points where the client's own text has the mistake, also when the text was cut for measuring."""

from __future__ import annotations

import pytest
from live import frontend as f
from live.endpoint import Endpoint
from live.postgres import Postgres
from live.raw import Raw

pytestmark = pytest.mark.live

WRITE = "update notes set n = 1 where n = 0 and id <= 5"
TEXTS = {
    "behind a measured statement": f"{WRITE}; select nosuch from notes",
    "in a block of its own": f"begin; {WRITE}; select nosuch from notes; commit",
    "behind a commit": f"begin; {WRITE}; commit; select nosuch from notes",
    "in the third block": f"begin; select 1; commit; begin; {WRITE}; commit; begin; select nosuch; commit",
    "letters of two bytes": f"begin; {WRITE}; select 'äöü€', nosuch from notes; commit",
    "letters of two bytes in front": f"/* ä€ */ begin; {WRITE}; /* ö€ */ commit; select 'ü', nosuch from notes",
    "lines and comments": f"begin;\n-- a comment; with one more\n{WRITE};\n\n  select nosuch\n    from notes;\ncommit",
    "a string with semicolons": f"begin; select ';commit;', $x$;commit;$x$; {WRITE}; select nosuch; commit",
    "an inner position": f"begin; {WRITE}; do $$ begin perform nosuch; end $$; commit",
    "behind a savepoint": f"begin; savepoint s; {WRITE}; rollback to s; select nosuch; commit",
    "a syntax error behind it": f"begin; {WRITE}; commit; selec 1",
    "a type that is not there": f"begin; {WRITE}; commit; select 'x'::nosuch",
    "a function that is not there": f"begin; {WRITE}; commit; select nosuch(1)",
    "an input that is none": f"begin; {WRITE}; commit; select 'x'::int",
    "a cursor": f"begin; declare c cursor for select id from notes order by id; fetch 2 from c; {WRITE};"
    " move 1 in c; fetch 1 from c; fetch nosuch from c; commit",
    "where current of": "begin; declare c cursor for select id from notes where id < 9 for update; fetch 2 from c;"
    " update notes set n = 1 where current of c; delete from notes where current of nosuch; commit",
    "large objects": f"begin; select lo_from_bytea(77, 'some bytes'); {WRITE};"
    " select lo_get(77), lo_unlink(77); commit; select lo_get(77, nosuch)",
}


@pytest.mark.parametrize("name", TEXTS)
def test_an_error_is_where_it_is(server: Postgres, sides: list[tuple[Endpoint, str]], name: str) -> None:
    said = []
    for endpoint, database in sides:
        server.sql("update notes set n = 0", dbname=database)
        with Raw.connect(endpoint, "ann", database) as raw:
            steps = [f.query(TEXTS[name]), f.query("rollback"), f.query("select count(*) from notes where n = 1")]
            said.append([line for step in steps for line in raw.transcript(raw.ask(step))])

    assert any("P='" in line or "p='" in line or "W=" in line or "does not exist" in line for line in said[0])
    assert said[1] == said[0]
