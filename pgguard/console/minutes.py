"""What people do at the console goes into the audit: who, about which request, whose it was, and what came of it."""

from __future__ import annotations

from pgguard.audit.record import AuditRecord
from pgguard.console.order import Failed, Order, Result
from pgguard.console.words import printable
from pgguard.errors import StoreUnavailable
from pgguard.policy.sqlstates import AWAY
from pgguard.store.request import Request

DATABASE = "pgguard"


async def keep(order: Order, answer: Result | Failed) -> Result | Failed:
    """``answer``, once it is recorded. What was decided stays decided: its record is written later, when there is room
    again, and whoever decided is told so."""
    house = order.desk.house
    if house is None:
        return answer
    try:
        await house.record(await _record(order, answer), required=order.desk.policy().audit == "required")
    except StoreUnavailable as trouble:
        done = "it was not done" if isinstance(answer, Failed) else f"the {order.verb} is in force"
        return Failed(AWAY, f"{trouble}; {done}", "Its record is written as soon as the audit takes records again.")
    return answer


async def _record(order: Order, answer: Result | Failed) -> AuditRecord:
    number = order.values.get("n")
    request = await _request(order, number)
    return AuditRecord(
        session="console", caller=order.person, role=order.person, client=order.address, application=order.application,
        database=DATABASE, statement=said(order), digest="", kind="console",
        verdict="refuse" if isinstance(answer, Failed) else order.verb,
        rule=answer.message if isinstance(answer, Failed) else "",
        measured=_measured(request), destroyed=(), request=request.number if request is not None else None,
        requester=request.requester if request is not None else "",
    )  # fmt: skip


async def _request(order: Order, number: int | str | None) -> Request | None:
    text = str(number or "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        return None
    try:
        return await order.desk.store.show(int(text))
    except StoreUnavailable:
        return None  # the record says by whom, and which words


def said(order: Order) -> str:
    """The command with its values, whatever way these came."""
    values = iter(order.values.values())
    words = (_value(next(values, None)) if word in "nsp" else word for word in order.shape.split(" "))
    return " ".join(words)


def _value(value: int | str | None) -> str:
    text = printable(str(value)) if value is not None else "NULL"
    return text if text.isdigit() else "'" + text.replace("'", "''") + "'"


def _measured(request: Request | None) -> dict[str, dict[str, int]]:
    """What a request's statements were measured to do, as the audit has it."""
    effect = request.asked.measurement if request is not None else None
    return {
        t.name: {"inserted": t.rows.inserted, "updated": t.rows.updated, "deleted": t.rows.deleted}
        for t in (effect.tables if effect is not None else ())
    }
