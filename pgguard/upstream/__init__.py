"""pgguard's own connections to the server: the catalog picture, the look from outside, sizes, memberships.

One connection per database, opened on demand, never shared with a client's work. It reads only catalogs (and bounded
probes of table sizes), with lock_timeout 200 ms and statement_timeout 2 s: the client that holds the lock may be
waiting for us, and no deadlock detector sees that. Every trouble is UpstreamUnavailable, in time, never a wait.

    server      which servers are supported, and what a server says of itself
    connection  one asyncpg connection with our settings, a deadline and a lock, reopened after it broke
    pictures    the cached picture of each database and how old it is
    witness     locks, a sample of rows and sizes for people, over a connection with even less patience
    admin       what the rest of pgguard asks
    verifiers   SCRAM verifiers of roles, from a file or a query
    recovery    which of several servers is a standby
"""
