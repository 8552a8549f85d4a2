"""Reading statements: what a text is and what it names, decided by PostgreSQL's own grammar.

``read(text)`` gives one ``Statement`` per statement of a text and never raises. libpg_query (the C library inside
postgast, PostgreSQL 18's grammar) splits and parses; ``classify`` turns each node into a ``Statement`` by an allowlist.

    text -> limits (linear, before the native parser) -> grammar (JSON tree) -> classify + names + keys -> Statement

FAIL CLOSED: a text that cannot be read, or would cost too much to read, is one OPAQUE statement with ``error`` set.
A node without a row in the allowlist is OPAQUE with ``trouble`` set. ``predicate`` looks
for a WHERE that is always true, and can only make a verdict stricter, never looser.
"""
