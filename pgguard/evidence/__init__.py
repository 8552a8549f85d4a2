"""What a transaction did, found out from PostgreSQL itself while it can still be rolled back.

    envelope       one text column per row: how answers of our own queries arrive unharmed
    reading        the reading: SQL and parsing; row counters, strong locks, held cursors, settings
    session_facts  what is asked once, before the client's first ReadyForQuery
    ledger         the sum of one transaction over readings, proved bounds, savepoints and approvals
    victims        one catalog query, asked inside (the client's session) and outside (as committed)
    additions      the part of that query that lists what could be new: code that runs later, roles, rights
    compare        inside against outside: what was destroyed besides rows
    overwritten    which counted updates overwrote nothing: columns that the transaction added were filled
    emptied        the rows that a TRUNCATE takes, counted behind its lock in front of it
    made           inside against outside: hazards that were added
    roles          and which roles were changed
    paths          by which foreign key a table was probably reached
    dependents     what stands on what is destroyed
    particulars    what a request tells besides the measurement
    report         sum and comparison as a Measurement
    measurement    the plain data that the others make and policy judges

PostgreSQL counts row changes per transaction and relation, and counts *attempts*: work of a rolled back savepoint stays
in (pgstat_relation.c, AtEOSubXact_PgStat_Relations). TRUNCATE and DROP clear the counters instead of counting, so their
victims are found by comparing the catalog inside with the catalog outside.

INVARIANT: every name, type and operator in SQL of this package is qualified with pg_catalog, and no syntax is used that
looks an operator up by name (IN, BETWEEN, LIKE, NULLIF, CASE x WHEN, JOIN USING): the client's search_path, in which
somebody may have put his own ``=``, must not matter. No backslash either: standard_conforming_strings may be off.

INVARIANT: an outside query reads catalog columns and functions that take no lock on a relation. pg_relation_size,
pg_get_viewdef, pg_get_constraintdef, pg_get_indexdef and pg_get_expr would wait for the client, who waits for us.

FAIL CLOSED: an answer that does not have exactly the expected shape raises; it never reads as "nothing changed".
"""
