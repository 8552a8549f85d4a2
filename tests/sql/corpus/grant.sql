-- grant: grant; subcommands=grant on table
grant select on t to x

-- grant: grant; subcommands=grant on schema
revoke all on schema s from public

-- grant: grant
grant a to b

-- grant: grant
alter default privileges grant select on tables to y
