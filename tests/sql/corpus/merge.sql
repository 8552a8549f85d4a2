-- merge: delete insert update; reads=t s; writes=t:delete t:update t:insert; calls=f g
merge into only t using s on a = b when matched and f(x) then delete when matched then update set a = 1 when not matched then insert values (g(1))

-- merge: read; reads=t s
merge into t using s on a = b when matched then do nothing
