"""The commands that look at the running pgguard and steer it: sessions, rules, counts, RELOAD, KILL, PAUSE, RESUME."""

from __future__ import annotations

from pgguard.console.house import House
from pgguard.console.order import SYNTAX, Command, Failed, Order, Result, row, seconds, unproved
from pgguard.console.rule_words import rule_rows
from pgguard.console.words import moment, printable
from pgguard.store.lifecycle import NO_SUCH, NOT_YOU

CONFIG_ERROR = "F0000"  # config_file_error
NOT_HERE = "0A000"  # feature_not_supported
OUT_OF_RANGE = "22003"

_PAUSE = 60.0  # seconds, when PAUSE does not say how long
_LONGEST_PAUSE = 3600.0


async def show_sessions(order: Order) -> Result | Failed:
    house = _house(order)
    if isinstance(house, Failed):
        return house
    found = sorted(await house.sessions(), key=lambda seen: (seen.database, seen.user, seen.pid or 0))
    return Result(tuple(
        (None if seen.pid is None else str(seen.pid), printable(seen.user), printable(seen.database),
         printable(seen.address), printable(seen.application), seen.state, seen.waits_for, moment(seen.since),
         str(seen.worker))
        for seen in found
    ), "SHOW")  # fmt: skip


async def show_rules(order: Order) -> Result | Failed:
    return Result(rule_rows(order.desk.policy()), "SHOW")


async def show_stats(order: Order) -> Result | Failed:
    house = _house(order)
    if isinstance(house, Failed):
        return house
    return Result(tuple(
        (printable(database), *(str(n) for n in (c.statements, c.proved, c.measured, c.held, c.refused)))
        for database, c in sorted((await house.stats()).items())
    ), "SHOW")  # fmt: skip


async def reload(order: Order) -> Result | Failed:
    house = await _steered(order)
    if isinstance(house, Failed):
        return house
    wrong = await house.reload()
    if wrong:
        return Failed(CONFIG_ERROR, wrong, "What was in force stays in force.")
    return Result((), "RELOAD")


async def kill(order: Order) -> Result | Failed:
    pid = order.number("p", 2**31 - 1)
    if not isinstance(pid, int):
        return pid or Failed(SYNTAX, "a number is missing")
    house = await _steered(order)
    if isinstance(house, Failed):
        return house
    if not await house.kill(pid):
        return Failed(NO_SUCH, f"there is no session {pid}", "SHOW SESSIONS lists them.")
    return Result((), "KILL")


async def pause(order: Order) -> Result | Failed:
    wanted = seconds(order.values.get("time"))
    if isinstance(wanted, Failed):
        return wanted
    if wanted is not None and not 0 < wanted <= _LONGEST_PAUSE:
        return Failed(OUT_OF_RANGE, f"a pause is from 1s to {_LONGEST_PAUSE / 60:.0f}m long")
    house = await _steered(order)
    if isinstance(house, Failed):
        return house
    busy, until = await house.pause(_PAUSE if wanted is None else wanted)
    return Result(((moment(until), str(busy)),), "PAUSE")


async def resume(order: Order) -> Result | Failed:
    house = await _steered(order)
    if isinstance(house, Failed):
        return house
    if not await house.resume():
        return Failed("55000", "nothing is paused")
    return Result((), "RESUME")


def _house(order: Order) -> House | Failed:
    return order.desk.house or Failed(NOT_HERE, "no proxy runs behind this console")


async def _steered(order: Order) -> House | Failed:
    """FAIL CLOSED: only for those whom the policy lets do it, and who they are the server has asked."""
    if not order.proved:
        return unproved(order.verb)
    if not await order.desk.may_operate(order.person):
        return Failed(NOT_YOU, f"cannot {order.verb}: you are in no role that may", "The policy's console.admins may.")
    return _house(order)


OPERATIONS: tuple[Command, ...] = (
    row("SHOW SESSIONS", "pid user database address application state waits_for since worker", show_sessions,
        "client connections"),
    row("SHOW RULES", "name kind match says then", show_rules, "the policy in force: rules, limits and budgets"),
    row("SHOW STATS", "database statements proved measured held refused", show_stats,
        "how many statements came to what, since the start"),
    row("RELOAD", "", reload, "take the policy, certificates and audit file that are on disk now"),
    row("KILL p", "", kill, "end the connection with this pid"),
    row("PAUSE ['time']", "until busy", pause, "let no new statement begin, for a minute or so long"),
    row("RESUME", "", resume, "end the pause"),
)  # fmt: skip
