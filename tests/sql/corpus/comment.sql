-- comment: add
comment on table t is 'x'
