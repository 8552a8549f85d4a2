"""The words of every refusal, request and report. MESSAGE alone must suffice: many drivers print nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from pgguard.checks.finding import Finding
from pgguard.evidence.measurement import Destroyed, Measurement, TableEffect
from pgguard.evidence.particulars import Particulars, Size
from pgguard.policy.binding import Filed, NotValid
from pgguard.policy.budget import Spent, blame
from pgguard.policy.consent import crowd
from pgguard.policy.limits import rows
from pgguard.policy.sqlstates import APPROVAL_NOT_VALID, APPROVAL_REQUIRED, AWAY, BEYOND_LIMIT, CANNOT_JUDGE, REFUSED
from pgguard.policy.verdict import Blame, Hold, Refusal, Refuse, Verdict

_MOST_LINES = 20  # of each sort: an ErrorResponse is for reading
_HEADS = {REFUSED: "refused", BEYOND_LIMIT: "beyond a limit", CANNOT_JUDGE: "cannot be judged"}
_HINTS = {
    REFUSED: "Nothing was changed, and nobody can approve this. What the policy should allow is for its owners to say.",
    BEYOND_LIMIT: "Nothing was changed, and the policy has no approval for this. "
    "What it should allow is for its owners to say.",
    CANNOT_JUDGE: "Nothing was changed. pgguard lets pass only what it can judge; "
    "what should run here all the same is for the policy's owners to say.",
}


def refusal(verdict: Hold | Refuse, *, request: Filed | None = None, not_filed: str = "") -> Refusal:
    """The words for this verdict. A Hold needs its ``request``; without one (``not_filed`` says why) there is nothing
    that a second person could approve, and it is PGG03."""
    detail = _detail(verdict)
    first = _first(verdict.blames)
    if isinstance(verdict, Refuse):
        head = _HEADS.get(verdict.sqlstate, "refused")
        hint = visible(verdict.hint) or _HINTS.get(verdict.sqlstate, "")
        return Refusal(verdict.sqlstate, f"{head}: {first}", detail, hint)
    if request is None:
        why = f" ({visible(not_filed)})" if not_filed else ""
        message = f"approval required, but no request was filed{why}: {first}"
        hint = "Nothing was changed. See to the open requests first: pgguard requests."
        return Refusal(BEYOND_LIMIT, message, detail, hint)
    number = f"request {request.number}"
    if request.denied:
        message = f"approval not valid: {number} was denied: {visible(request.denied)}, {first}"
        hint = f"Nothing was changed. Talk to whoever denied {number}: pgguard requests shows it."
        return Refusal(APPROVAL_NOT_VALID, message, detail, hint)
    if request.tries > 1:
        detail = "\n".join(filter(None, (detail, f"{number} was tried {request.tries} times.")))
    if request.votes:
        more = crowd(verdict.by, verdict.needs)
        detail = "\n".join(filter(None, (detail, f"{number} has {_approvals(request.votes)} so far; it needs {more}.")))
    who = crowd(verdict.by, verdict.needs)
    hint = _ask_further(verdict.over, who, number) if verdict.over else _ask(who, request.number)
    return Refusal(APPROVAL_REQUIRED, f"approval required: {number}, {first}", detail, hint)


def not_valid(found: NotValid, verdict: Hold | Refuse | None = None) -> Refusal:
    """A token or approval that does not hold (PGG04)."""
    number = f"request {found.number}, " if found.number else ""
    hint = (
        f"Nothing was changed. See what became of request {found.number}: pgguard requests."
        if found.number
        else "Nothing was changed. Check that pgguard.token is the one that was handed over for this very statement."
    )
    detail = _detail(verdict) if verdict else ""
    return Refusal(APPROVAL_NOT_VALID, f"approval not valid: {number}{visible(found.why)}", detail, hint)


def beyond_approval(number: int, what: str, verdict: Hold | Refuse | None = None) -> Refusal:
    """The statement did more than was approved (PGG04). ``what``: ``Approval.exceeded_by``."""
    return Refusal(
        APPROVAL_NOT_VALID,
        f"approval not valid: request {number} does not go so far, {visible(what)}",
        _detail(verdict) if verdict else "",
        f"Nothing was changed. Compare request {number} with what the statement does now: pgguard requests. "
        f"To ask for more, withdraw it (pgguard withdraw {number}) and run the statement again.",
    )


def away(what: str, why: str) -> Refusal:
    """pgguard's own store, audit or admin connection is away (PGG06)."""
    hint = "Nothing was changed. Those who run pgguard have to look at it; the same statement can run again afterwards."
    return Refusal(AWAY, f"pgguard cannot judge now: {visible(what)} is away: {visible(why)}", "", hint)


def broken_glass(number: int, verdict: Hold) -> tuple[str, str]:
    """MESSAGE and DETAIL of the warning to who goes ahead alone."""
    return f"break-glass: request {number} to review, {_first(verdict.blames)}", _detail(verdict)


def nearly_spent(spent: Spent) -> tuple[str, str]:
    """MESSAGE and DETAIL of a budget's warning."""
    says = blame(spent)
    how = "spent" if spent.sum >= (spent.budget.number or 0) + spent.allowed else "nearly spent"
    return f'budget "{visible(says.rule)}" is {how}: {visible(says.says)}', visible(says.more)


def report(measurement: Measurement) -> str:
    """One line for the NOTICE of pgguard.report: everything that was measured."""
    lines = [*effect_lines(measurement, inserted=True)]
    return "pgguard measured: " + ("; ".join(lines) if lines else "nothing was changed")


def dry_run(measurement: Measurement, verdict: Verdict) -> tuple[str, str]:
    """MESSAGE and DETAIL of a dry run's NOTICE: what was measured, as a table, and what the policy would say."""
    counts = [(measurement.deleted, "deleted"), (measurement.updated, "updated")]
    counts.append((sum(t.rows.inserted for t in measurement.tables), "inserted"))
    effect = ", ".join(rows(n, verb) for n, verb in counts if n) or "no rows changed"
    if measurement.destroyed:
        effect += f", {_objects(len(measurement.destroyed))} lost or changed"
    says = _would(verdict)
    return f"dry run, nothing was changed: {effect}; {says}", _as_table(measurement)


def _would(verdict: Verdict) -> str:
    if isinstance(verdict, Hold):
        return f"it would need approval: {_first(verdict.blames)}"
    return f"it would be refused: {_first(verdict.blames)}" if isinstance(verdict, Refuse) else "it would be allowed"


def _objects(count: int) -> str:
    return f"{count} object{'' if count == 1 else 's'}"


def _as_table(measurement: Measurement) -> str:
    """As psql draws tables, below the word DETAIL."""
    tables = sorted(measurement.tables, key=lambda t: (not t.named, -t.rows.lost, t.name))
    lines = [object_line(lost) for lost in measurement.destroyed[:_MOST_LINES]]
    if tables:
        head = ("table", "deleted", "updated", "inserted", "")
        body = [
            (visible(t.name.removeprefix("public.")), str(t.rows.deleted), str(t.rows.updated), str(t.rows.inserted),
             _cause(t).removeprefix(",").strip())
            for t in tables[:_MOST_LINES]
        ]  # fmt: skip
        wide = [max(len(row[at]) for row in (head, *body)) for at in range(4)]
        drawn = [" | ".join((one[0].ljust(wide[0]), *(one[n].rjust(wide[n]) for n in (1, 2, 3)), one[4])).rstrip(" |")
                 for one in (head, *body)]  # fmt: skip
        drawn.insert(1, "-+-".join("-" * width for width in wide))
        if rest := tables[_MOST_LINES:]:
            drawn.append(f"{len(rest)} more tables: {rows(sum(t.rows.lost for t in rest))}")
        lines = [*(f" {line}" for line in drawn), *lines]
    return "\n".join(("", *lines)) if lines else ""


def effect_lines(measurement: Measurement, *, inserted: bool = False) -> list[str]:
    """A line per table that loses rows and per object that is lost, the worst first."""
    tables = [t for t in measurement.tables if t.rows.lost or (inserted and t.rows.inserted)]
    tables.sort(key=lambda t: (not t.named, -t.rows.lost, t.name))
    lines = [table_line(t, inserted=inserted) for t in tables[:_MOST_LINES]]
    if rest := tables[_MOST_LINES:]:
        lines.append(f"{len(rest)} more tables: {rows(sum(t.rows.lost for t in rest))}")
    lines += [object_line(lost) for lost in measurement.destroyed[:_MOST_LINES]]
    if len(measurement.destroyed) > _MOST_LINES:
        lines.append(f"{len(measurement.destroyed) - _MOST_LINES} more objects")
    return lines


def finding_lines(findings: Iterable[Finding]) -> list[str]:
    """A line per check that found something."""
    return [f"{f.check}: {visible(f.says)}" for f in findings]


def blame_lines(blames: Iterable[Blame]) -> list[str]:
    """``rule "people", 52000 rows (limit 100)`` for each rule that says no."""
    return [f'rule "{visible(b.rule)}", {visible(b.says)}' if b.says else f'rule "{visible(b.rule)}"' for b in blames]


def object_line(lost: Destroyed) -> str:
    """``table public.invoices: dropped (about 12000 rows)``."""
    about = f" (about {rows(lost.rows)})" if lost.rows is not None else ""
    return f"{lost.kind} {visible(lost.name)}: {lost.how}{about}"


# Letters and marks that show nothing, though Unicode counts them as printable: enough of them and a terminal begins a
# new line, which could look like one of ours. Fillers, an empty braille cell, joiners and variation selectors.
_BLANK = frozenset(
    map(chr, (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0,
              *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)  # fmt: skip


def hidden(character: str) -> bool:
    """Whether it is one that a terminal would act on, or not show."""
    return not character.isprintable() or character in _BLANK


def visible(text: str) -> str:
    """``text`` with every ``hidden`` character made visible."""
    return "".join(c.encode("unicode_escape", "backslashreplace").decode() if hidden(c) else c for c in text)


def table_line(table: TableEffect, *, inserted: bool = False, of: str = "") -> str:
    """``inventory: 50000 rows deleted, probably by cascade from accounts``. ``of``: how many there are (``share``)."""
    counts = [(table.rows.deleted, "deleted"), (table.rows.updated, "updated")]
    if inserted:
        counts.append((table.rows.inserted, "inserted"))
    said = ", ".join(rows(n, verb) for n, verb in counts if n) or "no rows"
    return f"{_short(table.name)}: {said}{of}{_cause(table)}"


def _cause(table: TableEffect) -> str:
    """The counters do not tell a cascade from a trigger; that a foreign key leads there is a probable reason."""
    if table.named:
        return ""
    return f", probably by cascade from {_short(table.via)}" if table.via else " by cascade or trigger"


def share(table: TableEffect, size: Size | None) -> str:
    """`` of 2000 (100%)``, `` of about 60000 (83%, 45 MB)``; "" where nobody knows."""
    known = table.total if table.total is not None and not table.capped else None
    total = known if known is not None else size.rows if size is not None else None
    percent = min(100, round(100 * table.rows.lost / total)) if total else 0
    parts = [f"{percent}%" if percent else "below 1%"] if total and table.rows.lost else []
    if size is not None:
        parts.append(bytes_of(size.size))
    if total is None:
        return f" ({parts[0]})" if parts else ""
    return f" of {'' if known is not None else 'about '}{total}" + (f" ({', '.join(parts)})" if parts else "")


def bytes_of(number: int) -> str:
    """``45 MB``."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 10 * 1024:
            return f"{number} {unit}"
        number = round(number / 1024)
    return f"{number} TB"


def particular_lines(found: Particulars) -> list[tuple[str, str]]:
    """What a request tells besides the measurement, but for samples, as (field, line)."""
    lines = [("duration", f"{found.milliseconds:.0f} ms until it was judged")] if found.milliseconds else []
    lines += [("lock", f"{_short(table)}: {mode}") for table, mode in found.locks[:_MOST_LINES]]
    return [*lines, *(("dependent", visible(words)) for words in found.dependents[:_MOST_LINES])]


def sample_lines(found: Particulars) -> list[str]:
    """``accounts: id=17, email=...``: a line per row."""
    lines = []
    for sample in found.samples:
        masked = f" (and {sample.masked} masked)" if sample.masked else ""
        for row in sample.rows:
            values = (f"{visible(name)}={'NULL' if value is None else visible(value)}" for name, value in row)
            lines.append(f"{_short(sample.table)}: {', '.join(values)}{masked}")
    return lines


def _short(table: str) -> str:
    return visible(table.removeprefix("public."))


def _first(blames: tuple[Blame, ...]) -> str:
    lines = blame_lines(blames)
    return lines[0] if lines else "no rule was named"


def _detail(verdict: Hold | Refuse) -> str:
    lines = effect_lines(verdict.measurement) if verdict.measurement is not None else []
    more = [visible(blame.more) for blame in verdict.blames if blame.more]
    also = [f"Also: {line}" for line in blame_lines(verdict.blames[1:])]
    return "\n".join((*lines, *more, *also, *finding_lines(verdict.findings)))


def _approvals(count: int) -> str:
    return f"{count} approval{'' if count == 1 else 's'}"


def _ask(who: str, number: int) -> str:
    return (
        f"Ask {visible(who)} to review request {number}: pgguard approve {number}. "
        "Then run the same statement again."
    )


def _ask_further(over: Spent, who: str, number: str) -> str:
    what = "refusals" if over.budget.refusals is not None else "rows"
    return (
        f'Many small steps add up: stop what is running. Ask {visible(who)} to review {number}: '
        f"pgguard approve {number.removeprefix('request ')}. It lets you go {over.further} {what} further."
    )
