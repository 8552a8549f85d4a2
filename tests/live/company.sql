-- What every test database starts with. ann owns it all; app and bob may change every row.
-- accounts 200 -> inventory 2000 (cascade), orders 400 (cascade) -> order_items 1200 (cascade): 3800 rows behind one DELETE.
set role ann;

create table accounts (
    id int primary key,
    email text not null,
    status text not null default 'active',
    balance int not null default 0
);
insert into accounts select i, 'user' || i || case when i % 10 = 0 then '@test.example' else '@shop.example' end
from generate_series(1, 200) i;

create table inventory (
    id int primary key,
    account_id int not null references accounts on delete cascade,
    item text not null
);
insert into inventory select i, (i - 1) / 10 + 1, 'item ' || i from generate_series(1, 2000) i;
create index on inventory (account_id);

create table orders (
    id int primary key,
    account_id int not null references accounts on delete cascade
);
insert into orders select i, (i - 1) / 2 + 1 from generate_series(1, 400) i;
create index on orders (account_id);

create table order_items (
    id int primary key,
    order_id int not null references orders on delete cascade
);
insert into order_items select i, (i - 1) / 3 + 1 from generate_series(1, 1200) i;
create index on order_items (order_id);

-- Nothing refers to these two, so that nothing but a statement's own rows can go.
create table invoices (id int primary key, amount int not null default 0);
insert into invoices select i, i from generate_series(1, 300) i;

create table notes (id int primary key, body text not null default '', n int not null default 0);
insert into notes select i, 'note ' || i, 0 from generate_series(1, 1000) i;

-- Swapping two positions is only possible while the key waits for COMMIT.
create table places (id int primary key, pos int not null unique deferrable initially deferred);
insert into places select i, i from generate_series(1, 10) i;

create table events (id int not null, at date not null) partition by range (at);
create table events_2024 partition of events for values from ('2024-01-01') to ('2025-01-01');
create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');
insert into events select i, date '2024-01-01' + (i % 2) * 366 from generate_series(1, 300) i;

create view active_accounts as select id, email from accounts where status = 'active';

-- Qualified, because PostgreSQL 17 and later run index expressions with an empty search_path.
create function purge() returns bigint language plpgsql as $$
declare n bigint;
begin
    delete from public.invoices;
    get diagnostics n = row_count;
    return n;
end $$;

create function drop_hidden() returns void language plpgsql as $$
begin
    execute 'drop ' || 'table ' || 'invoices';
end $$;

grant select, insert, update, delete, truncate on all tables in schema public to app, bob;
reset role;
analyze;
