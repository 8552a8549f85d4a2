"""The demonstration: a real PostgreSQL, a sample company in it, and the disasters that pgguard stops, replayed.

    embedded    a PostgreSQL server of our own in a temporary folder, gone without a trace afterwards
    company     the roles and the data that the disasters are about
    guard       pgguard itself, as the process that a user would start
    client      psql, as the users of this company start it
    scene       one disaster as data: who runs what, what pgguard must answer, what must be left
    disasters   the scenes
    tour        plays the scenes and judges them

Nothing here is imported by the guard. Every scene goes through a real client and a real socket, and is judged by row
counts over a direct connection: the tour is worth nothing if it believes what pgguard says of itself.
"""
