"""One client connection, sans-I/O: bytes and answers in, bytes and asks out.

The nouns: a ``Session`` (connection) takes bytes from both sides. A text becomes a ``Judged`` (judge) at the ``Desk``
of its caller in the ``World`` of its database; ``meaning`` fills in what its names stand for. ``gate`` says whether it
may pass as it stands. What passes is a ``Unit``, what is measured goes in ``Step``s (outstanding); ``replies``
forwards, holds or swallows what comes back. A measured run is a conversation: ``measure`` (Query, FunctionCall),
``batch`` (extended messages), ``cut`` (a string with transaction control in it), ``commit`` (what must be done before
a COMMIT), ``emptying`` (the rows counted in front of a TRUNCATE), ``dry_run`` (what is taken back). ``readings`` asks
for a reading, ``settle`` turns it into an answer; ``backfill`` knows which updates overwrote nothing. ``telling``
gathers what a request tells besides; ``glass`` lets a named role go ahead alone.

Conversations are generators. They yield None to wait until the server has answered everything sent so far, or an
``Ask`` to be answered by the skin; the client's further bytes wait meanwhile. Nothing here touches a socket, a clock
(one is handed in) or randomness (fresh names are handed in).

The safety property, for any cutting of the bytes and any order of replies: no Query, Bind, Execute, FunctionCall or
copy data, and no Parse that can run code (``planning``), goes out before it was judged in the state that the server is
then in; no commit point goes out while the transaction holds work that was not proved, or measured and allowed; nothing
of the client's stands between a measured statement and its reading; after every refusal data and transaction status
are what PostgreSQL's own failure would have left.
"""
