"""From a reading to an answer: what was changed and destroyed, what the policy says, whether somebody approved it.

Everything here happens while the client's transaction is open and holds its locks: every ask has a deadline of the
skin's, and whatever does not answer in time is a refusal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pgguard.audit.record import AuditRecord
from pgguard.catalog import later
from pgguard.catalog.reach import call_reason
from pgguard.checks.finding import Finding
from pgguard.errors import ProtocolViolation
from pgguard.evidence.compare import compare, created, suspects
from pgguard.evidence.made import made
from pgguard.evidence.measurement import Measurement, Reading
from pgguard.evidence.particulars import Particulars
from pgguard.evidence.paths import with_paths
from pgguard.evidence.reading import NAMING
from pgguard.evidence.report import measurement as measured
from pgguard.evidence.roles import changed_roles
from pgguard.evidence.victims import emptiness_sql, parse_emptiness, victims_sql
from pgguard.policy import explain
from pgguard.policy.binding import (
    KEPT_OF_ONE,
    Approval,
    Binding,
    BoundStatement,
    Filed,
    NewRequest,
    NotValid,
    shortened,
)
from pgguard.policy.decide import decide, share_stops
from pgguard.policy.verdict import Allow, Asked, Evidence, Hold, Refusal, Refuse, Verdict
from pgguard.session import asks, emptying, glass, spending, telling
from pgguard.session.judge import Counted, Judged, by_value
from pgguard.session.outcome import Outcome, Says, ServerError, cannot_judge
from pgguard.sql.statement import StatementKind
from pgguard.sql.tokens import leading_comment, shown, token_digest, without_token

if TYPE_CHECKING:
    from pgguard.session.connection import Session

KEPT = 64  # allowed effects of one statement
LOOKED_AT = 4  # so many of a transaction's last writes are searched for a WHERE that is always true: 10 ms each at most


def lone_effect(session: Session) -> Counted | None:
    """What the transaction's only statement did, when its counters say all of it; None when there is more to say."""
    tx = session.tx
    if len(tx.writes) != 1 or len(tx.judged) != 1 or tx.opaque or tx.objects or tx.ledger.fell or tx.approvals:
        return None
    if session.world.observe or session.desk.version != session.world.version:
        return None
    return tuple(tx.ledger.sum().items())


def remember(session: Session, effect: Counted, found: Measurement) -> None:
    """The same statement with the same effect need not be weighed again, while policy and picture stand. Sizes of
    tables change, so what depended on one is forgotten."""
    tx, allowed = session.tx, session.tx.judged[0].allowed
    by_somebody = bool(tx.approvals) or tx.glass is not None
    if not by_somebody and len(allowed) < KEPT and all(t.total is None for t in found.tables):
        allowed[effect] = found


def weigh(session: Session, reading: Reading, *, sync: bool) -> Generator[asks.Ask | None, Any, Measurement | Outcome]:
    """Everything that the transaction did so far, approved work taken off."""
    tx = session.tx
    looks = tx.opaque or tx.objects or tx.ledger.fell
    if looks and (reading.strong or reading.strong_objects or reading.catalogs):
        trouble = yield from _look(session, reading, sync)
        if trouble is not None:
            return trouble
    destroyed = tuple(d for d in tx.destroyed if (d.kind, d.name, d.how) not in tx.allowed_losses)
    found = measured(tx.ledger.sum(), tx.ledger.names, destroyed, tx.targets, created=tx.created)
    stops = share_stops(session.world.policy, asked_for(session), found)
    if stops:
        totals = yield asks.TableTotals(stops)
        if isinstance(totals, asks.Away):
            return explain.away(totals.what, totals.why)
        found = measured(tx.ledger.sum(), tx.ledger.names, destroyed, tx.targets, totals, tx.created, dict(stops))
    return found


def _look(session: Session, reading: Reading, sync: bool) -> Says:
    """The same catalog query inside and outside, compared: what the transaction destroys besides rows."""
    tx = session.tx
    tx.strong |= set(reading.strong)
    tx.strong_objects |= set(reading.strong_objects)
    wanted = (sorted(tx.strong), sorted(tx.strong_objects), sorted(reading.catalogs))
    inside = yield from _inside(session, victims_sql(*wanted, inside=True), sync)
    if isinstance(inside, ServerError):
        return inside
    outside = yield asks.LookOutside(victims_sql(*wanted))
    if isinstance(outside, asks.Away):
        return explain.away(outside.what, outside.why)
    picture = session.world.picture
    if picture is None and not session.world.observe:  # somebody else's DDL has just made it old
        answer = yield asks.NeedPicture()
        picture = session.world.picture
        if picture is None:
            return explain.away("the picture of the catalog", getattr(answer, "why", "it was made old again"))
    try:
        doubtful = suspects(outside, inside)
        empty: dict[int, bool] = {}
        if doubtful:
            rows = yield from _inside(session, emptiness_sql(doubtful), sync)
            if isinstance(rows, ServerError):
                return rows
            empty = parse_emptiness(rows)
        retypes = tx.reads.follow(tx, session.world.picture, outside, inside)
        tx.destroyed = emptying.counted(tx, compare(outside, inside, empty, reading.catalogs, retypes=retypes))
        tx.created = created(outside, inside, tx.strong)
        named = [s.name for judged in tx.judged for s in judged.statements if s.kind is StatementKind.ROLE and s.name]
        tx.roles |= changed_roles(outside, inside, reading.catalogs, named)
        was_read = _was_read(session, reading)
        called = later.names(picture) if picture is not None else ()
        hazards = made(outside, inside, reading.catalogs, was_read, called)
        tx.made = tuple(Finding(check, says) for check, says in hazards)
        tx.ledger.overwrote_nothing(tx.reads.filled(tx, session.world.picture, reading, outside, inside))
    except ProtocolViolation as broken:
        return cannot_judge(f"what was destroyed could not be read: {broken.what}")
    return None


def _was_read(session: Session, reading: Reading) -> Callable[[int], bool]:
    """FAIL CLOSED: the picture says nothing of bodies while somebody changes them, or what the names in them mean."""
    picture = session.world.picture
    if picture is None or not NAMING.isdisjoint(reading.catalogs) or session.world.changed_elsewhere(session.ident):
        return lambda oid: False
    return lambda oid: oid in picture.functions and not call_reason(picture, oid)


def _inside(
    session: Session, sql: str, sync: bool
) -> Generator[asks.Ask | None, Any, list[list[bytes | None]] | ServerError]:
    asked = session.server.hidden(sql.encode(), sync=sync)
    if not sync:
        session.server.flush()
    yield None
    return ServerError(asked.error) if asked.failed else asked.rows


def asked_for(session: Session, *, unmeasured: bool = False) -> Asked:
    """The measured statements of the transaction, with what the checks found in them. What the catalog knows better
    than the text is left to it, once it was asked."""
    judged = session.tx.judged
    knows = session.tx.reading is not None and (session.tx.opaque or session.tx.objects) and not unmeasured
    findings = dict.fromkeys(f for j in judged for f in j.findings if not (knows and f.catalog))
    # What the text said already is said once; a check that it did not show speaks from the catalog.
    said = {finding.check for finding in findings}
    findings.update(dict.fromkeys(f for f in _added(session) if f.check not in said))
    return Asked(session.desk.caller, tuple(s for j in judged for s in j.statements), tuple(findings))


def _added(session: Session) -> tuple[Finding, ...]:
    """Hazards that the transaction added, whatever the text showed."""
    off = Finding("disables-safety", "triggers and foreign keys are switched off in this session")
    return (*session.tx.made, off) if session.settings.guards_off else session.tx.made


def settle(session: Session, found: Measurement | None, *, at_commit: bool = False) -> Says:
    """What the policy says to the transaction's effect; an approval that covers it is noted, and claimed at COMMIT.
    ``found`` None: it cannot be measured."""
    tx = session.tx
    why = next((j.why for j in reversed(tx.judged) if j.why), "")
    spent = (yield from spending.spent(session, found)) if found is not None and session.desk.budgets else ()
    if isinstance(spent, Refusal):
        return spent
    evidence = Evidence(measurement=found, measurable=found is not None, at_commit=at_commit, why=why, spent=spent)
    verdict: Verdict = decide(session.world.policy, asked_for(session, unmeasured=found is None), evidence)
    if isinstance(verdict, Allow) or session.world.observe:
        spending.hold_measured(session, spent)
        spending.tell(session, quiet=True)
        if not isinstance(verdict, Allow):
            yield from record(session, "observe", verdict, found)
        return None
    if isinstance(verdict, Hold) and not all(w.judged.text for w in tx.writes):
        return cannot_judge("what was run is not known, so nobody can approve it: parse it again")
    if not isinstance(verdict, Hold):
        return verdict if isinstance(verdict, Refuse) else cannot_judge("it was measured and still is not known")
    token = _comment_token(session) or session.settings.token
    if verdict.over is not None:
        outcome = yield from spending.go_further(session, verdict, token)
        if isinstance(outcome, Hold) and glass.breaks(session, outcome):
            spending.hold_measured(session, spent)
            return None
        return outcome if outcome is not None else (yield from settle(session, found, at_commit=at_commit))
    wanted = binding(session, verdict)
    answer = yield asks.FindApproval(wanted, token)
    if isinstance(answer, asks.Away):
        return explain.away(answer.what, answer.why)
    if isinstance(answer, NotValid):
        return explain.not_valid(answer, verdict)
    if not isinstance(answer, Approval):
        yield from telling.gather(session, wanted, found)
        if not glass.breaks(session, verdict):
            return verdict
        spending.hold_measured(session, spent)
        return None
    beyond = answer.exceeded_by(found, _added(session))
    if beyond:
        return explain.beyond_approval(answer.number, beyond, verdict)
    if all(known.number != answer.number for known in tx.approvals):
        tx.approvals.append(answer)
    tx.ledger.approved(answer.ceilings)
    spending.follow(session)
    # what has no identity of its own (contents of large objects) is asked for again with every further write
    tx.allowed_losses |= {lost for lost in answer.destroyed if answer.sizes.get(lost, (0, None))[0]}
    return None


def _comment_token(session: Session) -> str:
    for write in reversed(session.tx.writes):
        comment = leading_comment(write.judged.text)
        if comment is not None and comment.token:
            return comment.token
    return ""


def reason_given(session: Session) -> str:
    """pgguard.reason, or what the comment in front of the last statement says."""
    comment = leading_comment(session.tx.writes[-1].judged.text) if session.tx.writes else None
    return comment.reason if comment is not None and comment.reason else session.desk.caller.reason


def binding(session: Session, verdict: Hold) -> Binding:
    """The ordered writes of the transaction so far, by this caller, here, under the rules that say no."""
    if verdict.over is not None:
        return spending.binding(session, verdict.over)
    return Binding(
        statements=shortened(_bound(w.judged, w.params) for w in session.tx.writes),
        caller=session.desk.caller.user,
        role=session.settings.current_user,
        database=session.desk.caller.database,
        database_oid=session.database_oid,
        server=session.world.server,
        rules=tuple(sorted({b.digest for b in verdict.blames})),
    )


def _bound(judged: Judged, params: bytes) -> BoundStatement:
    text = judged.text
    words = without_token(text[: 4 * KEPT_OF_ONE]).decode("utf-8", "replace")
    characters = len(text) if text.isascii() else len(text.decode("utf-8", "replace"))
    left_out = max(characters - len(words), 0)
    tokens = judged.read.digest if judged.read is not None else token_digest(text)
    if judged.meaning:
        words += f" /* {without_token(judged.meaning).decode('utf-8', 'replace').replace('*/', '* /')} */"
        tokens = hashlib.sha256(f"{tokens} {token_digest(judged.meaning)}".encode()).hexdigest()
    digest = hashlib.sha256(params).hexdigest() if params else ""
    return BoundStatement(tokens, digest, words, left_out)


def refused(session: Session, outcome: Hold | Refuse | Refusal) -> Generator[asks.Ask | None, Any, Refusal]:
    """The words of a refusal, the request filed and the audit written. The transaction is rolled back by now."""
    if isinstance(outcome, Refusal):
        session.world.counts.refused += 1
        yield from record(session, "refuse", None, None, outcome.message)
        return outcome
    outcome = replace(outcome, findings=_all_findings(session, outcome.findings))
    if outcome.measurement is not None:
        outcome = replace(outcome, measurement=with_paths(outcome.measurement, session.world.picture))
    filed: Filed | None = None
    not_filed = ""
    spending.refused(session, outcome)
    if isinstance(outcome, Hold):
        particulars = yield from telling.told(session, outcome.measurement)
        answer = yield asks.FileRequest(new_request(session, outcome, particulars))
        if isinstance(answer, asks.Away):
            refusal = explain.away(answer.what, answer.why)
            yield from record(session, "refuse", outcome, outcome.measurement, refusal.message)
            return refusal
        if isinstance(answer, Filed):
            filed = answer
        else:
            not_filed = str(getattr(answer, "why", answer))
    refusal = explain.refusal(outcome, request=filed, not_filed=not_filed)
    kind = "hold" if isinstance(outcome, Hold) else "refuse"
    if kind == "hold":
        session.world.counts.held += 1
    else:
        session.world.counts.refused += 1
    away = yield from record(session, kind, outcome, outcome.measurement, request=filed.number if filed else None)
    return away if away is not None else refusal


def new_request(session: Session, held: Hold, particulars: Particulars, *, review: bool = False) -> NewRequest:
    """What was held, as the store keeps it."""
    caller = session.desk.caller
    return NewRequest(
        binding(session, held), held.measurement, held.blames, held.findings, held.by, held.expires,
        caller.application, caller.address, reason_given(session), session.world.policy.environment,
        held.over.sum if held.over is not None else 0, held.needs, _added(session), particulars, review,
    )  # fmt: skip


def _all_findings(session: Session, known: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """With what the checks say that look at the values of literals: a verdict kept by shape cannot know that."""
    found, picture = dict.fromkeys(known), session.world.picture
    for write in session.tx.writes[-LOOKED_AT:]:
        judged = write.judged
        found.update(dict.fromkeys(by_value(judged.text, judged.statements, judged.read, picture, write.params)))
    return tuple(found)


def record(
    session: Session, verdict: str, said: Verdict | None, found: Measurement | None, rule: str = "",
    request: int | None = None,
) -> Generator[asks.Ask | None, Any, Refusal | None]:  # fmt: skip
    """One audit record, written before the client is answered. A Refusal when the policy requires it and it failed."""
    tx = session.tx
    caller = session.desk.caller
    findings = said.findings if isinstance(said, Hold | Refuse) else asked_for(session).findings
    text = b"; ".join(shown(w.judged.text).rstrip(b"; \n") for w in tx.writes)
    whole = b"".join(w.judged.read.digest.encode() for w in tx.writes if w.judged.read is not None)
    if isinstance(said, Hold | Refuse):
        rule = ", ".join(b.rule for b in said.blames)
    answer = yield asks.WriteRecord(
        AuditRecord(
            session=session.ident, caller=caller.user, role=session.settings.current_user, client=caller.address,
            application=caller.application, database=caller.database, statement=text.decode("utf-8", "replace"),
            digest=hashlib.sha256(text + whole).hexdigest()[:16],
            kind=", ".join(dict.fromkeys(w.judged.kind for w in tx.writes)),
            verdict=verdict, rule=rule, checks=tuple(dict.fromkeys(finding.check for finding in findings)),
            measured={
                t.name: {"inserted": t.rows.inserted, "updated": t.rows.updated, "deleted": t.rows.deleted}
                for t in (found.tables if found else ())
            },
            destroyed=tuple(f"{d.kind} {d.name} {d.how}" for d in (found.destroyed if found else ())),
            request=request, approval=tx.approvals[-1].number if tx.approvals else None,
            duration_ms=round((session.clock() - session.began) * 1000, 3),
            approved_by=", ".join(dict.fromkeys(approval.by for approval in tx.approvals)),
        )
    )  # fmt: skip
    if isinstance(answer, asks.Away) and session.world.policy.audit == "required":
        return explain.away(answer.what, answer.why)
    return None
