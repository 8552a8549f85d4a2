"""Statements that destroy, with what they destroy in the company: data for the tests, tried without a guard as well."""

from __future__ import annotations

Rows = dict[str, tuple[int, str]]

COMPANY = {
    "accounts": (200, "deleted"), "inventory": (2000, "deleted"), "orders": (400, "deleted"),
    "order_items": (1200, "deleted"),
}  # fmt: skip
BEHIND = {"inventory", "orders", "order_items"}
PURGED = {"invoices": (300, "deleted")}
NOTES = {"notes": (1000, "deleted")}

# Setting that the superuser makes over a direct connection before the statement is tried.
DEFERRED = """
create table signals (id int);
create function on_signal() returns trigger language plpgsql as $$ begin delete from invoices; return null; end $$;
create constraint trigger later after insert on signals deferrable initially deferred
    for each row execute function on_signal();
grant all on signals to ann; alter function on_signal() security definer;
"""
REDEFERRED = """
create table ta (id int); create table tb (id int);
create function fa() returns trigger language plpgsql security definer as
    $$ begin set constraints all deferred; insert into tb values (1); return null; end $$;
create function fb() returns trigger language plpgsql security definer as
    $$ begin delete from invoices; return null; end $$;
create constraint trigger a after insert on ta deferrable initially deferred for each row execute function fa();
create constraint trigger b after insert on tb deferrable initially deferred for each row execute function fb();
grant all on ta, tb to ann;
"""
IMMUTABLE = """
set role ann;
create function declared_immutable(int) returns int immutable language plpgsql as
    $$ begin perform public.purge(); return $1; end $$;
create function imm_text(text) returns text immutable language plpgsql as
    $$ begin perform public.purge(); return $1; end $$;
"""
INSERT_TRIGGER = """
create function on_note() returns trigger language plpgsql security definer as
    $$ begin delete from invoices; return new; end $$;
create trigger first before insert on notes for each row execute function on_note();
"""
# Making the index runs the function, so the invoices are filled again behind it.
PURGING_INDEX = """
create index on notes (imm_text(body));
insert into invoices select i, i from generate_series(1, 300) i on conflict do nothing;
"""
PURGING_VIEW = "create view innocent as select purge() as n; grant select on innocent to ann;"

# What the detail of the refusal has to say of rows.
ROWS: list[tuple[str, Rows]] = [
    ("delete from accounts where email like '%@test%' or email not like '%@test%'", COMPANY),
    ("delete from accounts where 1 = 1", COMPANY),
    (
        "delete from accounts where id <= 10",
        {
            "accounts": (10, "deleted"),
            "inventory": (100, "deleted"),
            "orders": (20, "deleted"),
            "order_items": (60, "deleted"),
        },
    ),
    ("update notes set body = ''", {"notes": (1000, "updated")}),
    ("do $$ begin delete from invoices; end $$", PURGED),
    ("do $$ begin perform purge(); exception when others then null; end $$", PURGED),
    ("select purge()", PURGED),
    ("select 1 where (select purge()) > 0", PURGED),
    ("create table copy_of as select purge()", PURGED),
    ("select purge() into copy_of", PURGED),
    ("insert into notes select 5000, purge()::text", PURGED),
    ("explain analyze delete from notes", NOTES),
    ("explain (analyze true, costs off) update notes set n = n + 1", {"notes": (1000, "updated")}),
    ("with gone as (delete from notes where n = 0 returning id) select count(*) from gone", NOTES),
    ("copy (delete from notes returning id) to stdout", NOTES),
    (
        "merge into notes using (select generate_series(1, 200) as i) s on notes.id = s.i when matched then delete",
        {"notes": (200, "deleted")},
    ),
    (
        "insert into notes select i, 'x' from generate_series(1, 200) i on conflict (id) do update set body = 'x'",
        {"notes": (200, "updated")},
    ),
    ("delete from events", {"events_2024": (150, "deleted"), "events_2025": (150, "deleted")}),
    ("update events set at = at + 1 where id <= 120", {"events_2024": (60, "updated"), "events_2025": (60, "updated")}),
    (
        "delete from invoices where id <= 55; delete from notes where id <= 55",
        {"invoices": (55, "deleted"), "notes": (55, "deleted")},
    ),
    (
        "begin; delete from invoices where id <= 55; delete from notes where id <= 55; commit",
        {"invoices": (55, "deleted"), "notes": (55, "deleted")},
    ),
    ("prepare p as delete from notes where id > $1; execute p(0)", NOTES),
    ("explain analyze create table x as select purge()", PURGED),
    ("delete from notes returning *", NOTES),
]

# What the detail of the refusal has to say of objects.
OBJECTS: list[tuple[str, list[str]]] = [
    ("truncate notes", ["notes: truncated", "1000 rows"]),
    ("truncate accounts cascade", ["accounts: truncated", "inventory: truncated", "order_items: truncated"]),
    ("drop table invoices", ["table invoices: dropped", "about 300 rows"]),
    ("drop table if exists nosuch, invoices", ["table invoices: dropped"]),
    ("drop table accounts cascade", ["table accounts: dropped", "view active_accounts: dropped"]),
    ("select drop_hidden()", ["table invoices: dropped"]),
    ("do $$ begin execute 'truncate notes'; end $$", ["notes: truncated"]),
    ("alter table accounts drop column balance", ["column accounts.balance: dropped"]),
    ("alter table notes alter body drop not null, alter body drop default, alter body type int using null", ["notes"]),
    ("drop view active_accounts", ["view active_accounts: dropped"]),
    ("drop function purge()", ["function purge"]),
    ("drop schema public cascade", ["table accounts: dropped", "table invoices: dropped"]),
    ("begin; truncate notes; insert into notes values (1); commit", ["notes: truncated"]),
    (
        "begin; delete from notes where id <= 60; savepoint s; truncate notes; release s; commit",
        ["notes: truncated"],
    ),
]

# A setting, and a statement that looks harmless and purges the invoices.
BEHIND_A_HARMLESS_LOOK: list[tuple[str, str]] = [
    (DEFERRED, "insert into signals values (1)"),
    (DEFERRED, "begin; insert into signals values (1); commit"),
    (REDEFERRED, "insert into ta values (1)"),
    (INSERT_TRIGGER, "insert into notes values (5000)"),
    (INSERT_TRIGGER, "begin; insert into notes values (5000); commit"),
    (PURGING_VIEW, "select * from innocent"),
    (IMMUTABLE, "select declared_immutable(1)"),
    (IMMUTABLE, "explain select declared_immutable(1)"),
    (IMMUTABLE, "create index on notes (imm_text(body))"),
    (IMMUTABLE, "alter table notes add column extra int default declared_immutable(1)"),
    (IMMUTABLE, "alter table notes add check (declared_immutable(n) >= 0)"),
    (IMMUTABLE, "create materialized view m as select declared_immutable(1)"),
    (IMMUTABLE, "begin; declare c cursor for select declared_immutable(1); fetch c; commit"),
]

# A held cursor runs its query when the transaction commits.
INSIDE_COMMIT: list[str] = [
    "declare c cursor with hold for select purge()",
    "begin; declare c cursor with hold for select purge(); commit",
    "do $$ begin execute 'declare c cursor with hold for select purge()'; end $$",
    "begin; do $$ begin execute 'declare c cursor with hold for select purge()'; end $$; commit",
]

# With the setting IMMUTABLE; these cannot run inside a transaction that is held back.
NOT_HELD_BACK: list[str] = [
    "create index concurrently on notes (imm_text(body))",
    "vacuum analyze notes",
    "reindex table concurrently notes",
]

# With the setting INSERT_TRIGGER; these take a safeguard away.
SAFETY: list[str] = [
    "alter table notes disable trigger first",
    "grant delete on accounts to eve",
    "revoke select on accounts from bob",
    "create trigger t before delete on notes for each row execute function suppress_redundant_updates_trigger()",
]
