-- update: update; writes=t:update
with t as (select 1) update t set a = 1 where b in (select * from t)

-- update: update; writes=t:update
update t set (a, b) = (1, 2), c[1] = 3 where current of c

-- update: update; reads=s y; writes=a.t:update; calls=max
update only a.t set a = (select max(x) from y) from s where t.id = s.id

-- update: update; writes=t:update; no_where
update t set a = 1

-- update: delete update; writes=t:update s:delete; no_where
with d as (delete from s) update t set a = 1 where b
