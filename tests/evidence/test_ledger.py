"""The sum of a transaction: rules in the small, and random transactions against what a real server really changed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgguard.evidence.ledger import Ledger
from pgguard.evidence.measurement import Reading, Rows


def reading(deleted: dict[int, int], strong: Collection[int] = ()) -> Reading:
    rows = {oid: Rows(deleted=n) for oid, n in deleted.items()}
    return Reading(rows, {oid: f"s.t{oid}" for oid in rows}, strong=tuple(strong))


def lost(ledger: Ledger) -> dict[int, int]:
    return {oid: rows.lost for oid, rows in ledger.sum().items()}


def test_the_last_reading_is_the_sum() -> None:
    ledger = Ledger()
    ledger.start()
    assert ledger.record(reading({1: 5})) and ledger.record(reading({1: 7, 2: 1}))
    assert not ledger.record(reading({1: 7, 2: 1}))
    assert lost(ledger) == {1: 7, 2: 1} and ledger.lost == 8 and ledger.names[2] == "s.t2"


def test_inserts_and_catalogs_move_it_as_well() -> None:
    ledger = Ledger()
    ledger.record(reading({}))
    assert ledger.record(Reading({1: Rows(inserted=1)}, {}))
    assert ledger.record(Reading({1: Rows(inserted=1)}, {}, catalogs={"pg_proc": Rows(updated=1)}))
    assert ledger.lost == 0


def test_a_baseline_is_taken_off() -> None:
    ledger = Ledger()
    ledger.start(reading({1: 100}))
    ledger.record(reading({1: 103}))
    assert lost(ledger) == {1: 3}
    ledger.chain()
    ledger.record(reading({1: 104, 2: 2}))
    assert lost(ledger) == {1: 1, 2: 2}


def test_chain_trusts_no_counter_that_was_cleared() -> None:
    """ROLLBACK AND CHAIN gives back what TRUNCATE cleared: 3 before it, 5 after it, 3 again, then 2 more."""
    ledger = Ledger()
    ledger.record(reading({1: 3}))
    ledger.record(reading({1: 2}, strong=[1]))
    ledger.chain()
    ledger.record(reading({1: 5}))
    assert lost(ledger) == {1: 5}


def test_bounds_count_until_they_are_read() -> None:
    ledger = Ledger()
    ledger.record(reading({1: 5}))
    ledger.bounded(1, 3, True)
    ledger.bounded(2, 1, False, "s.two")
    assert ledger.sum() == {1: Rows(deleted=8), 2: Rows(updated=1)} and ledger.names[2] == "s.two"
    ledger.record(reading({1: 6}), covers=[1])
    assert ledger.sum() == {1: Rows(deleted=6), 2: Rows(updated=1)}
    ledger.record(reading({1: 6}))
    assert ledger.sum() == {1: Rows(deleted=6)}


def test_a_fall_goes_on_from_where_it_was() -> None:
    ledger = Ledger()
    ledger.record(reading({1: 3000}))
    assert not ledger.fell
    ledger.record(reading({}, strong=[1]))
    assert ledger.fell and lost(ledger) == {1: 3000}
    ledger.record(reading({1: 10}))
    assert lost(ledger) == {1: 3010}


def test_truncate_does_not_hide_a_proved_row_before_it() -> None:
    ledger = Ledger()
    ledger.bounded(1, 1, True)
    ledger.record(Reading({}, {}, catalogs={"pg_class": Rows(updated=2)}, strong=(1,)))
    assert lost(ledger) == {1: 1}


def test_a_lock_that_went_with_a_savepoint_is_no_fall() -> None:
    ledger = Ledger()
    ledger.savepoint("s")
    ledger.record(reading({1: 3000}))
    ledger.rollback_to("s")
    assert ledger.awaits_reading and lost(ledger) == {}
    ledger.record(reading({}))
    assert not ledger.fell and lost(ledger) == {} and not ledger.awaits_reading
    ledger.record(reading({1: 3005}))
    assert lost(ledger) == {1: 5}


def test_attempts_of_a_failed_statement_are_taken_off() -> None:
    ledger = Ledger()
    ledger.record(reading({1: 10}))
    ledger.savepoint("s")
    ledger.rollback_to("s")  # a DELETE failed before it, after 700 rows
    ledger.record(reading({1: 710}))
    ledger.record(reading({1: 715}))
    assert lost(ledger) == {1: 15}


def test_proved_rows_before_a_savepoint_are_not_taken_for_rolled_back() -> None:
    ledger = Ledger()
    ledger.bounded(1, 1, True)
    ledger.savepoint("s")
    ledger.bounded(1, 1, True)
    ledger.rollback_to("s")
    assert lost(ledger) == {1: 1}
    ledger.record(reading({1: 2}))
    assert lost(ledger) == {1: 1}
    ledger.record(reading({1: 12}))
    assert lost(ledger) == {1: 11}


def test_savepoints_between_rollback_and_reading() -> None:
    ledger = Ledger()
    ledger.record(reading({1: 4}))
    ledger.savepoint("a")
    ledger.record(reading({1: 9}))
    ledger.rollback_to("a")
    ledger.bounded(2, 1, True)
    ledger.savepoint("b")
    ledger.bounded(2, 1, True)
    assert lost(ledger) == {1: 4, 2: 2}
    ledger.rollback_to("b")
    assert lost(ledger) == {1: 4, 2: 1}
    ledger.record(reading({1: 9, 2: 2}))
    assert lost(ledger) == {1: 4, 2: 1}


def test_names_follow_postgresql() -> None:
    ledger = Ledger()
    ledger.savepoint("s")
    ledger.record(reading({1: 1}))
    ledger.savepoint("s")
    ledger.record(reading({1: 3}))
    ledger.rollback_to("s")
    ledger.record(reading({1: 3}))
    assert lost(ledger) == {1: 1}
    assert ledger.release("s") and ledger.rollback_to("s")  # the older one is visible again
    ledger.record(reading({1: 3}))
    assert lost(ledger) == {}
    ledger.savepoint("inner")
    assert ledger.release("s") and not ledger.release("inner") and not ledger.rollback_to("s")


def test_approved_rows_count_no_more_up_to_their_ceilings() -> None:
    ledger = Ledger()
    ledger.record(reading({1: 100, 2: 50}))
    ledger.approved({1: 80, 2: 50})
    assert lost(ledger) == {1: 20}
    ledger.record(reading({1: 101, 2: 50}))
    assert lost(ledger) == {1: 21}


def test_an_approval_that_is_rolled_back_is_spent_for_nothing() -> None:
    ledger = Ledger()
    ledger.record(reading({1: 5}))
    ledger.savepoint("s")
    ledger.record(reading({1: 105}))
    ledger.approved({1: 105})
    assert lost(ledger) == {}
    ledger.rollback_to("s")
    ledger.record(reading({1: 105}))
    assert lost(ledger) == {1: 5}
    ledger.record(reading({1: 205}))
    assert lost(ledger) == {1: 105}


def test_an_approval_does_not_take_off_what_a_bound_only_might_be() -> None:
    ledger = Ledger()
    ledger.record(reading({1: 10}))
    ledger.bounded(1, 5, True)
    ledger.approved({1: 100})
    ledger.record(reading({1: 11}))
    assert lost(ledger) == {1: 1}


NAMES = st.sampled_from("ab")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["delete", "update", "opaque", "truncated"]), st.integers(0, 5), NAMES),
        st.tuples(st.just("proved"), st.integers(0, 40), NAMES),
        st.tuples(st.sampled_from(["savepoint", "rollback", "rollback", "release", "fail"]), st.just(0), NAMES),
    ),
    max_size=14,
)


@given(steps=STEPS)
@settings(
    max_examples=40, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
def test_random_transactions(ledger_client: Any, steps: list[tuple[str, int, str]]) -> None:
    """Measured statements of any kind, proved ones, failures, savepoints: the ledger says what was changed, exactly,
    or, while a proof is not yet read, at most too much."""
    client, oids = ledger_client
    ledger = Ledger()
    client.run("rollback")  # of an example that failed
    client.flush()
    client.run("begin")
    true, marks, exact = {"a": 0, "b": 0}, [], True
    truncated = False
    ledger.start()
    for what, number, name in steps:
        table = f"ledger_{name}"
        some = f"where ctid in (select ctid from {table} limit {number})"
        # A TRUNCATE may or may not clear a proved row that no reading saw: the ledger keeps it.
        truncated = truncated or what == "truncated"
        exact = exact and not (truncated and any(step[0] == "proved" for step in steps))
        if what in ("delete", "update", "opaque"):
            sql = f"update {table} set v = v + 1 {some}" if what == "update" else f"delete from {table} {some}"
            if what == "opaque":
                true[name] += int(client.run(f"with gone as ({sql} returning 1) select count(*) from gone")[0][0])
                ledger.record(client.reading())
            else:
                true[name] += client.connection.execute(sql.encode()).rowcount
                ledger.record(client.reading([oids[name]]), covers=[oids[name]])
        elif what == "truncated":
            client.run(f"truncate {table}; insert into {table} select g, g from generate_series(1, 40) g")
            ledger.record(client.reading())
            assert oids[name] in ledger.last.strong
        elif what == "proved":
            changed = client.connection.execute(f"update {table} set v = 0 where id = {number}".encode()).rowcount
            true[name] += changed
            ledger.bounded(oids[name], 1, False)
            exact = exact and changed == 1
        elif what == "savepoint":
            client.run(f"savepoint {name}")
            ledger.savepoint(name)
            marks.append((name, dict(true)))
        else:
            at = max((i for i, mark in enumerate(marks) if mark[0] == name), default=None)
            if at is None:
                assert not ledger.release(name) and not ledger.rollback_to(name)
                continue
            if what == "release":
                client.run(f"release {name}")
                assert ledger.release(name)
                del marks[at:]
                continue
            if what == "fail":
                with pytest.raises(Exception, match="division by zero"):
                    client.run(f"delete from {table} where 1 / (id - 20) > -100")
            client.run(f"rollback to {name}")
            assert ledger.rollback_to(name)
            true = dict(marks[at][1])
            del marks[at + 1 :]
            assert all(ledger.sum().get(oids[n], Rows()).lost >= true[n] for n in true)
            ledger.record(client.reading(everywhere=True))
        assert all(ledger.sum().get(oids[n], Rows()).lost >= true[n] for n in true)
    ledger.record(client.reading(everywhere=True))
    said = {n: ledger.sum().get(oids[n], Rows()).lost for n in true}
    client.run("rollback")
    assert said == true if exact else all(said[n] >= true[n] for n in true)


@pytest.fixture
def ledger_client(client: Any) -> Any:
    for table in ("ledger_a", "ledger_b"):
        client.run(f"create table {table} (id int primary key, v int)")
        client.run(f"insert into {table} select g, g from generate_series(1, 40) g")
    return client, {"a": client.oid("ledger_a"), "b": client.oid("ledger_b")}


def updated(rows: dict[int, int], strong: Collection[int] = ()) -> Reading:
    return Reading({oid: Rows(updated=n) for oid, n in rows.items()}, {}, strong=tuple(strong))


def test_a_step_that_overwrote_nothing_counts_no_more() -> None:
    ledger = Ledger()
    ledger.record(updated({1: 5}))
    ledger.record(updated({1: 105, 2: 7}))
    assert ledger.step == {1: Rows(updated=100), 2: Rows(updated=7)}
    ledger.overwrote_nothing([1, 3])
    assert lost(ledger) == {1: 5, 2: 7}
    ledger.overwrote_nothing([1])
    ledger.record(updated({1: 106, 2: 7}))
    assert lost(ledger) == {1: 6, 2: 7}


def test_a_step_with_something_else_in_it_counts() -> None:
    """A proved bound nobody has read yet, a counter that fell, work that was rolled back: not to be told apart."""
    ledger = Ledger()
    ledger.bounded(1, 1, False)
    ledger.record(updated({1: 101}))
    ledger.overwrote_nothing([1])
    assert lost(ledger) == {1: 101}
    ledger.record(updated({1: 50}, strong=[1]))
    ledger.overwrote_nothing([1])
    assert lost(ledger) == {1: 151}
    ledger.savepoint("a")
    ledger.record(updated({1: 60}))
    ledger.rollback_to("a")
    ledger.record(updated({1: 80}))
    ledger.overwrote_nothing([1])
    assert lost(ledger)[1] >= 151


def test_a_backfill_that_is_rolled_back_leaves_what_was_before() -> None:
    ledger = Ledger()
    ledger.record(updated({1: 5}))
    ledger.savepoint("a")
    ledger.record(updated({1: 105}))
    ledger.overwrote_nothing([1])
    ledger.rollback_to("a")
    ledger.record(updated({1: 105}))
    assert lost(ledger) == {1: 5}
    ledger.record(updated({1: 112}))
    assert lost(ledger) == {1: 12}


def test_truncated_rows_count_as_deleted_once() -> None:
    ledger = Ledger()
    ledger.record(reading({1: 3}, strong=[1]))
    ledger.truncated({1: 10, 2: 0})
    ledger.truncated({1: 99})
    assert lost(ledger) == {1: 13}
    assert set(ledger.emptied) == {1, 2}


def test_a_truncate_that_is_rolled_back_is_forgotten() -> None:
    ledger = Ledger()
    ledger.record(reading({1: 3}))
    ledger.truncated({2: 4})
    ledger.savepoint("a")
    ledger.truncated({1: 10})
    ledger.rollback_to("a")
    ledger.record(reading({1: 3}))
    assert lost(ledger) == {1: 3, 2: 4}
    assert set(ledger.emptied) == {2}
