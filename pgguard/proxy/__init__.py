"""The asyncio skin: sockets in and out of the pure session, and nothing that decides.

``listener`` accepts and counts; ``client`` is one client's socket and drives its sign-in, session or console;
``upstream_side`` is the socket to the server beside it, ``dial`` opens it; ``carry_out`` answers what a session asks
(store, audit, catalog), each with a deadline; ``services`` is what they all share.
"""
