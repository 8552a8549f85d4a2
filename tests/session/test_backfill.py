"""What a transaction is known to have left alone, by what was read of it."""

from __future__ import annotations

import pytest

from pgguard.evidence.measurement import Reading, Rows
from pgguard.session.backfill import Reads, meant
from pgguard.session.judge import Judged, judge
from pgguard.session.transaction import Transaction
from pgguard.sql.statement import Name
from tests.session import shop

WORLD = shop.world()
DESK = WORLD.desk(shop.CALLER)
PICTURE = WORLD.picture
ADD_AND_FILL = "alter table t add column new int; update t set new = 1"


def judged(text: str) -> Judged:
    return judge(DESK, PICTURE, text.encode())


def ran(*texts: str) -> tuple[Transaction, Reads]:
    tx = Transaction()
    for text in texts:
        tx.note_measured(judged(text))
    return tx, Reads()


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("update t set new = 1", [{shop.T}]),
        (ADD_AND_FILL, [set(), {shop.T}]),
        ("update t set n = 1 where id = 4", [{shop.T}]),
        ("update t set n = purge()", None),
        ("alter table t add column new int; update t set new = purge()", None),
        ("alter table t add column new int; do $$ begin end $$", None),
        ("update nosuch set n = 1", None),
    ],
)
def test_each_statement_of_a_text_is_read_by_itself(text: str, targets: list[set[int]] | None) -> None:
    found = meant(judged(text), PICTURE)

    assert (None if found is None else [set(oids) for _, oids in found]) == targets


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("insert into fresh select id from t", [set()]),
        ("update t set new = f.id from fresh f where f.id = t.id", [{shop.T}]),
        ("create index on fresh (id)", [set()]),
        ("insert into fresh select purge()", None),
        ("insert into fresh values ($1)", None),
        ("update fresh set a = 1; update t set new = 1", [set(), {shop.T}]),
        ("update nosuch set n = 1", None),
    ],
)
def test_a_table_that_the_transaction_made_is_left_out(text: str, targets: list[set[int]] | None) -> None:
    found = meant(judged(text), PICTURE, frozenset({Name("fresh", "public")}))

    assert (None if found is None else [set(oids) for _, oids in found]) == targets


def test_a_name_that_the_picture_knows_is_never_left_out() -> None:
    """It can be the new table, and it can be the old one."""
    found = meant(judged("alter table c add column x int; update t set n = 2"), PICTURE, frozenset({Name("t", "s")}))

    assert found is not None
    assert found[1][1] == {shop.T}


def test_without_a_picture_a_string_is_not_read() -> None:
    assert meant(judged(ADD_AND_FILL), None) is None


@pytest.mark.parametrize(
    ("texts", "may"),
    [
        ([ADD_AND_FILL], False),
        (["alter table t alter n type bigint"], True),
        ([ADD_AND_FILL, "select purge()"], True),
        ([], False),
    ],
)
def test_what_may_have_given_a_column_a_type(texts: list[str], may: bool) -> None:
    tx, reads = ran(*texts)

    assert reads.follow(tx, PICTURE) is may
    tx.note_measured(judged("update t set new = 2"))
    assert reads.follow(tx, PICTURE) is may


def test_what_ran_by_leave_of_a_rule_is_in_no_step_of_its_own() -> None:
    tx = Transaction()
    tx.note_unmeasured(judged("select purge()"))

    assert tx.reads.follow(tx, PICTURE)


def test_only_writes_since_the_last_time_can_have_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    """At COMMIT deferred triggers move the counters, and the last statement has nothing to do with it."""
    asked: list[int] = []

    def filled(step: object, updates: list[object], *_: object) -> frozenset[int]:
        asked.append(len(updates))
        return frozenset({shop.T})

    monkeypatch.setattr("pgguard.evidence.overwritten.filled", filled)
    tx, reads = ran(ADD_AND_FILL)
    answers = []
    for number in (5, 10):
        reading = Reading({shop.T: Rows(updated=number)}, {})
        tx.ledger.record(reading)
        reads.follow(tx, PICTURE)
        answers.append(reads.filled(tx, PICTURE, reading, [], []))

    assert answers[0] == {shop.T}
    assert asked == [2, 0]
