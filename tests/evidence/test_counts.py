"""The short reading."""

from __future__ import annotations

import pytest

from pgguard.errors import ProtocolViolation
from pgguard.evidence.counts import counts_sql, parse_counts
from pgguard.evidence.measurement import Rows

NAMES = {20001: "public.accounts", 4294967295: "public.last"}


def test_it_asks_for_three_counters_of_each_relation_by_qualified_names() -> None:
    sql = counts_sql((20001, 4294967295))

    assert sql.count("pg_catalog.pg_stat_get_xact_tuples_") == 6
    assert sql.count("'4294967295'::pg_catalog.oid") == 3
    assert " FROM " not in sql


def test_counters_come_back_in_order_and_zeros_are_left_out() -> None:
    reading = parse_counts([[b"on 1 2 3 0 0 0"]], tuple(NAMES), NAMES)

    assert reading.rows == {20001: Rows(1, 2, 3)}
    assert reading.names == NAMES
    assert reading.track_counts


def test_counters_that_do_not_count_are_seen() -> None:
    assert not parse_counts([[b"off 0 0 0"]], (20001,), NAMES).track_counts


@pytest.mark.parametrize("rows", [[], [[None]], [[b"on 1 2"]], [[b"on 1 2 x"]], [[b"on 1 2 3"]] * 2, [[b"on", b"1"]]])
def test_anything_else_is_a_broken_promise(rows: list[list[bytes | None]]) -> None:
    with pytest.raises(ProtocolViolation):
        parse_counts(rows, (20001,), NAMES)
