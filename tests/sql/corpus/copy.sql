-- copy: insert; writes=t:insert; copy_in
copy t from stdin

-- copy: insert; writes=t:insert; calls=f; files
copy t(a) from '/x' where f(a)

-- copy: insert; writes=t:insert; files
copy t from program 'cat'

-- copy: read; reads=t
copy t to stdout

-- copy: read; reads=t; files
copy t to '/x'

-- copy: delete; writes=t:delete; inner=delete; no_where; files
copy (delete from t returning *) to program 'x'

-- copy: read; reads=t; calls=f; inner=select
copy (select f(a) from t) to stdout
