"""Triggers and wrappers whose bodies only read and insert are in nobody's way; what does more is measured."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from live.pgguard import Pgguard
from live.postgres import Postgres

SCHEMA = """
set role ann;
create table log (id bigserial primary key, what text, old jsonb);
create function audit() returns trigger language plpgsql as $$
begin
    insert into log (what, old) values (tg_op, to_jsonb(old));
    if tg_op = 'DELETE' then return old; end if;
    new.n := coalesce(new.n, 0) + 1;
    return new;
end $$;
create trigger audited before insert or update or delete on notes for each row execute function audit();
create function folded(text) returns text language sql immutable as 'select pg_catalog.lower($1)';
create function body_of(int) returns text language sql stable as 'select body from notes where id = $1';
create function rude() returns trigger language plpgsql as $$ begin delete from public.invoices; return new; end $$;
create trigger rude before update on places for each row execute function rude();
"""


@pytest.fixture
def shop(server: Postgres, database: str) -> str:
    ran = server.psql(SCHEMA, user="postgres", dbname=database, args=["-v", "ON_ERROR_STOP=1", "-q"])
    assert ran.returncode == 0, ran.stderr
    return database


def test_everyday_triggers_and_wrappers_pass(guard: Pgguard, server: Postgres, shop: str) -> None:
    """Autovacuum would run ``folded`` unguarded, and may: it does nothing but fold."""
    with guard.connect("ann", shop) as connection:
        for sql in (
            "update notes set body = 'x' where id = 1",
            "insert into notes (id, body) values (5000, 'y')",
            "delete from notes where id = 2",
            "select body_of(1), folded('X')",
            "create index on notes (folded(body))",
            "create index concurrently on notes (folded(body))",
            "analyze notes",
            "vacuum notes",
            "alter table notes add column folded text default folded('X')",
            "explain select folded('X')",
        ):
            connection.execute(sql.encode())
        with connection.transaction():
            connection.execute("insert into notes (id, body) values (5001, 'y')")
            connection.execute("update notes set body = 'x' where id = 1")

    assert 5 == server.value("select count(*) from log", dbname=shop)


def test_keyed_writes_under_a_harmless_trigger_are_proved_and_not_measured(guard: Pgguard, shop: str) -> None:
    with guard.connect("ann", shop) as connection:
        connection.execute("update notes set body = 'by key' where id = 7")

    def mine(record: dict[str, Any]) -> bool:
        return "by key" in record["statement"] and record["database"] == shop

    assert ["proved"] == [record["verdict"] for record in filter(mine, guard.records_with(mine))]


def test_a_trigger_that_deletes_is_measured(guard: Pgguard, server: Postgres, shop: str) -> None:
    with guard.connect("ann", shop) as connection, pytest.raises(psycopg.DatabaseError) as refusal:
        connection.execute("update places set pos = 100 where id = 1")

    assert refusal.value.sqlstate == "PGG02"
    assert "invoices: 300 rows deleted" in str(refusal.value)
    assert 300 == server.value("select count(*) from invoices", dbname=shop)
