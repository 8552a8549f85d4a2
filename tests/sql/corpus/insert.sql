-- insert: insert; reads=s; writes=t:insert; calls=f
insert into t(a) select f(b) from s

-- insert: insert; writes=t:insert
insert into t values (1) on conflict do nothing

-- insert: insert update; writes=t:insert t:update
insert into t values (1) on conflict (a) do update set b = excluded.b

-- insert: delete insert; writes=t:insert s:delete
with d as (delete from s where true returning *) insert into t select * from d
