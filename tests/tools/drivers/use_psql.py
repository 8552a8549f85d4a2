"""What people do with psql, as it prints it; ``refused`` shows what they see of a refusal."""

from __future__ import annotations

import os
import subprocess
import sys

ORDINARY = r"""
\conninfo
\set VERBOSITY verbose
select :'ENCODING', 1 as one \gx
select $1::int + 1, $2 \bind 41 text \g
prepare by_id(int) as update notes set n = n + 1 where id = $1;
execute by_id(1); execute by_id(1);
select n from notes where id = 1;
begin;
update notes set n = 5 where id <= 40;
savepoint s;
insert into notes values (1);
rollback to s;
commit;
begin;
delete from notes where id between 10 and 19;
rollback;
select count(*), sum(n) from notes;
\copy (select id, body from notes order by id limit 3) to stdout
\copy notes (id, body) from stdin
7000	copied
\.
copy notes (id) from stdin;
x
\.
copy notes (id, n) to stdout (format csv, header);
select format('update notes set n = %s where id = %s', i, i) from generate_series(1, 3) i \gexec
select 'one' as first, 2 as second \gset
\echo :first :second
select :second / 0;
\errverbose
select 1 as a, now() as b \gdesc
select id, n from notes where id < 4 order by id \crosstabview id n n
create sequence ticks;
select 'again' as word, 1 / (3 - nextval('ticks')) as until \watch 0.05
\if :ERROR
\echo error
\endif
\set AUTOCOMMIT off
insert into notes values (7001);
rollback;
\set AUTOCOMMIT on
\set FETCH_COUNT 7
select id from notes where id < 25 order by id;
\unset FETCH_COUNT
\set ON_ERROR_ROLLBACK on
begin; select 1/0; insert into notes values (7002); commit;
select 1 \; select 2 \; select 3;
listen news;
notify news, 'from myself';
do $$ begin raise notice 'hello' using hint = 'a hint', detail = 'a detail'; end $$;
drop table if exists nowhere;
selec 1;
select * from nowhere;
insert into orders values (9999, 9999);
create table made (id serial, body text check (body <> ''));
insert into made (body) values ('x'), ('y') returning *;
create index concurrently on made (body);
vacuum (analyze) made;
begin;
\lo_import /etc/hostname
\lo_unlink :LASTOID
commit;
\d made
\d+ accounts
\d active_accounts
\dt+ notes
\di
\df
\sf purge
\dp notes
\dT
\dn
\du ann
\dconfig work_mem
\l template1
"""
REFUSED = r"""
delete from notes;
delete from notes where id > $1 \bind 0 \g
\r
select 'delete from notes where id > ' || i from generate_series(0, 1) i \gexec
begin;
insert into notes values (9000);
\set VERBOSITY verbose
delete from notes;
select 1;
rollback;
select 'left ' || count(*) from notes;
"""
CANCEL = "set statement_timeout = 500; select pg_sleep(60); reset statement_timeout; select 'cancelled';"


def run(script: str, *arguments: str) -> None:
    psql = subprocess.run(
        ["psql", "-X", *arguments],
        input=script,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={**os.environ, "PGAPPNAME": "script"},  # psql itself would be told which environment this is
    )
    print(psql.stdout, end="")


if __name__ == "__main__":
    if sys.argv[1] == "version":
        print(subprocess.run(["psql", "--version"], capture_output=True, text=True, check=True).stdout.split()[2])
    elif sys.argv[1] == "refused":
        run(REFUSED, "-At")
    else:
        run(ORDINARY)
        run(CANCEL, "-1")
        run("", "-c", "select 1; select 1/0", "-c", "select 2")
