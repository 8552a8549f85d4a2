-- lock: read; reads=t; excludes
lock table t in exclusive mode

-- lock: read; reads=t; excludes
lock t

-- lock: read; reads=t; excludes
lock table t in share mode nowait

-- lock: read; reads=t
lock table t in access share mode

-- lock: read; reads=t
lock table t in share update exclusive mode
