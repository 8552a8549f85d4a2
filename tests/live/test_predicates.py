"""What always-true says is so: conditions put together at random, counted by a real server."""

from __future__ import annotations

import random

import pytest
from live.postgres import Postgres

from pgguard.sql.predicate import always_true

pytestmark = pytest.mark.live

TABLES = """
set role ann;
create table t (id int primary key, x int not null, y int not null, p bool not null, name text not null);
insert into t select i, i % 6 - 1, (i * 7) % 6 - 1, i % 3 = 0, (array['a', 'ab', 'b', ''])[i % 4 + 1]
from generate_series(1, 60) i;
create table u (z int);
insert into u values (1), (2);
"""
ATOMS = """
x > 0|x <= 0|x < 5|x between 2 and 4|x not between 2 and 4|x in (1, 2, 3)|x not in (1, 2)|x = y|x <> y|x > y|x <= y|p
|not p|p is true|p is not false|p = true|p <> false|name like 'a%'|name not like 'a%'|name like '%'|name ~ '.*'
|name >= ''|name > ''|name = 'a'|name <> 'a'|length(name) >= 0|length(name) > 1|coalesce(x, 1) = 1|coalesce(p, true)
|x is null|x is not null|x is distinct from 3|x is not distinct from y|exists (select 1 from t)
|exists (select count(*) from u where p)|exists (select 1 from t b where b.id = t.id and b.x = 1)
|exists (select 1 from u where u.z = 1)|id in (select id from t)|exists (select 1 from u where u.z = 99)
|id in (select id from t b where b.x > 2)|id in (select x from t)|x in (select y from t)
|id not in (select id from t where x = 1)|(select count(*) from u) > 0|(select count(*) from u where u.z = t.x) > 0
|case when x > 2 then true else p end|case x when 1 then p when 2 then not p else true end|(x > 2) = p
|(x > 2) <> (x <= 2)|x % 2 = 0|x % 2 <> 0|now() > '2020-01-01'|x = any(array[1, 2, 3])|x <> all(array[1, 2])
|x > all('{}')|'1' = 1|1 < 2|1 = 2|null|x = null|not (x = null)|x + 1 > 3|x + 1 <= 3|row(x, y) = row(x, y)
|x = (select 3)|t.x = 3|t.x <> 3|abs(x) > -1|null is null|coalesce(null, x) = 2|x <> coalesce(null, x)|random() < 0.5
|random() >= 0.5
""".replace("\n", "").split("|")


def conditions(count: int) -> list[str]:
    chance = random.Random(20)

    def condition(depth: int = 0) -> str:
        toss = chance.random()
        if depth > 2 or toss < 0.35:
            return chance.choice(ATOMS)
        if toss < 0.5:
            return f"not ({condition(depth + 1)})"
        return f"({condition(depth + 1)}) {chance.choice(['and', 'or'])} ({condition(depth + 1)})"

    return [*ATOMS, *(condition() for _ in range(count))]


def test_what_is_said_of_a_condition_is_so(postgres: Postgres) -> None:
    said = [(text, says) for text in conditions(2_000) if (says := always_true(f"delete from t where {text}"))]
    wrong = []
    with postgres.fresh_database() as database:
        postgres.sql(TABLES, dbname=database)
        with postgres.connect("ann", database) as connection:
            for text, says in said:
                where = text.replace("%", "%%")
                found = connection.execute(f"select count(*), count(*) filter (where {where}) from t", ()).fetchone()
                assert found is not None
                if found[1] != found[0] and ("every row" in says or found[1]):
                    wrong.append((text, says, found))

    assert [] == wrong
    assert len(said) > 300
