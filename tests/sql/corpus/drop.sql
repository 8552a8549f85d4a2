-- drop: drop; drops=table:a table:s.b table:s.c
drop table a, s.b, d.s.c cascade

-- drop: drop; drops=view:v
drop view if exists v

-- drop: drop; drops=materialized view:m
drop materialized view m

-- drop: drop; drops=index:s.i; outside_block
drop index concurrently s.i

-- drop: drop; drops=trigger:s.t.a
drop trigger a on s.t

-- drop: drop; drops=policy:t.p
drop policy p on t

-- drop: drop; drops=rule:t.r
drop rule r on t

-- drop: drop; drops=function:f function:s.g
drop function f(int), s.g

-- drop: drop; drops=function:a
drop aggregate a(int)

-- drop: drop; drops=function:p
drop procedure p

-- drop: drop; drops=type:a type:s.b
drop type a, s.b

-- drop: drop; drops=type:a
drop domain a

-- drop: drop; drops=schema:a schema:b
drop schema a, b cascade

-- drop: drop; drops=extension:e
drop extension e

-- drop: drop; drops=sequence:s
drop sequence s

-- drop: drop; drops=operator class:a.b
drop operator class a.b using btree

-- drop: drop; drops=operator:s.+
drop operator s.+ (int, int)

-- drop: drop; drops=cast:pg_catalog.int4 as text
drop cast (int as text)

-- drop: drop; drops=transform:hstore for plperl
drop transform for hstore language plperl

-- drop: drop; drops=foreign table:f
drop foreign table f

-- drop: drop; drops=event trigger:e
drop event trigger e

-- drop: drop; drops=user mapping:y
drop user mapping for x server y
