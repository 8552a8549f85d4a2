"""The answers of ``decide`` and what it is asked with, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pgguard.checks.finding import Finding
from pgguard.evidence.measurement import Measurement
from pgguard.sql.statement import Statement

if TYPE_CHECKING:
    from pgguard.policy.budget import Spent


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. ``user`` is session_user as signed in; ``claim`` is pgguard.environment ("" when not claimed)."""

    user: str
    database: str
    application: str = ""
    address: str = ""
    role: str = ""  # current_user, where known
    claim: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to do: the statements of one unit, in order, and what the checks found in them."""

    caller: Caller
    statements: tuple[Statement, ...]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known so far of the effect. The transaction's sum, not the statement's alone.

    harmless     proved to change and destroy nothing that policies speak of
    bound        proved upper bound of rows lost by the transaction so far with this statement (no measurement needed);
                 ``bound_deleted`` of them by DELETE
    measurement  what was really measured (sum of the transaction, minus approved ceilings)
    measurable   False: it cannot run inside a transaction (VACUUM, DROP DATABASE), or cannot be counted (``why``)
    at_commit    the client asks to commit: the whole transaction is judged
    spent        what each budget that counts this effect would come to with it
    """

    harmless: bool = False
    bound: int | None = None
    bound_deleted: int = 0
    measurement: Measurement | None = None
    measurable: bool = True
    at_commit: bool = False
    why: str = ""
    spent: tuple[Spent, ...] = ()


@dataclass(frozen=True, slots=True)
class Allow:
    """Nothing speaks against it. ``rule`` names an allow-unmeasured rule that decided, else ""."""

    rule: str = ""
    unmeasured: bool = False


@dataclass(frozen=True, slots=True)
class Measure:
    """Some rule could still say no: run it held back, and ask again with a Measurement."""


@dataclass(frozen=True, slots=True)
class Blame:
    """One rule, limit or budget that says no."""

    rule: str
    says: str  # "52000 rows (limit 100)", "destroys table invoices", ...
    digest: str  # of the rule's own content: approvals are bound to it
    more: str = ""  # a whole line, for DETAIL


@dataclass(frozen=True, slots=True)
class Hold:
    """A second person may allow it: file a request (PGG02). ``blames`` has at least one entry, the strictest first.
    ``over``: it is a budget that holds it, and what is asked for is to go further, whatever the statement."""

    blames: tuple[Blame, ...]
    by: tuple[str, ...]  # the approver groups, each of which has to send ``needs`` people
    expires: float  # seconds from approval
    measurement: Measurement | None = None
    findings: tuple[Finding, ...] = ()
    over: Spent | None = None
    needs: int = 1


@dataclass(frozen=True, slots=True)
class Refuse:
    """No. ``sqlstate`` PGG01, PGG03 or PGG05."""

    sqlstate: str
    blames: tuple[Blame, ...]
    measurement: Measurement | None = None
    findings: tuple[Finding, ...] = ()
    hint: str = ""


Verdict = Allow | Measure | Hold | Refuse


@dataclass(frozen=True, slots=True)
class Refusal:
    """The words of a refusal, as they go into an ErrorResponse."""

    sqlstate: str
    message: str
    detail: str = ""
    hint: str = ""
    fields: dict[str, str] = field(default_factory=dict)
