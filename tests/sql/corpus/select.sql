-- select: read; reads=accounts; operators==; columns=aid abalance
select abalance from accounts where aid = 12345

-- select: delete read; reads=t x.d; writes=t:delete; no_where
with d as (delete from t returning *) select * from d, t, x.d

-- select: read; reads=b
with a as (select * from b), b as (select 1) select * from a, b

-- select: read
with recursive a as (select * from a union select * from b), b as (select 1) select * from a, b for update of a

-- select: read; reads=t
select * from t where exists (with t as (select 1) select * from t)

-- select: read; operators=>= <= < > =
select a between 1 and 2, a not between symmetric 3 and 4, case x when 1 then 2 end, nullif(a, b)

-- select: read; reads=w; columns=full_name w bare
select (w).full_name, w.full_name, bare from w

-- select: read; reads=t; operators=< s.+ = <>
select 1 operator(s.+) 2, a is distinct from b, a in (select 1), a <> all (select 2) from t order by a using <

-- select: read; reads=w v u; calls=bernoulli; operators==
select * from u tablesample bernoulli(5) natural join v join w using (a)

-- select: read; reads=t; calls=json_array json_exists json_arrayagg f h g
select json_array(1), json_exists('{}', '$'), json_arrayagg(a), f(b => 1) filter (where g(c)) over (order by h(d)) from t

-- select: read; reads=x; types=mytype pg_catalog.int4 s.t
select a::mytype, cast(b as int), s.t '1' from x

-- select: read; reads=t
table t

-- select: read; calls=f
values (1), (f(2))

-- select: read; reads=t y
select 1 from t, lateral (with x as (select * from y) select * from x) z
