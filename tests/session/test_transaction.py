"""What a session knows of the open transaction."""

from __future__ import annotations

from pgguard.evidence.measurement import Rows
from pgguard.session.judge import Judged, judge
from pgguard.session.transaction import Transaction
from tests.session import shop

WORLD = shop.world()
DESK = WORLD.desk(shop.CALLER)


def judged(text: str) -> Judged:
    return judge(DESK, WORLD.picture, text.encode())


def test_proved_bounds_add_up() -> None:
    tx = Transaction()
    tx.note(judged("delete from t where id in (1, 2)"))

    assert tx.bound_of(judged("update t set n = 1 where id = 4")) == (3, 2)
    assert tx.ledger.sum() == {shop.T: Rows(deleted=2)}
    assert (tx.executed, tx.measured, tx.untrusted) == (True, False, False)
    assert [write.judged.text for write in tx.writes] == [b"delete from t where id in (1, 2)"]


def test_a_savepoint_takes_bounds_back() -> None:
    tx = Transaction()
    for text in ("begin", "savepoint a", "delete from t where id in (1, 2)", "rollback to a"):
        tx.note(judged(text))

    assert tx.explicit
    assert tx.ledger.awaits_reading
    assert tx.bound_of(judged("select 1")) == (0, 0)


def test_unread_code_ends_trust() -> None:
    tx = Transaction()
    tx.note_measured(judged("do $$nothing$$"))

    assert tx.measured and tx.opaque and tx.untrusted and tx.deferrable


def test_a_known_statement_leaves_trust_alone() -> None:
    tx = Transaction()
    tx.note_measured(judged("delete from t"))

    assert tx.measured and not tx.untrusted
    assert tx.relations == {shop.T}


def test_ddl_ends_trust_and_is_looked_at() -> None:
    tx = Transaction()
    tx.note(judged("create table x (id int)"))

    assert tx.untrusted and tx.objects and not tx.measured


def test_a_bind_of_unread_code_counts_as_running_it() -> None:
    tx = Transaction()
    tx.note_bound(judged("select 1"), planned=False)
    assert not tx.measured

    tx.note_bound(judged("select imm()"), planned=True)
    assert tx.measured and tx.opaque


def test_a_new_transaction_knows_nothing_of_the_last() -> None:
    tx = Transaction()
    tx.note_measured(judged("do $$nothing$$"))
    tx.clear(chained=True)

    assert tx.explicit
    assert not (tx.measured or tx.untrusted or tx.writes or tx.judged or tx.executed)
    tx.clear()
    assert not tx.explicit


def test_who_runs_unmeasured_code_is_not_trusted_after_it() -> None:
    tx = Transaction()
    tx.note_unmeasured(judged("select 1"))
    assert not tx.untrusted

    tx.note_unmeasured(judged("do $$nothing$$"))
    assert tx.untrusted
