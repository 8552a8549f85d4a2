-- alter: add; writes=t:add; calls=f g; subcommands=add column, column default, validate constraint, enable trig
alter table t add column a mood default f(), alter b set default g(), validate constraint z, enable trigger x

-- alter: add alter drop; writes=s.t:add s.t:alter s.t:drop; drops=column:s.t.a constraint:s.t.k; subcommands=drop column, add column, disable trig user, column default, set unlogged, drop constraint
alter table s.t drop column a, add column b int, disable trigger user, alter c drop default, set unlogged, drop constraint k

-- alter: alter; writes=t:alter; calls=f; subcommands=alter column type
alter table t alter column a type int using f(a)

-- alter: alter; reads=p; writes=t:alter; subcommands=detach partition; outside_block
alter table t detach partition p concurrently

-- alter: add; reads=p; writes=t:add; subcommands=attach partition
alter table t attach partition p for values in (1)

-- alter: alter; writes=t:alter; subcommands=rename column
alter table t rename column a to b

-- alter: alter; writes=t:alter; subcommands=no force row security, disable rule, enable replica trig
alter table t no force row level security, disable rule r, enable replica trigger u

-- alter: add
alter type e add value 'x'

-- alter: alter; subcommands=rename value
alter type e rename value 'a' to 'b'

-- alter: drop; drops=constraint:d.x
alter domain d drop constraint x

-- alter: add; calls=f
alter domain d add constraint c check (f(value))

-- alter: alter; subcommands=owner of function
alter function f() owner to x

-- alter: alter; writes=t:alter; subcommands=set schema
alter table t set schema s

-- alter: alter; writes=t:alter; subcommands=change owner
alter table t owner to x

-- alter: alter; subcommands=disable event trigger
alter event trigger e disable

-- alter: alter; writes=s:alter
alter sequence s restart

-- alter: alter; writes=t:alter
alter policy p on t using (f())

-- alter: alter opaque
alter extension e update

-- alter: alter
alter extension e add table t

-- alter: alter
alter collation c refresh version

-- alter: alter
alter foreign data wrapper w options (a 'b')

-- alter: alter
alter server s version '2'

-- alter: alter
alter user mapping for u server s options (a 'b')

-- alter: alter
alter operator family f using btree add function 1 (a, a) f(a, a)

-- alter: alter
alter statistics s set statistics 1

-- alter: alter
alter function f() immutable

-- alter: alter
alter function f() depends on extension e

-- alter: alter
alter operator + (a, b) set (restrict = f)

-- alter: alter
alter type t set (storage = plain)

-- alter: alter
alter text search dictionary d (a = b)

-- alter: alter
alter text search configuration c add mapping for word with simple

-- alter: alter
alter publication p add table t

-- alter: alter
security label on table t is 'x'

-- alter: alter; writes=t:alter; subcommands=set schema
alter table t set schema s

-- alter: alter; writes=s:alter
alter sequence s restart

-- alter: add; writes=t:add; subcommands=add constraint; details=constraint foreign key; reads=u
alter table t add foreign key (a) references u

-- alter: add; writes=t:add; subcommands=add column; types=pg_catalog.int4; calls=random; details=column volatile default
alter table t add a int default random()
