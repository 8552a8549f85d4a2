-- server: server; outside_block
create database x

-- server: drop server; drops=database:x; outside_block
drop database x

-- server: server; outside_block
alter database d set tablespace x

-- server: server
alter database d set a = 1

-- server: alter server; subcommands=rename database
alter database d rename to e

-- server: server; outside_block
create tablespace x location '/x'

-- server: drop server; drops=tablespace:x; outside_block
drop tablespace x

-- server: server; outside_block
alter system set a = 1

-- server: server
load 'x'

-- server: server; outside_block
create subscription s connection 'x' publication p

-- server: drop server; drops=subscription:s; outside_block
drop subscription s

-- server: server
alter database d refresh collation version

-- server: server
alter tablespace x set (random_page_cost = 1)

-- server: alter server
alter table all in tablespace a set tablespace b

-- server: server; outside_block
alter subscription s disable

-- server: server
load 'a'
