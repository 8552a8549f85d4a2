-- explain: read; reads=t; calls=f; inner=delete
explain delete from t where f(a)

-- explain: delete; writes=t:delete; inner=delete; no_where
explain (analyze 'off', analyze true) delete from t

-- explain: delete; writes=t:delete; inner=delete; no_where
explain analyze delete from t

-- explain: read; reads=t; inner=delete
explain (analyze 0) delete from t

-- explain: insert; writes=t:insert; inner=insert
explain (analyze "on", verbose) insert into t values (1)

-- explain: opaque; inner=execute
explain analyze execute p

-- explain: create read; inner=create
explain (analyze) create table x as select 1

-- explain: delete; writes=t:delete; inner=delete; no_where
explain (analyze 'tru') delete from t

-- explain: delete; writes=t:delete; inner=delete; no_where
explain (analyze true, analyze false) delete from t

-- explain: read; reads=t; inner=delete
explain (analyze OFF, verbose) delete from t
