-- maintenance: read; outside_block
vacuum

-- maintenance: read; reads=t; outside_block
vacuum full t

-- maintenance: read; reads=t
analyze t

-- maintenance: read; reads=t
reindex table t

-- maintenance: read; reads=t; outside_block
reindex (concurrently) table t

-- maintenance: read; outside_block
reindex schema s

-- maintenance: read; outside_block
cluster

-- maintenance: read; reads=t
cluster t

-- maintenance: read; reads=v
refresh materialized view concurrently v

-- maintenance: server
checkpoint
