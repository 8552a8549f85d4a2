"""What pgguard remembers between sessions: requests, their approvals, tokens, and the audit file.

    database     a state URL becomes engines and a schema (SQLite here, PostgreSQL for several nodes)
    moments      the clock of it all, which never goes back
    request      one request as it is kept, and its way into and out of a row
    lifecycle    pure: what state a request is in now, and who may do what to it
    trust        which logins count as somebody else than the requester
    answers      approve, deny, withdraw: one transaction each, on a locked row
    filing       requests that come at once are filed in one transaction
    requests     Store: the only way in; filing, finding, spending
    budgets      what was spent of budgets, over a restart
    token        an approval as a signed text that can be handed over
    audit_file   the hash-chained audit file, one writer
    audit_reading  reading such files back
    audit_head   where the chain has come to, in the store, so that an end that was cut off is found

A request is *open* until enough people said yes (``policy.consent``), then *approved*; one no makes it *denied*, and
its requester can have it *withdrawn*. An approval is *used*, once or as often as was said, or it *expires*. What went
ahead alone is *to review* until it is *reviewed*.

INVARIANT: an approval is spent by one conditional UPDATE in one transaction, so that of any number of claimers,
in any number of processes, exactly one gets it. It is spent before the COMMIT that it lets through: if that COMMIT
fails, the approval is gone.
INVARIANT: the measurement of a request never changes after it was filed. What a person saw and approved is the
ceiling; a later try that destroys more goes beyond it, and asks again under a new number.
FAIL CLOSED: a store that is locked, full, broken or late raises StoreUnavailable; nobody is let through on a guess.
"""
