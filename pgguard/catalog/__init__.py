"""The database's shape, what it can run, and what can be proved of a statement without running it.

    picture   one database at one moment, as immutable data: relations, keys, triggers, functions, expressions
    queries   the SQL that reads it, catalog columns only, and the fingerprint that says when to read it again
    build     rows of those queries -> Picture
    tree      stored expressions (pg_node_tree): which functions, types and relations they use
    builtins  which functions change nothing and run no SQL of somebody's
    closure   which relations a write can change: partitions, children, views, foreign-key actions
    functions what a user's function does, from its body
    roads     what each object leads to when it is read, written or called
    reach     "user code reachable": a walk over these; the reason, or ""
    alone     which statements cannot run in a transaction block because of what they name
    bounded   UPDATE or DELETE by a unique key: at most k rows
    prove     Harmless, Bounded or Unproved

Names are resolved without a search_path: every object of that name, in any schema, is a candidate, and every candidate
must pass. The picture is read by somebody else's connection and may be seconds old; who proves must know its age.

INVARIANT: what is not in the picture, or not understood, is reachable and unproved.
"""
