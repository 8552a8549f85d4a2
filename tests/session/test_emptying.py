"""A TRUNCATE counts as the rows that it takes, which are counted behind its lock in front of it."""

from __future__ import annotations

import pytest

from pgguard.evidence.measurement import Destroyed, Rows
from pgguard.session.emptying import counted, wants
from pgguard.session.judge import judge
from pgguard.session.transaction import Transaction
from tests.session import shop
from tests.session.client_script import SYNC, pbe, q
from tests.session.stage import Stage
from tests.session.test_settle import refusal

WORLD = shop.world()
DESK = WORLD.desk(shop.CALLER)
LOST = Destroyed("data", "public.t", "truncated", shop.T, 12)


def test_only_what_was_counted_is_no_lost_data() -> None:
    tx = Transaction()
    tx.emptying = {shop.T: 2}
    assert counted(tx, (LOST, Destroyed("table", "public.c", "dropped", shop.C))) == (
        Destroyed("table", "public.c", "dropped", shop.C),
    )
    assert tx.ledger.sum() == {shop.T: Rows(deleted=2)}
    assert counted(tx, (LOST,)) == ()
    assert tx.ledger.sum() == {shop.T: Rows(deleted=2)}


def test_a_count_serves_one_statement() -> None:
    """The lock goes with the savepoint, and what a function truncates later was not counted."""
    tx = Transaction()
    tx.note(judge(DESK, WORLD.picture, b"savepoint a"))
    tx.emptying = {shop.T: 0}
    assert counted(tx, (LOST,)) == ()
    tx.note(judge(DESK, WORLD.picture, b"rollback to a"))

    assert counted(tx, (LOST,)) == (LOST,)
    tx.emptying = {shop.T: 0}
    tx.note_measured(judge(DESK, WORLD.picture, b"select purge()"))
    assert counted(tx, (LOST,)) == (LOST,)


@pytest.mark.parametrize("extended", [False, True])
def test_too_many_rows_are_named_as_rows(extended: bool) -> None:
    stage = Stage().play([pbe("truncate t"), SYNC] if extended else [q("truncate t")])

    assert refusal(stage)["M"] == 'approval required: request 17, rule "few", 12 rows (limit 3)'
    assert refusal(stage)["D"].startswith("t: 12 rows deleted")
    assert stage.model.db.commits == []


@pytest.mark.parametrize("block", [False, True])
@pytest.mark.parametrize("extended", [False, True])
def test_few_rows_may_go(extended: bool, block: bool) -> None:
    stage = Stage()
    for number in range(4, 13):
        del stage.model.db.committed.tables["t"].rows[number]
        del stage.model.db.now.tables["t"].rows[number]
    text = [pbe("truncate t"), SYNC] if extended else [q("truncate t")]
    stage.play([q("begin"), *text, q("commit")] if block else text)

    assert "TRUNCATE_TABLE" in stage.said()
    assert "E:" not in stage.said()
    assert [commit.lost for commit in stage.model.db.commits] == [3]


def test_rows_add_up_with_others_of_the_transaction() -> None:
    stage = Stage().play([q("begin"), q("delete from t where id < 3"), q("truncate t"), q("commit")])

    assert refusal(stage)["M"].endswith('rule "few", 12 rows (limit 3)')


@pytest.mark.parametrize(
    ("text", "expected"),
    [("truncate t", True), ("truncate t, c", True), ("truncate t; select 1", False), ("truncate only t", True),
     ("truncate only t, c", False),
     ("drop table t", False), ("delete from t", False)],
)  # fmt: skip
def test_what_is_counted_first(text: str, expected: bool) -> None:
    assert wants(judge(DESK, WORLD.picture, text.encode())) is expected
