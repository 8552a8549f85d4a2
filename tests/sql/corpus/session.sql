-- session: session; set=search_path a, b, 5
set local search_path to a, 'b', 5

-- session: session; set=search_path x
set "Search_Path" = x

-- session: session; set=work_mem None
set work_mem to default

-- session: session; set=work_mem None
reset work_mem

-- session: session; set=all None
reset all

-- session: session; set=role none
set role none

-- session: session; set=session_authorization None
set session authorization default

-- session: session; set=client_encoding utf8
set names 'utf8'

-- session: session; set=timezone UTC
set time zone 'UTC'

-- session: session; set=transaction transaction_isolation = repeatable read
set transaction isolation level repeatable read

-- session: session; set=session characteristics transaction_read_only = 1
set session characteristics as transaction read only

-- session: session; set=transaction snapshot x
set transaction snapshot 'x'

-- session: session; name=all
show all

-- session: session; set=all None; outside_block
discard all

-- session: session
discard temp

-- session: session
listen x

-- session: session
notify x, 'y'

-- session: session
unlisten *

-- session: session
set constraints all immediate
