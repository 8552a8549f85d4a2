-- truncate: truncate; writes=a:truncate s.b:truncate
truncate only a, s.b restart identity cascade
