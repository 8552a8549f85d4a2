"""A request in words: one row of a listing, and the lines of one request."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from pgguard.policy.account import Account, Place, words
from pgguard.policy.budget import duration, limit
from pgguard.policy.consent import Vote, crowd
from pgguard.policy.explain import hidden, object_line, particular_lines, sample_lines, share, table_line
from pgguard.policy.model import Budget
from pgguard.store.request import Request, State

_SHORT = 100  # characters of a statement in a listing
_READ = 1000  # of which so many are looked at
_UNMEASURED = "not measured: what it does is known only when it is done"
_BREAKS = re.compile(r"\r\n|\n|\r")
_BACKSLASHES = re.compile(r"\\+")
_SPACES = re.compile(r"[ \t]+")


def printable(text: str) -> str:
    """``text`` on one line and safe to show: statements are hostile text, and a terminal obeys control characters
    (ISO 6429) and bidirectional marks that could show an approver something else than what will run.

    Line breaks stay visible, as a backslash and n: behind ``--`` they decide what is a comment and what is not. A
    backslash that stands in the text itself is doubled where it could be taken for one of ours.
    """
    lines = (" ".join(_SPACES.split(_BACKSLASHES.sub(_doubled, line))).strip() for line in _BREAKS.split(text.strip()))
    return "".join(f"\\u{ord(c):04x}" if hidden(c) else c for c in " \\n ".join(lines))


def _doubled(found: re.Match[str]) -> str:
    behind = found.string[found.end() : found.end() + 1]
    return found[0] * 2 if behind and (behind in "nu" or hidden(behind)) else found[0]


def moment(seconds: float | None) -> str:
    """A moment in UTC to the second; "" for none."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def statement(request: Request) -> str:
    """The statements of the request, in order, on one line; or the budget that it wants to go beyond."""
    if not request.asked.binding.statements:
        return f"budget {printable(request.asked.binding.budget)}"
    said = []
    for bound in request.asked.binding.statements[:_SHORT]:  # a listing has no room for more
        said.append(printable(bound.text[:_READ].rstrip().removesuffix(";")))
    return "; ".join(said)


def shortened(text: str) -> str:
    return text if len(text) <= _SHORT else text[: _SHORT - 3] + "..."


def listing_row(request: Request) -> tuple[str | None, ...]:
    """A row of SHOW REQUESTS; ``commands`` names its columns."""
    blames = request.asked.blames
    return (
        str(request.number), request.state.value, printable(request.requester),
        printable(request.asked.binding.database), None if request.rows is None else str(request.rows),
        printable(blames[0].rule) if blames else None, shortened(statement(request)),
        printable(", ".join(request.asked.by)), str(request.tries), moment(request.filed), moment(_ends(request)),
    )  # fmt: skip


def budget_row(budget: Budget, place: Place, account: Account, now: float, wall: float) -> tuple[str | None, ...]:
    """A row of SHOW BUDGETS. ``now`` is the accounts' clock, ``wall`` the same moment for people."""
    resets = account.resets(now)
    return (
        budget.name, printable(words(place)), str(account.sum(now)), limit(budget), duration(budget.window),
        None if resets is None else moment(wall + resets - now),
    )  # fmt: skip


def request_lines(request: Request, *, samples: bool = False) -> list[tuple[str, str]]:
    """Everything a person needs to answer a request, as (field, value); a field can come more than once. ``samples``:
    also rows that would be lost, which not everybody may see who may see the request."""
    asked, binding = request.asked, request.asked.binding
    sizes = asked.particulars.sizes
    lines = [
        ("request", str(request.number)),
        ("state", request.state.value),
        ("requester", binding.caller),
        ("role", binding.role if binding.role != binding.caller else ""),
        ("database", binding.database),
        ("server", binding.server),
        ("application", asked.application),
        ("client", asked.address),
        ("environment", asked.environment),
        ("reason", asked.reason[:_READ]),
        ("not_shown", _missing(len(asked.reason) - _READ, "the reason")),
        *(("statement", bound.text or "(nothing of it is shown)") for bound in binding.statements),
        *(("not_shown", _missing(b.left_out, f"statement {n}")) for n, b in enumerate(binding.statements, 1)),
        ("budget", binding.budget),
        *(("rule", f"{blame.rule}: {blame.says}") for blame in asked.blames),
        *(("finding", f"{finding.check}: {finding.says}") for finding in asked.findings),
        ("rows", _UNMEASURED if request.rows is None else str(request.rows)),
    ]
    if asked.measurement is not None:
        tables = ((table, share(table, sizes.get(table.oid))) for table in asked.measurement.tables)
        lines += [("table", table_line(table, inserted=True, of=of)) for table, of in tables]
        lines += [("destroyed", object_line(gone)) for gone in asked.measurement.destroyed]
    lines += particular_lines(asked.particulars)
    if samples:
        lines += [("sample", line) for line in sample_lines(asked.particulars)]
    elif asked.particulars.samples:
        lines.append(("sample", "shown to its approvers"))
    if request.last_rows is not None and request.last_rows != request.rows:
        lines.append(("rows of the latest try", str(request.last_rows)))
    lines += [
        ("tries", str(request.tries)),
        ("approver_group", ", ".join(asked.by)),
        ("needs", crowd(asked.by, asked.needs) if asked.needs > 1 or len(asked.by) > 1 else ""),
        *(("approved_by", _vote(vote)) for vote in request.votes),
        ("filed", moment(request.filed)),
        ("decided_by", request.decided_by),
        ("decided", moment(request.decided)),
        ("denied_because", request.denial),
        ("at_most", "" if request.at_most is None else str(request.at_most)),
        ("token", "needed to use it" if request.jti else ""),
        ("uses", f"{request.remaining} of {request.uses} left" if request.recurring else ""),
        ("used", moment(request.used)),
        ("outcome", _outcome(request)),
        ("expires", moment(_ends(request))),
    ]
    return [(field, printable(value)) for field, value in lines if value]


def _missing(characters: int, of: str) -> str:
    """A field of its own: whatever stood in the text itself, its author could have written."""
    return f"the last {characters} characters of {of}" if characters > 0 else ""


def _ends(request: Request) -> float | None:
    """What has to be reviewed waits for as long as that takes."""
    return None if request.state in (State.REVIEW, State.REVIEWED) else request.expires


def _vote(vote: Vote) -> str:
    terms = vote.terms
    said = [f"at most {terms.at_most} rows"] if terms.at_most is not None else []
    said += [f"{terms.uses} uses"] if terms.uses > 1 else []
    said += [f"for {duration(terms.seconds)}"] if terms.seconds is not None else []
    return f"{vote.person} ({', '.join(said)})" if said else vote.person


def _outcome(request: Request) -> str:
    """Spent before the COMMIT: when pgguard ended in between, nobody has seen how that ended. That of a budget's
    request is spent when it is added to the budget."""
    if request.used is None or not request.asked.binding.statements:
        return ""
    if request.outcome == "failed":
        return "failed; what it had done until then may stay"
    return request.outcome or "spent; how its COMMIT ended was not seen"
