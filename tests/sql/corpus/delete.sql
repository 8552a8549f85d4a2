-- delete: delete; writes=t:delete
delete from t where id = 1

-- delete: delete; reads=u s; writes=t:delete
delete from t using s where t.id = s.id and exists (select 1 from u)

-- delete: delete; writes=t:delete; no_where
delete from t
