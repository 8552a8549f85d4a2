-- lock: read; reads=t
lock table t in exclusive mode
