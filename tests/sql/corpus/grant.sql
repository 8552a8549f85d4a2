-- grant: grant
grant select on t to x

-- grant: grant
revoke all on schema s from public

-- grant: grant
grant a to b

-- grant: grant
alter default privileges grant select on tables to y
