"""disables-safety: what it says, and what it leaves alone."""

from __future__ import annotations

from pgguard.checks.disables_safety import NAME, find
from tests.checks.table import table

test_it_speaks, test_it_is_silent = table(
    NAME,
    find,
    speaks={
        "alter table t disable trigger a": "the statement disables a trigger (t)",
        "alter table t disable trigger all": "the statement disables every trigger, foreign keys included (t)",
        "alter table t disable trigger user": "the statement disables every trigger that users made (t)",
        "alter table t disable rule r": "the statement disables a rule (t)",
        "alter table s.t disable row level security": "the statement disables row level security (s.t)",
        "alter table t no force row level security": "the statement exempts the owner from row level security (t)",
        "alter table t set unlogged": "the statement makes a table lose its rows in a crash (t)",
        "alter event trigger e disable": "the statement disables an event trigger",
        "set local session_replication_role = replica":
            "the statement disables triggers and foreign keys for the session",
        "select pg_catalog.set_config('session_replication_role', 'replica', true)":
            "the statement disables triggers and foreign keys for the session",
        "copy (select 1 where set_config('session_replication_role', 'local'::text, false) > '') to stdout":
            "the statement disables triggers and foreign keys for the session",
        "set track_counts = off": "the statement stops PostgreSQL from counting the rows that change",
        "do $$ begin set session_replication_role = replica; end $$":
            "the statement has code that speaks of session_replication_role",
        "create function f() returns void language sql set track_counts = off as 'delete from t'":
            "the statement has code that speaks of track_counts",
        "alter function f() set track_counts = off": "the statement has code that speaks of track_counts",
    },
    silent=[
        "set track_counts = on",
        "select 1 -- track_counts",
        "select set_config('session_replication_role', 'origin', false)",
        "select set_config('search_path', 'a', false)",
        "alter table t enable trigger a",
        "alter table t enable row level security",
        "set session_replication_role = origin",
        "reset session_replication_role",
        "set row_security = on",
        "set row_security = off",
    ],
)
