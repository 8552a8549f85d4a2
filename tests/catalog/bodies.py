"""Bodies of functions for the tests: what may be proved, and what does more when it runs."""

from __future__ import annotations

SCHEMA = """
create table victim (id int primary key, v int); insert into victim select g, g from generate_series(1, 500) g;
create table log (id bigserial primary key, what text, at timestamptz default now(), row jsonb);
create table t (id int primary key, v int, at timestamptz, name text);
insert into t select g, g from generate_series(1, 9) g;
create function purge() returns int language plpgsql as $$ begin delete from public.victim; return 1; end $$;
create sequence numbers;
"""
FIRES = "create or replace function fires() returns trigger language plpgsql {options} as $body$ {body} $body$;"
TRIGGER = """
create function fires() returns trigger language plpgsql as 'begin return new; end';
create trigger g before insert or update or delete on t for each row execute function fires();
"""

HARMLESS = {
    "updated_at": "begin new.at := now(); return new; end",
    "updated_at with =": "begin new.at = current_timestamp; return new; end;",
    "audit row": "begin insert into log (what, row) values (tg_op, to_jsonb(coalesce(new, old)));"
    " return coalesce(new, old); end",
    "declared variables": "declare a int := 1; b text default 'x'; z constant int := 2; c t%rowtype; d t.at%type;"
    " e numeric(10, 2)[]; r record; begin c := old; select v, name into a, b from t where id = 1; return new; end",
    "everything that is read": "<<top>> declare n int; begin if tg_op = 'DELETE' then return old;"
    " elsif new.v > 3 or exists (select from victim where id = new.id) then new.v := new.v + 1; else null; end if;"
    " case new.v when 1, 2 then n := 1; else n := 2; end case; case when n > 5 then null; else n := 3; end case;"
    " for i in 1..3 loop n := n + i; continue when n > 9; end loop; for n in select id from victim loop exit; end loop;"
    " while n < 3 loop n := n + 1; end loop; <<l>> loop exit l when true; end loop l;"
    " foreach n in array array[1, 2] loop perform pg_notify('c', n::text); end loop;"
    " begin n := 1 / 0; exception when division_by_zero or sqlstate '22012' then raise notice 'x % %', n, new.v; end;"
    " assert n is not null, 'n'; get diagnostics n = row_count; return new; end top",
    "raise": "begin if new.v < 0 then raise exception 'no %', new.v using errcode = 'check_violation', hint = 'x' ||"
    " 'y'; end if; raise log using message = 'x'; return coalesce(new, old); end",
    "strings that say otherwise": "begin -- delete from victim;\n /* execute 'x' */ new.name := 'delete from victim;"
    " commit'; new.name := $$; truncate victim; $$; return coalesce(new, old); end",
    "insert without overwriting": "begin insert into log (id, what) values (1, 'x') on conflict do nothing;"
    " return coalesce(new, old); end",
    "a query that inserts": "declare n bigint; begin insert into log (what) select 'x' returning id into n;"
    " return coalesce(new, old); end",
    "quoted names": 'begin "new"."name" := \'x\'; return coalesce(new, old); end',
    "options": "#variable_conflict use_column\nbegin return coalesce(new, old); end",
}

HARMFUL = {
    "delete": "begin delete from victim; return new; end",
    "update": "begin update victim set v = 0; return new; end",
    "overwriting insert": "begin insert into victim select id from victim on conflict (id) do update set v = 0;"
    " return new; end",
    "merge": "begin merge into victim using (select 1) x on true when matched then delete; return new; end",
    "execute": "begin execute 'delete from victim'; return new; end",
    "perform": "begin perform purge(); return new; end",
    "select into": "declare n int; begin select purge() into n; return new; end",
    "into in front": "declare n int; begin select into strict n purge(); return new; end",
    "assignment": "declare n int; begin n := purge(); return new; end",
    "assignment to a column": "begin new.v := purge(); return new; end",
    "a subscript": "declare a int[]; begin a[purge()] := 1; return new; end",
    "default of a variable": "declare n int := purge(); begin return new; end",
    "default of a record": "declare n record := row(purge()); begin return new; end",
    "default of a row": "declare n victim := row(purge(), 1); begin return new; end",
    "if": "begin if purge() > 0 then null; end if; return new; end",
    "elsif": "begin if false then null; elsif purge() > 0 then null; end if; return new; end",
    "case": "begin case purge() when 1 then null; else null; end case; return new; end",
    "case when": "begin case when purge() > 0 then null; else null; end case; return new; end",
    "case list": "begin case 7 when 2, purge() then null; else null; end case; return new; end",
    "while": "declare n int := 0; begin while n < purge() loop n := n + 1; end loop; return new; end",
    "bounds of a loop": "begin for i in purge()..purge() loop null; end loop; return new; end",
    "step of a loop": "begin for i in 1..2 by purge() loop null; end loop; return new; end",
    "query of a loop": "declare r record; begin for r in delete from victim returning id loop null; end loop;"
    " return new; end",
    "loop over execute": "declare r record; begin for r in execute 'delete from victim returning 1' loop null;"
    " end loop; return new; end",
    "foreach": "declare n int; begin foreach n in array array[purge()] loop null; end loop; return new; end",
    "exit when": "begin loop exit when purge() > 0; end loop; return new; end",
    "raise": "begin raise notice '%', purge(); return new; end",
    "raise using": "begin raise notice 'x' using hint = purge()::text; return new; end",
    "assert": "begin assert purge() > 0; return new; end",
    "handler": "begin perform 1 / 0; return new; exception when others then perform purge(); return new; end",
    "nested block": "begin <<b>> declare n int := purge(); begin null; end b; return new; end",
    "cursor": "declare c cursor for select purge(); n int; begin open c; fetch c into n; return new; end",
    "unbound cursor": "declare c refcursor; n int; begin open c for execute 'select purge()'; fetch c into n;"
    " return new; end",
    "cte": "declare n int; begin with x as (delete from victim returning 1) select 1 into n from x limit 1; return new;"
    " end",
    "call": "begin call worse(); return new; end",
    "do": "begin do 'begin delete from victim; end'; return new; end",
    "truncate": "begin truncate victim; return new; end",
    "ddl": "begin drop table victim cascade; return new; end",
    "set and run": "begin set local search_path = evil, public; perform now(); return new; end",
    "set_config": "begin perform set_config('search_path', 'x', true); delete from public.victim; return new; end",
    "backslash": "declare n text; begin n := '\\'; delete from victim; --'; \n return new; end",
    "a name that is a keyword": "declare perform int; begin perform := purge(); return new; end",
    "through another": "begin perform indirect(); return new; end",
    "through a default": "begin perform with_default(); return new; end",
    "through a domain": "declare d dom; begin d := 1; return new; end",
    "through a table": "begin insert into watched values (1); return new; end",
    "through a view": "begin perform * from seen; return new; end",
    "through an operator": "begin if 1 === 1 then null; end if; return new; end",
    "through a negator": "begin if not (1 === 1) then null; end if; return new; end",
    "through attribute notation": "declare n int; begin select victim.attribute into n from victim limit 1; return new;"
    " end",
}
MORE = """
create procedure worse() language plpgsql as $$ begin delete from victim; end $$;
create function indirect() returns int language sql as 'select purge()';
create function with_default(a int default purge()) returns int language sql as 'select $1';
create function bad(int) returns bool language plpgsql as $$ begin return purge() > 0; end $$;
create function attribute(victim) returns int language sql as 'select purge()';
create domain dom as int check (bad(value));
create table watched (id int);
create function w() returns trigger language plpgsql as $$ begin delete from victim; return new; end $$;
create trigger w after insert on watched for each row execute function w();
create view seen as select purge();
create function eq(int, int) returns bool language plpgsql as 'begin return true; end';
create function ne(int, int) returns bool language plpgsql as $$ begin delete from victim; return true; end $$;
create operator === (leftarg = int, rightarg = int, function = eq, negator = !===);
create operator !=== (leftarg = int, rightarg = int, function = ne, negator = ===);
"""
# What these run is harmless; they are here because they could not be told from others that are not.
ONLY_SUSPECT = {"backslash", "set and run", "through an operator"}
