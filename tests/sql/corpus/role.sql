-- role: grant
create role a

-- role: grant; name=a
alter role a password 'x'

-- role: grant
alter role a set b = 1

-- role: alter grant; subcommands=rename role
alter role a rename to b

-- role: drop grant; drops=role:a role:b
drop role a, b

-- role: drop grant
reassign owned by a to b

-- role: drop grant
drop owned by a
