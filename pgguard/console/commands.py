"""The table of the console's commands."""

from __future__ import annotations

import time

from pgguard.console.language import Said, match
from pgguard.console.operations import OPERATIONS
from pgguard.console.order import SYNTAX, WRONG_VALUE, Command, Failed, Order, Result, row, unproved
from pgguard.console.order import seconds as seconds_of
from pgguard.console.words import budget_row, listing_row, moment, printable, request_lines
from pgguard.policy.consent import Terms
from pgguard.policy.sqlstates import AWAY
from pgguard.store.lifecycle import NO_SUCH, NOT_NOW, Answer

_HIGHEST = 2**31 - 1  # of a request's number
_LONGEST_REASON = 500  # it becomes part of an error message


async def show_requests(order: Order) -> Result | Failed:
    return Result(tuple(listing_row(request) for request in await order.desk.store.listing(True)), "SHOW")


async def show_all_requests(order: Order) -> Result | Failed:
    return Result(tuple(listing_row(request) for request in await order.desk.store.listing(False)), "SHOW")


async def show_request(order: Order) -> Result | Failed:
    number = order.number("n", _HIGHEST)
    if not isinstance(number, int):
        return number or Failed(SYNTAX, "a number is missing")
    request = await order.desk.store.show(number)
    if request is None:
        return Failed(NO_SUCH, f"there is no request {number}")
    # What stands in a table is for those who are asked about it, not for everybody who can sign in.
    asked = order.proved and request.requester != order.person
    samples = asked and bool(set(request.asked.by) & set((await order.desk.approver(order.person)).groups))
    return Result(tuple(request_lines(request, samples=samples)), "SHOW")


async def approve(order: Order) -> Result | Failed:
    number, at_most, uses = order.number("n", _HIGHEST), order.number("k", 2**62), order.number("u", 2**31)
    seconds = seconds_of(order.values.get("time"))
    for value in (at_most, uses, seconds):
        if isinstance(value, Failed):
            return value
    assert not isinstance(at_most, Failed) and not isinstance(uses, Failed) and not isinstance(seconds, Failed)
    if not isinstance(number, int):
        return number or Failed(SYNTAX, "a number is missing")
    if not order.proved:
        return unproved("approve")
    if (gone := await _requester_is_gone(order, number)) is not None:
        return gone
    terms = Terms(at_most, 1 if uses is None else uses, seconds, order.shape.endswith(" TOKEN"))
    answer = await order.desk.store.approve(number, await order.desk.approver(order.person), terms)
    said = (str(number), answer.state, order.person, moment(answer.expires), answer.token or None)
    return _refused(answer) or Result((said,), "APPROVE")


async def _requester_is_gone(order: Order, number: int) -> Failed | None:
    """FAIL CLOSED: a role that was renamed since is another name for the same person, who would approve alone."""
    request = await order.desk.store.show(number)
    if request is None or await order.desk.is_role(request.requester):
        return None
    gone = f'the role "{printable(request.requester)}", whose request {number} it is, is not there any more'
    return Failed(NOT_NOW, gone, "It can be denied.")


async def withdraw(order: Order) -> Result | Failed:
    number = order.number("n", _HIGHEST)
    if not isinstance(number, int):
        return number or Failed(SYNTAX, "a number is missing")
    if not order.proved:
        return unproved("withdraw")
    answer = await order.desk.store.withdraw(number, order.person)
    return _refused(answer) or Result(((str(number), answer.state, order.person),), "WITHDRAW")


async def deny(order: Order) -> Result | Failed:
    number = order.number("n", _HIGHEST)
    if not isinstance(number, int):
        return number or Failed(SYNTAX, "a number is missing")
    reason = printable(str(order.values.get("reason") or ""))
    if not reason:
        return Failed(WRONG_VALUE, "a reason is needed to deny a request")
    if len(reason) > _LONGEST_REASON:
        return Failed(WRONG_VALUE, f"the reason has {len(reason)} characters (limit {_LONGEST_REASON})")
    if not order.proved:
        return unproved("deny")
    answer = await order.desk.store.deny(number, await order.desk.approver(order.person), reason)
    return _refused(answer) or Result(((str(number), answer.state, order.person, reason),), "DENY")


async def show_budgets(order: Order) -> Result | Failed:
    desk = order.desk
    now, wall = desk.clock(), time.time()
    known = {budget.name: budget for budget in desk.policy().budgets}
    return Result(tuple(
        budget_row(known[place[0]], place, account, now, wall)
        for place, account in desk.accounts.each()
        if place[0] in known and account.sum(now)
    ), "SHOW")  # fmt: skip


async def show_help(order: Order) -> Result | Failed:
    return Result(tuple((command.usage, command.doc) for command in COMMANDS), "SHOW")


async def show_version(order: Order) -> Result | Failed:
    return Result(((f"pgguard {order.desk.version}",),), "SHOW")


def _refused(answer: Answer) -> Failed | None:
    return Failed(answer.sqlstate, answer.says, answer.hint) if answer.refused else None


_REQUESTS = "request state requester database rows rule statement approver_group tries filed expires"

COMMANDS: tuple[Command, ...] = (
    row("SHOW REQUESTS", _REQUESTS, show_requests, "open requests, the newest first"),
    row("SHOW ALL REQUESTS", _REQUESTS, show_all_requests, "all requests, the newest 500 of them"),
    row("SHOW REQUEST n", "field value", show_request, "everything about one request"),
    row("APPROVE n [AT MOST k] [USES u] [FOR 'time'] [TOKEN]", "request state by expires token", approve,
         "let request n run once (u times, for so long), losing at most k rows; with TOKEN only for who has the token"),
    row("DENY n 'reason'", "request state by reason", deny, "refuse request n; its requester is told the reason"),
    row("WITHDRAW n", "request state by", withdraw, "take back a request of your own, approved or not"),
    row("SHOW BUDGETS", "budget key spent limit window resets", show_budgets, "what is spent of the budgets now"),
    *OPERATIONS,
    row("SHOW HELP", "command does", show_help, "this list"),
    row("SHOW VERSION", "version", show_version, "pgguard's version"),
)  # fmt: skip


def find(said: Said) -> Command | Failed:
    """The command that was meant."""
    for command in COMMANDS:
        if match(command.wanted, said) is not None:
            return command
    usages = ", ".join(command.usage for command in COMMANDS)
    return Failed(SYNTAX, "this is not a command of the pgguard console", f"Commands are: {usages}.")


def away(trouble: Exception) -> Failed:
    """The refusal when something that a command needs did not answer."""
    return Failed(AWAY, str(trouble), "Nothing is certain to have changed. Look with SHOW REQUESTS, then try again.")
