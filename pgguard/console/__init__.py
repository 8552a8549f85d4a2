"""The database ``pgguard`` on pgguard's own port: where people list, approve and deny requests with any client.

    language     a text becomes statements of words, numbers and strings; a usage line becomes a pattern over them
    order        what a command is: usage, columns, function, doc
    commands     the table of commands, about requests and budgets. Adding one is one row and one function
    operations   those of them that look at the running pgguard and steer it, through the ``house``
    minutes      what people did becomes a record of the audit
    rule_words   the policy in force in words
    session_words what drivers and pools send by habit, and what it means here: nothing
    words        a request in words
    messages     the messages of the backend that only the console writes
    connection   one client connection: bytes in, bytes out, answers in order
    desk         what the commands work with: the store, who is a member of what, the policy in force

Sign-in is PostgreSQL's own, relayed; the console gets a client whose identity the server has settled. ``proved`` says
whether the server asked for a proof of it.

FAIL CLOSED: without a proof of identity nothing can be approved or denied; who the approvers are is asked at
each command, and no answer means no.
INVARIANT: there are no transactions here. A command has taken effect when its answer is sent, and ReadyForQuery says
idle always, so that no client believes that it could roll back an approval.
"""
