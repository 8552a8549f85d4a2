"""The asyncio skin: sockets in and out of the pure session, and nothing that decides.

``listener`` accepts; at the ``door`` a client says who it is (PROXY header, ``tls``, StartupMessage); ``client`` is its
socket from then on and drives its sign-in, session or console; ``opening`` makes the session behind a sign-in.
``upstream_side`` is the socket to the server beside it, ``dial`` opens it, ``upstreams`` says where. ``carry_out``
answers what a session asks (store, audit, catalog), each with a deadline; ``readers`` keep the processes that read long
texts (``reading_process``). ``services`` is what they all share, ``network`` how they stand in the network.
``policy_watch`` and ``credentials_watch`` take what has changed on disk; ``bookkeeping`` and ``audit_keeping`` write
down, once a second, what was spent of budgets and where the audit has come to.
"""
