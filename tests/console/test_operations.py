"""Who may steer pgguard from its console, what they get told, and what of it stands in the audit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from pgguard.console.commands import find
from pgguard.console.desk import Desk
from pgguard.console.language import match, resolved, statements
from pgguard.console.minutes import keep
from pgguard.console.order import Command, Failed, Order, Result
from pgguard.policy.load import loads
from pgguard.policy.model import Console as ConsolePart
from pgguard.store.requests import Store
from tests.console.stand import Group, House, Policy, members, request


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    store = await Store.open(f"sqlite:///{tmp_path}/state.db", deadline=20.0)
    yield Desk(store, members, Policy, house=House())
    await store.close()


async def ask(desk: Desk, text: str, person: str = "bob", *, proved: bool = True) -> Result | Failed:
    """As a connection does it."""
    (said,) = statements(text)
    command = find(said)
    assert isinstance(command, Command)
    given = {name: resolved(value, ()) for name, value in (match(command.wanted, said) or {}).items()}
    order = Order(person, proved, desk, given, said.shape, command.verb, "10.0.0.9", "psql")
    answer = await command.run(order)
    return await keep(order, answer) if command.verb else answer


def house(desk: Desk) -> House:
    assert isinstance(desk.house, House)
    return desk.house


STEERING = ["reload", "kill 4711", "pause", "pause '2m'", "resume"]


@pytest.mark.parametrize("text", STEERING)
async def test_who_was_not_asked_for_a_password_steers_nothing(desk: Desk, text: str) -> None:
    answer = await ask(desk, text, proved=False)

    assert isinstance(answer, Failed)
    assert answer.sqlstate == "42501"
    assert not house(desk).done


@pytest.mark.parametrize("text", STEERING)
async def test_without_admins_approvers_may_and_nobody_else(desk: Desk, text: str) -> None:
    answer = await ask(desk, text, "eve")

    assert isinstance(answer, Failed)
    assert answer.message.endswith(": you are in no role that may")
    assert not house(desk).done

    await ask(desk, "pause")

    assert isinstance(await ask(desk, text, "bob"), Result)


@pytest.mark.parametrize("text", STEERING)
async def test_with_admins_only_they_may(desk: Desk, text: str) -> None:
    policy = Policy(console=ConsolePart.model_validate({"admins": ["staff"]}))
    desk = replace(desk, policy=lambda: policy)
    await ask(desk, "pause", "eve")

    assert isinstance(await ask(desk, text, "bob"), Failed)
    assert isinstance(await ask(desk, text, "eve"), Result)


async def test_what_steering_answers(desk: Desk) -> None:
    assert await ask(desk, "pause '2m'") == Result((("1970-01-01 00:02:00Z", "2"),), "PAUSE")
    assert await ask(desk, "pause") == Result((("1970-01-01 00:01:00Z", "2"),), "PAUSE")
    assert await ask(desk, "resume") == Result((), "RESUME")
    assert await ask(desk, "resume") == Failed("55000", "nothing is paused")
    assert await ask(desk, "pause '2h'") == Failed("22003", "a pause is from 1s to 60m long")
    assert isinstance(await ask(desk, "pause 'soon'"), Failed)
    assert await ask(desk, "kill 4711") == Result((), "KILL")
    assert await ask(desk, "kill 4712") == Failed("42704", "there is no session 4712", "SHOW SESSIONS lists them.")
    assert await ask(desk, "reload") == Result((), "RELOAD")

    house(desk).wrong = "policy not reloaded: p.yaml:3: this is not YAML"

    assert await ask(desk, "reload") == Failed(
        "F0000", "policy not reloaded: p.yaml:3: this is not YAML", "What was in force stays in force."
    )


async def test_sessions_and_counts_are_shown_to_everybody(desk: Desk) -> None:
    sessions = await ask(desk, "show sessions", "eve")
    stats = await ask(desk, "show stats", "eve")

    assert isinstance(sessions, Result) and isinstance(stats, Result)
    assert sessions.rows == (
        (None, "bob", "pgguard", "local", "", "console", "", "1970-01-01 00:00:01Z", "0"),
        ("4711", "ann", "shop", "10.0.0.1", "psql\\u001b[2J", "active", "store", "1970-01-01 00:00:00Z", "0"),
    )
    assert stats.rows == (("shop", "10", "4", "3", "2", "1"),)


async def test_rules_are_those_of_the_policy_in_force(desk: Desk) -> None:
    policy = loads((Path(__file__).parents[2] / "policies" / "production.yaml").read_text())
    answer = await ask(replace(desk, policy=lambda: policy), "show rules", "eve")

    assert isinstance(answer, Result)
    rows = {row[0]: row[1:] for row in answer.rows}
    assert rows["people"] == ("limit", "caller: people", "100 rows", "approve")
    assert rows["apps"] == ("limit", "caller: apps", "1000 rows deleted, 20000 rows updated", "approve")
    assert rows["most-of-a-table"] == ("limit", "", "20% of a table, at least 50 rows", "approve")
    assert rows["destroys"] == ("rule", "destroys: any", "except table staging.*", "approve")
    assert rows["slow-bleed"] == ("budget", "caller: people", "10000 rows in 1 hour per caller, database", "approve")


async def test_decisions_are_recorded_with_both_persons(desk: Desk) -> None:
    await desk.store.file(request())
    await desk.store.file(request("drop table x"))

    assert isinstance(await ask(desk, "approve 1 at most 60000", "ann"), Failed)
    assert isinstance(await ask(desk, "deny 2 'it''s\x1b[2J too much'"), Result)
    assert isinstance(await ask(desk, "withdraw 1", "ann"), Result)
    assert isinstance(await ask(desk, "approve 99"), Failed)

    own, denied, withdrawn, none = house(desk).records
    assert (own.caller, own.verdict, own.request, own.requester) == ("ann", "refuse", 1, "ann")
    assert own.rule == "you cannot approve your own request 1"
    assert own.statement == "APPROVE 1 AT MOST 60000"
    assert own.measured["public.inventory"] == {"inserted": 0, "updated": 0, "deleted": 50000}
    assert (denied.caller, denied.verdict, denied.request, denied.requester) == ("bob", "deny", 2, "ann")
    assert denied.statement == "DENY 2 'it''s\\u001b[2J too much'"
    assert (denied.session, denied.database, denied.kind) == ("console", "pgguard", "console")
    assert denied.client == "10.0.0.9"
    assert (withdrawn.verdict, withdrawn.caller, withdrawn.requester) == ("withdraw", "ann", "ann")
    assert (none.verdict, none.request, none.requester) == ("refuse", None, "")


async def test_looking_is_not_recorded_and_steering_is(desk: Desk) -> None:
    for text in ("show requests", "show sessions", "show rules", "pause '1m'", "kill 4711"):
        await ask(desk, text)

    assert [record.statement for record in house(desk).records] == ["PAUSE '1m'", "KILL 4711"]


async def test_a_decision_without_its_record_is_said_to_be_so(desk: Desk) -> None:
    policy = Policy(audit="required", approvers={"dba": Group(frozenset({"dba"}), 0.0)})
    desk = replace(desk, policy=lambda: policy)
    house(desk).away = True
    await desk.store.file(request())
    answer = await ask(desk, "deny 1 'no'")

    assert isinstance(answer, Failed)
    assert answer.sqlstate == "PGG06"
    assert answer.message == "audit file x: no space left on device; the deny is in force"

    answer = await ask(desk, "deny 1 'no'")

    assert isinstance(answer, Failed)
    assert answer.message.endswith("; it was not done")


async def test_without_a_proxy_there_is_nothing_to_steer(desk: Desk) -> None:
    for text in ("show sessions", "show stats", "reload", "kill 1", "pause", "resume"):
        answer = await ask(replace(desk, house=None), text)

        assert isinstance(answer, Failed)
        assert answer.sqlstate == "0A000"
