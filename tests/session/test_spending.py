"""Budgets in a session: whatever is sent, committed losses stay within them, and what was not lost is given back."""

from __future__ import annotations

import threading
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.errors import AccountsUnavailable
from pgguard.policy.account import Account
from pgguard.policy.binding import Approval
from pgguard.policy.shared_account import SharedAccounts, size
from pgguard.policy.verdict import Caller
from pgguard.session import asks
from pgguard.session.world import World
from pgguard.wire.backend import error_fields
from tests.policy.sharing import Steps, sights
from tests.session import scripts, shop
from tests.session.client_script import SYNC, TERMINATE, pbe, q
from tests.session.stage import Stage, short

ROWS = 6
PLACE = ("bleed", "rows", (("caller", "ann"),))
DICE = st.none() | st.integers(0, 2**32).map(Random)
KEYED = scripts.KEYED + scripts.CONTROL + scripts.HARMLESS + scripts.FEW[:3]


def policy(*, what: str = f"rows: {ROWS}", beyond: str = "approve", more: str = "", per: str = "caller") -> str:
    limits, rules = shop.POLICY.index("limits:"), shop.POLICY.index("rules:")
    budget = f"{{name: bleed, match: {{caller: people}}, per: [{per}], {what}, window: 30d, beyond: {beyond}{more}}}"
    return f"{shop.POLICY[:limits]}{shop.POLICY[rules:]}budgets:\n  - {budget}\n"


def world(**more: Any) -> World:
    return shop.world(policy(**more))


def account(where: World) -> Account:
    return where.accounts.open(PLACE, 2_592_000.0)


def spent(where: World) -> int:
    return account(where).sum(0.0)


def refusals(stage: Stage) -> list[dict[str, str]]:
    return [error_fields(m) for m in stage.messages if m[:1] == b"E"]


def lost(*stages: Stage) -> int:
    return sum(commit.lost for stage in stages for commit in stage.model.db.commits)


@given(script=scripts.scripts(), dice=DICE)
def test_no_more_is_ever_committed_than_the_budget(script: scripts.Script, dice: Random | None) -> None:
    where = world()
    stage = Stage(world=where, dice=dice).play(script)

    assert lost(stage) <= ROWS
    assert lost(stage) <= spent(where)
    assert not stage.model.violations
    assert not stage.disagreements
    if stage.session.at_rest:
        assert account(where).held == 0
    stage.session.closed()
    assert account(where).held == account(where).holders == 0
    assert lost(stage) <= spent(where)


@given(script=scripts.scripts(KEYED, tables=("t",), polite=True), dice=DICE)
def test_what_is_spent_is_exactly_what_was_lost(script: scripts.Script, dice: Random | None) -> None:
    """No DDL, no unread code: every statement says how many rows it was."""
    where = world(what="rows: 1000000")
    waiting = [x for piece in script for x in (piece, None)]  # else counters are not at zero where a block begins
    stage = Stage(world=where, dice=dice).play([*waiting, q("rollback"), None, q("select 1")])

    if stage.session.at_rest and not stage.session.tx.ledger.fell:
        missed = sum(word in ("DELETE_0", "UPDATE_0") for word in stage.said().split())
        assert lost(stage) <= spent(where) <= lost(stage) + 2 * missed


@given(turns=st.lists(st.tuples(st.booleans(), st.sampled_from(KEYED)), max_size=25))
def test_two_sessions_have_one_budget(turns: list[tuple[bool, str]]) -> None:
    where = world()
    one, two = Stage(world=where), Stage(world=where, ident="s2")
    for first, text in turns:
        (one if first else two).play([q(text)])

        assert lost(one, two) <= ROWS
        assert lost(one, two) <= spent(where)


@given(turns=st.lists(st.tuples(st.booleans(), st.sampled_from(KEYED)), max_size=25))
def test_sessions_of_two_processes_have_one_budget(turns: list[tuple[bool, str]]) -> None:
    several, loop = sights(2)
    worlds = [world(), world()]
    for where, accounts in zip(worlds, several, strict=True):
        where.accounts = accounts
    one, two = Stage(world=worlds[0]), Stage(world=worlds[1], ident="s2")
    for first, text in turns:
        (one if first else two).play([q(text)])
        loop.over()

        assert lost(one, two) <= ROWS
        assert lost(one, two) <= spent(worlds[0]) == spent(worlds[1])
        loop.over()


@pytest.mark.parametrize("text", ["delete from t where id = 1", "delete from t where id < 4"])
def test_nothing_is_sent_while_the_accounts_are_not_to_be_had(text: str) -> None:
    where = world()
    stage = Stage(world=where).play([q("select 1")])
    lock = threading.Lock()
    where.accounts = SharedAccounts(memoryview(bytearray(size(100))), lock, Steps().later, patience=0)
    with lock, pytest.raises(AccountsUnavailable):
        stage.play([q(text)])

    assert not lost(stage)
    assert not any(b"commit" in sent.lower() for sent in stage.session.to_server)


def test_what_is_under_way_stays_held_when_the_accounts_are_not_to_be_had_at_the_end() -> None:
    where, lock, loop = world(), threading.Lock(), Steps()
    where.accounts = SharedAccounts(memoryview(bytearray(size(100))), lock, loop.later, patience=0)
    session = Stage(world=where).session
    session.client_data(q("delete from t where id = 1"))
    loop.over()
    assert where.writing == 1
    with lock, pytest.raises(AccountsUnavailable):
        session.closed()

    assert where.writing == 0
    assert account(where).held == 1


def test_a_proved_write_holds_its_bound_and_gives_back_what_it_did_not_need() -> None:
    where = world()
    Stage(world=where).play([q("delete from t where id in (1, 2, 99)")])

    assert spent(where) == 2


def test_beyond_the_budget_one_request_is_filed_whatever_the_statement() -> None:
    stage = Stage(world=world())
    stage.play([q(f"delete from t where id = {n}") for n in range(1, 9)] + [q("update t set n = 1 where id = 10")])

    assert lost(stage) == ROWS
    filed = [ask.request for ask in stage.asked if isinstance(ask, asks.FileRequest)]
    assert len(filed) == 3
    assert len({request.binding.digest() for request in filed}) == 1
    assert filed[0].binding.statements == ()
    assert filed[0].binding.budget == "bleed: caller ann"
    assert filed[0].spent == ROWS + 1
    assert refusals(stage)[0]["M"] == (
        'approval required: request 17, rule "bleed", 7 rows in 30 days by 7 statements (limit 6)'
    )


def test_what_loses_nothing_passes_when_all_is_spent() -> None:
    stage = Stage(world=world())
    stage.play([q("delete from t where id in (1, 2, 3, 4, 5, 6)"), q("delete from t where id = 99")])
    stage.play([q("insert into t default values"), q("select 1"), q("delete from p where id = 77")])

    assert refusals(stage) == []


@pytest.mark.parametrize("end", ["rollback", "select 1/0; commit"])
def test_what_is_rolled_back_is_given_back(end: str) -> None:
    where = world()
    stage = Stage(world=where).play([q("begin"), q("delete from t where id = 1"), q("delete from t where id < 4")])
    assert spent(where) == 3
    stage.play([q(part) for part in end.split("; ")])

    assert spent(where) == 0


def test_what_is_rolled_back_to_a_savepoint_is_given_back() -> None:
    where = world()
    stage = Stage(world=where).play(
        [q("begin"), q("delete from t where id = 1"), q("savepoint a"), q("delete from t where id in (2, 3)")]
    )
    assert spent(where) == 3
    stage.play([q("rollback to a"), q("commit")])

    assert (lost(stage), spent(where)) == (1, 1)


def test_a_connection_that_is_lost_in_its_block_has_lost_nothing() -> None:
    where = world()
    stage = Stage(world=where).play([q("begin"), q("delete from t where id = 1"), None, TERMINATE])
    stage.session.closed()

    assert spent(where) == 0


@pytest.mark.parametrize(
    "script",
    [[q("delete from t where id = 1")], [q("delete from t where id < 3")], [q("begin"), q("delete from t where id = 1"),
     q("commit")], [pbe("delete from t where id = 1") + SYNC]],
)  # fmt: skip
def test_a_commit_whose_answer_never_came_stays_spent(script: list[bytes]) -> None:
    """Cut off at every step: what the server committed is never given back."""
    for stop in range(1, 40):
        where = world()
        stage = Stage(world=where)
        stage.stop_at = stop
        stage.play(script)
        stage.session.closed()
        stage.model.receive(bytes(stage._to_server))  # it was on its way

        assert spent(where) >= lost(stage)


def test_refusals_are_counted_and_end_in_a_refusal_of_everything_that_loses_rows() -> None:
    """Those that the budget itself makes are not counted: else no retry would ever come to an end."""
    where = world(what="refusals: 2", beyond="refuse")
    stage = Stage(world=where).play([q("drop table c")] * 2 + [q("delete from t where id = 1")])
    assert lost(stage) == 1
    stage.play([q("drop table c")] + [q("delete from t where id = 2")] * 3 + [q("select 1")])

    assert [fields["C"] for fields in refusals(stage)] == ["PGG02"] * 3 + ["PGG03"] * 3
    assert where.accounts.open(("bleed", "refusals", PLACE[2]), 1e9).sum(0.0) == 3


def approving(at_most: int | None = None) -> Any:
    left = [17]

    def answers(ask: asks.Ask) -> object:
        match ask:
            case asks.FindApproval():
                return Approval(left[0], "bob", at_most=at_most, left=600.0) if left else None
            case asks.Claim():
                left.pop()
                return ""
        return NotImplemented

    return answers


@pytest.mark.parametrize(("at_most", "further"), [(None, 6), (2, 2), (100, 6)])
def test_an_approval_lets_the_caller_go_further_once(at_most: int | None, further: int) -> None:
    stage = Stage(world=world(), answers=approving(at_most))
    stage.play([q(f"delete from t where id = {n}") for n in range(1, 13)] + [q("update t set n = 1 where id < 99")])

    assert stage.model.db.commits[-1].lost in (0, 1)
    assert lost(stage) == min(12, ROWS + further)


def test_an_approval_is_the_callers_own() -> None:
    where = world(per="database")
    stage = Stage(world=where, answers=approving())
    stage.play([q(f"delete from t where id = {n}") for n in range(1, 9)])
    assert lost(stage) == 8
    other = Stage(world=where, caller=Caller("eve", "shop", "psql", "local", "eve"), ident="s2")
    other.play([q("delete from t where id = 1")])

    assert refusals(other)[0]["C"] == "PGG02"


def test_a_session_that_was_slower_than_another_uses_what_that_one_got() -> None:
    where = world()

    def answers(ask: asks.Ask) -> object:
        match ask:
            case asks.FindApproval():
                return Approval(17, "bob", left=600.0)
            case asks.Claim():
                account(where).allow("ann", 6, 1e9)
                return "request 17: it was used already"
        return NotImplemented

    stage = Stage(world=where, answers=answers)
    stage.play([q(f"delete from t where id = {n}") for n in range(1, 9)])

    assert lost(stage) == 8


def test_whoever_crosses_the_warning_is_told_once() -> None:
    where = world(more=", warn: 3")
    stage = Stage(world=where).play([q(f"delete from t where id = {n}") for n in range(1, 6)])

    assert stage.said().split().count("N:01000") == 1
    at = next(n for n, m in enumerate(stage.messages) if m[:1] == b"N")
    assert short(stage.messages[at + 1]) == "DELETE_1"  # in front of the answer: a psql that ends behind it shows it
    (told,) = where.accounts.warnings
    assert told == (
        'budget "bleed" is nearly spent: 3 rows in 30 days by 3 statements (limit 6): bleed counts by caller ann'
    )


@pytest.mark.parametrize(("size", "passes"), [(100, 5), (20, 4), (0, 2)])
def test_a_share_asks_for_the_size_only_where_it_decides(size: int, passes: int) -> None:
    def answers(ask: asks.Ask) -> object:
        if isinstance(ask, asks.TableTotals):
            return {oid: min(size, stop) for oid, stop in ask.stops}
        return NotImplemented

    stage = Stage(world=world(what="share: 20%, at_least: 2", per="caller, table"), answers=answers)
    stage.play([q(f"delete from t where id = {n}") for n in range(1, 6)])

    assert lost(stage) == passes
    assert sum(isinstance(ask, asks.TableTotals) for ask in stage.asked) <= 3


def test_a_share_of_a_table_whose_size_is_away_is_refused() -> None:
    def answers(ask: asks.Ask) -> object:
        return asks.Away("admin connection", "gone") if isinstance(ask, asks.TableTotals) else NotImplemented

    stage = Stage(world=world(what="share: 20%, at_least: 2", per="table"), answers=answers)
    stage.play([q("delete from t where id < 5")])

    assert [fields["C"] for fields in refusals(stage)] == ["PGG06"]


def test_observing_counts_and_stops_nothing() -> None:
    where = shop.world(policy(more=", warn: 3"), observe=True)
    stage = Stage(world=where).play([q(f"delete from t where id = {n}") for n in range(1, 9)])

    assert lost(stage) == spent(where) == 8
    assert refusals(stage) == []
    assert not any(m[:1] == b"N" for m in stage.messages)
    assert len(where.accounts.warnings) == 1


def test_whom_no_budget_speaks_of_is_not_counted() -> None:
    where = world()
    stage = Stage(world=where, caller=shop.FREE).play([q("delete from t")])

    assert lost(stage) == 12
    assert list(where.accounts.each()) == []
