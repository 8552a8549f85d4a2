"""What a session spends of its caller's budgets: held before it can be committed, then settled or given back.

A proved write holds its bound when it is forwarded, on its Unit, and is told by its CommandComplete what it really was.
A measured one holds its exact rows when they were weighed. What an open transaction holds is in ``open``; when it ends
it is settled, or released where the server has said that it was rolled back. FAIL CLOSED: a COMMIT whose answer never
came stays spent. Where no budget speaks of the caller (``desk.budgets`` is empty) nothing here runs.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from pgguard.catalog.proof import Bounded
from pgguard.evidence.measurement import Measurement
from pgguard.evidence.report import measurement as measured
from pgguard.policy import budget as budgets
from pgguard.policy import explain
from pgguard.policy.binding import Approval, Binding, NotValid
from pgguard.policy.budget import Counting, Spent
from pgguard.policy.verdict import Hold, Refusal, Refuse
from pgguard.session.asks import Ask, Away, Claim, FindApproval, TableTotals
from pgguard.session.replies import IDLE
from pgguard.wire.backend import encode_notice

if TYPE_CHECKING:
    from pgguard.policy.account import Account, Place
    from pgguard.session.connection import Session
    from pgguard.session.judge import Judged
    from pgguard.session.outcome import Outcome
    from pgguard.session.outstanding import Unit

_ENDS_WELL = ("COMMIT", "PREPARE TRANSACTION")


class Held:
    """What the open transaction holds of one account."""

    __slots__ = ("account", "amount", "statements")

    def __init__(self, account: Account) -> None:
        self.account = account
        self.amount = 0
        self.statements = 0


class Spending:
    """One session's part. ``committing``: a COMMIT was, or is about to be, sent. ``claimed``: the approvals that were
    spent for it; ``outcomes``: what became of such transactions, for the skin to write down."""

    __slots__ = ("claimed", "committing", "open", "outcomes", "told")

    def __init__(self) -> None:
        self.open: dict[Place, Held] = {}
        self.committing = False
        self.claimed: tuple[int, ...] = ()
        self.outcomes: list[tuple[tuple[int, ...], str]] = []
        self.told: list[bytes] = []  # warnings that wait until no message of the server's is half passed on

    def held(self, place: Place, account: Account) -> Held:
        held = self.open.get(place)
        if held is None:
            held = self.open[place] = Held(account)
        return held


def fits(s: Session, judged: Judged) -> bool:
    """Whether the bound of a proved write is within every budget; if not, it is measured, and then it is known."""
    now = s.clock()
    accounts = s.world.accounts
    for counting in s.desk.budgets:
        for proof in judged.proofs:
            if isinstance(proof, Bounded):
                place = counting.place(proof.table)
                if place is not None and not counting.fits(place, proof.rows, accounts, now):
                    return False
    return True


def hold(s: Session, judged: Judged, unit: Unit | None) -> None:
    """A proved write goes out: hold its bound. ``unit`` None: the open transaction holds it."""
    for counting in s.desk.budgets:
        if counting.what == "refusals":
            continue
        for proof in judged.proofs:
            place = counting.place(proof.table) if isinstance(proof, Bounded) else None
            if place is None or not isinstance(proof, Bounded):
                continue
            account = s.world.accounts.open(place, counting.budget.window)
            account.hold(proof.rows)
            if unit is not None:
                unit.reserved.append((len(unit.runs) - 1, place, account, proof.rows))
            else:
                held = s.spending.held(place, account)
                held.amount += proof.rows
                held.statements += 1
            _warn(s, counting, place, account)


def answered(s: Session, unit: Unit) -> None:
    """A unit was answered: what its writes really were, and whether the transaction ended with it."""
    waiting = unit.reserved
    unit.reserved = []
    if len(unit.runs) == 1 and waiting and unit.status == IDLE and not (unit.failed or s.spending.open):
        now = s.clock()  # a transaction of its own, as most are
        for _, _, account, bound in waiting:
            rows = _rows(unit.tags[0] if unit.tags else "", bound)
            account.release(bound)
            account.spend(rows, now)
        return
    for at, tag in enumerate(unit.tags):
        for index, place, account, bound in waiting:
            if index == at:
                _told(s, place, account, bound, tag)
        if tag in _ENDS_WELL or tag == "ROLLBACK":
            ended(s, committed=tag != "ROLLBACK")
    for index, place, account, bound in waiting:
        if index >= len(unit.tags):
            if unit.failed:
                account.release(bound)
            else:
                _told(s, place, account, bound, "")
    if unit.status == IDLE:
        ended(s, committed=not unit.failed)


def _told(s: Session, place: Place, account: Account, bound: int, tag: str) -> None:
    """Its CommandComplete came: give back what it did not need."""
    rows = _rows(tag, bound)
    account.release(bound)
    if rows:
        account.hold(rows)
        held = s.spending.held(place, account)
        held.amount += rows
        held.statements += 1


def _rows(tag: str, bound: int) -> int:
    number = tag.rpartition(" ")[2]
    return min(int(number), bound) if number.isdigit() and tag.startswith(("DELETE ", "UPDATE ")) else bound


def corrected(s: Session, judged: Judged, tag: str) -> None:
    """The CommandComplete of a proved write that the open transaction holds."""
    for counting in s.desk.budgets:
        for proof in judged.proofs:
            place = counting.place(proof.table) if isinstance(proof, Bounded) else None
            held = s.spending.open.get(place) if place is not None else None
            if held is not None and isinstance(proof, Bounded):
                less = min(proof.rows - _rows(tag, proof.rows), held.amount)
                held.amount -= less
                held.account.release(less, 0)


def ended(s: Session, *, committed: bool) -> None:
    """The open transaction is over. FAIL CLOSED: when the server broke off, nobody knows how."""
    spending = s.spending
    if spending.claimed:
        if not s.replies.fatal:
            spending.outcomes.append((spending.claimed, "committed" if committed else "rolled back"))
        spending.claimed = ()
    if spending.open:
        now = s.clock()
        for held in spending.open.values():
            if committed or s.replies.fatal:
                held.account.settle(held.amount, now, held.statements)
            else:
                held.account.release(held.amount, held.statements)
        spending.open.clear()
    spending.committing = False


def broke_off(s: Session) -> None:
    """What was approved and runs outside any transaction failed: what it had done by then may stay."""
    if s.spending.claimed and not s.replies.fatal:
        s.spending.outcomes.append((s.spending.claimed, "failed"))
        s.spending.claimed = ()


def gone(s: Session) -> None:
    """The connection is lost: the server rolls back what was not told to commit."""
    from pgguard.session.outstanding import Unit

    for entry in s.replies.queue:
        if isinstance(entry, Unit):
            for _, _, account, bound in entry.reserved:
                account.settle(bound, s.clock())
            entry.reserved = []
    ended(s, committed=s.spending.committing)


def spent(s: Session, found: Measurement) -> Generator[Ask | None, Any, tuple[Spent, ...] | Refusal]:
    """What the transaction would make of each budget that counts it. A table's size is asked for where it decides."""
    known = _spent(s, found)
    stops = {
        table.oid: (one.place, _stop(one))
        for one in known if one.budget.share is not None and one.beyond
        for table in found.tables if _place(s, one, table.name)
    }  # fmt: skip
    if not stops:
        return known
    totals = yield TableTotals(tuple((oid, stop) for oid, (_, stop) in stops.items()))
    if isinstance(totals, Away):
        return explain.away(totals.what, totals.why)
    for oid, (place, _) in stops.items():
        window = next(one.budget.window for one in known if one.place == place)
        account = s.world.accounts.open(place, window)
        account.size = max(totals.get(oid, 0), account.size or 0)
    return _spent(s, found)


def _spent(s: Session, found: Measurement) -> tuple[Spent, ...]:
    mine = {place: held.amount for place, held in s.spending.open.items()}
    return budgets.spent(s.desk.budgets, found, s.world.accounts, s.clock(), mine)


def _place(s: Session, one: Spent, table: str) -> bool:
    return any(c.budget is one.budget and c.place(table) == one.place for c in s.desk.budgets)


def _stop(one: Spent) -> int:
    """Count so far: twice what would be enough now, so that it is not asked again with every row."""
    assert one.budget.share is not None
    return int(2 * one.sum / one.budget.share) + 1


def hold_measured(s: Session, known: tuple[Spent, ...]) -> None:
    """The transaction's sum was allowed: hold exactly that, instead of what was held of it before."""
    for one in known:
        if one.budget.refusals is not None:
            continue
        account = s.world.accounts.open(one.place, one.budget.window)
        held = s.spending.held(one.place, account)
        statements = max(1, len(s.tx.writes))
        account.release(held.amount, held.statements)
        account.hold(one.adds, statements)
        held.amount, held.statements = one.adds, statements
        for counting in s.desk.budgets:
            if counting.budget is one.budget:
                _warn(s, counting, one.place, account)


def follow(s: Session) -> None:
    """Something was rolled back to a savepoint, or approved: hold no more than the ledger's sum."""
    if not s.spending.open:
        return
    tx = s.tx
    found = measured(tx.ledger.sum(), tx.ledger.names, created=tx.created)
    now = {one.place: one.adds for one in _spent(s, found)}
    for place, held in s.spending.open.items():
        less = held.amount - min(held.amount, now.get(place, 0))
        held.amount -= less
        held.account.release(less, 0)


def refused(s: Session, outcome: Hold | Refuse) -> None:
    """Something was refused. What a budget refuses is not counted again: no retry would ever end."""
    names = {counting.budget.name for counting in s.desk.budgets}
    if all(blame.rule in names for blame in outcome.blames):
        return
    for counting in s.desk.budgets:
        place = counting.place()
        if counting.what == "refusals" and place is not None:
            account = s.world.accounts.open(place, counting.budget.window)
            account.spend(1, s.clock())
            _warn(s, counting, place, account)


def binding(s: Session, over: Spent) -> Binding:
    """Bound to the budget and its key, not to a statement: one request, however often it is tried."""
    caller = s.desk.caller
    return Binding((), caller.user, caller.user, caller.database, 0, s.world.server, (over.digest,), over.words)


def go_further(s: Session, verdict: Hold, token: str) -> Generator[Ask | None, Any, Outcome]:
    """None: somebody allows the caller to go further than this budget, or just did, and it can be asked again."""
    over = verdict.over
    assert over is not None
    answer = yield FindApproval(binding(s, over), token)
    if isinstance(answer, Away):
        return explain.away(answer.what, answer.why)
    if isinstance(answer, NotValid):
        return explain.not_valid(answer, verdict)
    if not isinstance(answer, Approval):
        return verdict
    why = yield Claim((answer.number,))
    if isinstance(why, Away):
        return explain.away(why.what, why.why)
    if why:  # another session of the same caller was faster: what it got is there for all of them
        account = s.world.accounts.find(over.place)
        further = account.allowed(s.desk.caller.user, s.clock()) if account is not None else 0
        return None if further > over.allowed else explain.not_valid(NotValid(str(why), answer.number), verdict)
    further = over.further if answer.at_most is None else min(over.further, answer.at_most)
    account = s.world.accounts.open(over.place, over.budget.window)
    if not account.allow(s.desk.caller.user, further, s.clock() + answer.left):
        return explain.not_valid(NotValid("there is no room for one more allowance", answer.number), verdict)
    account.warned = False
    return None


def _warn(s: Session, counting: Counting, place: Place, account: Account) -> None:
    """At the first crossing of ``warn``: a warning to the client that crosses it, and one for the log."""
    budget = counting.budget
    if budget.warn is None:
        return
    now = s.clock()
    if account.sum(now) < budget.warn:
        account.warned = False
    elif not account.warned:
        account.warned = True
        message, detail = explain.nearly_spent(counting.spent(place, 0, account, now))
        s.world.accounts.warnings.append(f"{message}: {detail}")
        if not s.world.observe:  # there nobody is to notice
            s.spending.told.append(encode_notice({"C": "01000", "M": message, "D": detail}, severity="WARNING"))


def tell(s: Session, *, quiet: bool) -> None:
    """Put the warnings out, when no message of the server's is ``quiet``: half passed on."""
    if s.spending.told and quiet:
        s.to_client.extend(s.spending.told)
        s.spending.told.clear()
