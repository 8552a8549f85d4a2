-- create: create; reads=z; calls=f g; types=pg_catalog.int4 text mood
create table t(a serial, b text default f() check (g(b)), c mood, foreign key (a) references z(a))

-- create: create; reads=q; calls=f
create table p partition of q for values from (1) to (f())

-- create: create; reads=y z
create table x (like y including all) inherits (z)

-- create: create opaque; inner=execute
create table x as execute p

-- create: create delete read; writes=t:delete; inner=select; no_where
create table x as with d as (delete from t returning *) select * from d

-- create: create read; reads=t; calls=f; inner=select
create materialized view m as select f(a) from t

-- create: create read; reads=t
select * into x from t

-- create: alter create; reads=t; calls=f
create or replace view v as select f(a) from t

-- create: alter create
create or replace function f(a int default g()) returns int language sql begin atomic; delete from t; return 1; end

-- create: create
create function f() returns int language plpgsql as 'begin delete from t; end'

-- create: add create; writes=t:add; calls=g f gin_trgm_ops; outside_block
create index concurrently on t(f(a) text_pattern_ops, b gin_trgm_ops) where g(a)

-- create: add create; writes=s.t:add
create unique index i on only s.t(a)

-- create: add create; writes=a:add
create trigger t before insert on a execute function f()

-- create: add create; writes=t:add
create rule r as on insert to t do instead delete from u

-- create: add alter create; writes=t:add
create rule "_RETURN" as on select to t do instead select 1

-- create: add create; writes=t:add
create policy p on t using (f(a))

-- create: create
create event trigger e on ddl_command_start execute function f()

-- create: add create; writes=t:add; calls=f; inner=create create create
create schema s create table t(a int default f()) create view v as select 1 create trigger x before insert on t execute function f()

-- create: create; reads=t; calls=f
create statistics s on (f(a)), b from t

-- create: create opaque
create extension hstore

-- create: create
create sequence s owned by t.a

-- create: create; calls=f g
create domain d as int default f() check (g(value))

-- create: create
create type e as enum ('a')

-- create: create; calls=g
create foreign table f(a int default g()) server s

-- create: create; calls=f
create conversion c for 'LATIN1' to 'UTF8' from f

-- create: create opaque
create extension hstore

-- create: create opaque
create language l

-- create: alter create opaque
create or replace trusted language l handler f

-- create: create opaque
import foreign schema a from server b into c

-- create: create; types=pg_catalog.int4
create type c as (a int)

-- create: create
create type r as range (subtype = int4, subtype_diff = f)

-- create: create
create foreign data wrapper w handler f

-- create: create
create server s foreign data wrapper w

-- create: create
create user mapping for u server s

-- create: create
create access method a type table handler f

-- create: create
create operator class c for type a using btree as operator 1 <, function 1 f(a, a)

-- create: create
create operator family f using btree

-- create: create
create cast (a as b) with function f(a)

-- create: create
create transform for a language l (from sql with function f(internal), to sql with function g(internal))

-- create: create
create publication p for table a where (f(b))

-- create: create; calls=f; types=dom
create aggregate a(int) (sfunc = f, stype = dom, initcond = '1')

-- create: alter create; calls=f; types=dom
create or replace aggregate a(basetype = int, sfunc1 = f, stype1 = dom)

-- create: create; calls=f
create operator + (leftarg = a, rightarg = b, function = f)

-- create: create
create text search dictionary d (template = simple)

-- create: create
create collation c (locale = 'C')

-- create: create; temporary
create temporary table tt (id int)

-- create: create; temporary
create table pg_temp.tt (id int)

-- create: create read; temporary; reads=a; inner=select
create temp table tt as select * from a

-- create: create read; temporary; reads=a
select * into temp tt from a

-- create: create; reads=a
create temp table tt () inherits (a)
