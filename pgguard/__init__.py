"""pgguard: an async proxy that stops destructive SQL before PostgreSQL commits it.

The house has floors, and a floor imports only floors below it (``.importlinter`` says so, and the tests check it):

    cli                              one file per subcommand; assemble.py alone joins objects
    proxy, console                   the asyncio skin; the console database ``pgguard``
    store, upstream                  requests and approvals; our own connections to PostgreSQL
    session                          one client connection, sans-I/O
    policy                           load, match, decide, explain
    checks, evidence, audit          hazards by name; what was measured; the record of it
    catalog                          the database's shape, what a statement can reach, proofs
    sql, wire                        statements; messages

Everything up to ``session`` is pure: no asyncio, sockets, drivers, clock, randomness or logging.
"""

__version__ = "0.1.0"
