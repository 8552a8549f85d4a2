"""Policy: what may run, as a security team writes it, and the one place that decides.

    load      a YAML file becomes a ``Policy``, or a ``PolicyError`` with file, line and nearest valid name
    suggest   what was probably meant by what it cannot say
    model     the shape of that file (``pgguard policy schema`` is made from it)
    window    freezes and change windows: what of a policy is there now (``Policy.at``)
    match     one function and one row per match key
    rules     which rules speak of a statement, and of which lost objects (``except``)
    limits    which limits a transaction's rows cross, and whose sizes must be known for that
    budget    which budgets count what, and what goes beyond one; ``account`` has the sums of one process,
              ``shared_account`` those of several, ``figures`` what stands where in both
    claims    the environment that a client says it is in
    decide    ``decide(policy, asked, evidence) -> Allow | Measure | Hold | Refuse``, asked again as evidence grows
    explain   the words of every refusal, request and report
    consent   whose yes a request needs, and what several of them allow together
    mask      which columns no request shows
    trial     a policy's own tests, run by the same ``decide``; ``trial_shape`` is how they are written
    verdict, binding, sqlstates   what goes in and out, as plain data

Order in the file does not matter: every rule and limit is asked, the strictest answer wins (Refuse, Hold, Allow).
Match keys answer yes, no, or *not known yet*. Not known before a measurement means Measure; not known afterwards
means Refuse.

INVARIANT: Allow is answered only when every rule that speaks of the caller said no to refusing and holding, with all
evidence that it needs; a missing total, role or count never counts in the caller's favour.
"""
