"""The corpus finds what it looks for: were pgguard to call everything harmless, every loss would be a disagreement."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from live.postgres import Postgres, bindir_of

from tests.corpus import watch
from tests.corpus.relay import Relay
from tests.corpus.verdicts import Claim, Pictures, claim
from tests.corpus.watch import Findings, Watch
from tests.regress.stand import trusting_server

pytestmark = pytest.mark.live

SCHEMA = """
    create table t (id int primary key, v text);
    insert into t select i, 'x' from generate_series(1, 20) i;
    create table other (id int);
    insert into other values (1);
"""
HARMLESS = """
    select count(*) from t;
    insert into t values (100, 'new');
    create table more (a int);
    alter table t add column w int;
    begin; insert into t values (101); select 1; commit;
    update t set v = 'y' where id = 1;
    update t set v = 'z' where id > 3 and id < 8;
    copy t (id) from stdin;
200
\\.
    begin; delete from t; create table away (a int); select 1; rollback;
    create table kept (a int);
    begin; create table away (a int); select 1/0; rollback;
    create table kept_too (a int);
    begin; savepoint s; create table away (a int); rollback to s; insert into t values (102); commit;
    select nosuch;
    select from from;
"""
HARMFUL = {
    "delete from t where v = 'x';": "20 rows of t",
    "update t set v = 'y';": "20 rows of t",
    "begin; savepoint a; delete from t where id < 5; rollback;": "4 rows of t",
    "truncate t;": "emptied t",
    "begin; truncate t; commit;": "emptied t",
    "drop table other;": "gone relation",
    "alter table t drop column v;": "gone column",
    "alter table t drop constraint t_pkey;": "gone constraint",
    "do $$ begin delete from t; end $$;": "20 rows of t",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with trusting_server(15 if bindir_of(15) else 18) as found:
        yield found


@pytest.fixture
def database(server: Postgres) -> Iterator[str]:
    with server.fresh_database("template0") as name:
        server.psql(SCHEMA, user="postgres", dbname=name)
        yield name


def findings_of(server: Postgres, database: str, script: str) -> Findings:
    findings = Findings()
    with server.connect("postgres", database) as connection:
        pictures = Pictures(connection)
        relay = Relay(server, lambda client: Watch(client, pictures, findings))
        try:
            relay.psql(script, user="postgres", dbname=database)
        finally:
            relay.close()
    assert relay.faults == []
    return findings


def test_pgguard_is_right_of_ordinary_statements(server: Postgres, database: str) -> None:
    findings = findings_of(server, database, HARMLESS)

    assert findings.disagreements == []
    assert findings.counts[watch.BOUNDED] == 1
    assert findings.counts[watch.HARMLESS] == 19
    assert findings.counts[watch.KNOWN] == 2
    assert findings.counts[watch.BEHIND] == 6
    assert findings.counts[watch.BAD] == 1


def test_a_table_that_somebody_has_locked_is_not_waited_for(server: Postgres, database: str) -> None:
    script = "begin; lock table other; prepare transaction 'p'; insert into t values (300); rollback prepared 'p';"

    assert findings_of(server, database, script).disagreements == []


@pytest.mark.parametrize("script", HARMFUL)
def test_every_loss_is_found(server: Postgres, database: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(*arguments: object, **more: object) -> Claim:
        return Claim(claim(*arguments, **more).judged, harmless=True)  # type: ignore[arg-type]

    monkeypatch.setattr(watch, "claim", careless)
    found = {
        words
        for one in findings_of(server, database, f"select 1;\n{script}").disagreements
        for words in (
            *(f"{rows} rows of {table.split('.')[-1].split()[-1]}" for table, rows in one.loss.rows.items()),
            *(f"emptied {table.split()[-1]}" for table in one.loss.emptied),
            *(f"gone {what.split()[0]}" for what in one.loss.gone),
        )
    }

    assert HARMFUL[script] in found
