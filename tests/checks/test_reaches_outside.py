"""reaches-outside: what it says, and what it leaves alone."""

from __future__ import annotations

from pgguard.checks.reaches_outside import NAME, find
from tests.checks.table import table

_EXEC = "dblink_exec does something outside the transaction, which no ROLLBACK takes back"
_CODE = "its code speaks of dblink, which goes round pgguard and commits by itself"

test_it_speaks, test_it_is_silent = table(
    NAME,
    find,
    speaks={
        "select dblink_exec('host=x', 'delete from t')": _EXEC,
        "select * from public.dblink_exec('x', 'y') as t": _EXEC,
        "insert into t select DBLINK_EXEC('x', 'y')": _EXEC,
        "explain analyze select dblink_exec('x', 'y')": _EXEC,
        "select lo_export(1, '/tmp/x')":
            "lo_export does something outside the transaction, which no ROLLBACK takes back",
        "select pg_catalog.pg_drop_replication_slot('s')":
            "pg_drop_replication_slot does something outside the transaction, which no ROLLBACK takes back",
        "select ('s'::name).pg_drop_replication_slot":
            "pg_drop_replication_slot does something outside the transaction, which no ROLLBACK takes back",
        "create operator ### (rightarg = name, function = pg_drop_replication_slot)":
            "pg_drop_replication_slot does something outside the transaction, which no ROLLBACK takes back",
        "do $$ begin perform heap_force_kill('t', '{}'); end $$":
            "its code speaks of heap_force_kill, which no ROLLBACK takes back",
        "do $$ begin perform pg_promote(); end $$": "its code speaks of pg_promote, which no ROLLBACK takes back",
        "do $$ begin perform dblink_exec('x', 'y'); end $$": _CODE,
        "create function f() returns void language sql as $$ select dblink_exec('x', 'y') $$": _CODE,
    },
    silent=[
        "select 'dblink_exec'",
        "select 1 -- dblink",
        "do $$ begin perform 1; end $$",
        "select lo_get(1)",
        "select dblink_id from t",
        "create operator ### (rightarg = name, function = f)",
        "insert into t values ('dblink')",
        "create table dblink_targets (id int)",
    ],
)
