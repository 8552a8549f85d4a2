"""The audit as data: what a record says, how records are chained, what is left out for privacy. Writing the file is the
store's business (``store.audit_file``).

    record   one judged statement, as the session makes it
    chain    records become lines, each sealed over the one before it; a walk over the lines finds the first broken link
    redact   a statement without its literals

Each line is one JSON object whose last key is ``hash``: the SHA-256 of the line's own bytes without that key. ``prev``
is the hash of the line before ("" for the first), ``seq`` counts from 1. So a line that was changed, removed, added or
moved breaks the chain where it happened. What the chain cannot show by itself is a tail that was cut off, or a whole
file written anew: keep the last hash somewhere else (``pgguard audit verify`` prints it).

A line that a crash cut short stays as it is, and the next whole line is a note that vouches for those very bytes. A
line that has its hash, but the wrong one, was not cut short but changed: nothing vouches for that.
"""
