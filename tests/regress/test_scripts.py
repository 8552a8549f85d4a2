"""How the outputs of regression scripts are compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.regress import scripts


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"object 16412 of pg_temp_3\n", b"object 99999 of pg_temp_4\n"),
        (b"Execution Time: 0.123 ms\n", b"Execution Time: 12.5 ms\n"),
        (b"index pg_toast_16999_index\n", b"index pg_toast_17111_index\n"),
    ],
)
def test_what_no_two_runs_agree_on_is_scrubbed(one: bytes, other: bytes) -> None:
    assert scripts.scrubbed(one) == scripts.scrubbed(other)


def test_what_differs_through_pgguard_is_named() -> None:
    direct = {"a": b"1\n2\n", "b": b"oid 16412\n"}
    found = scripts.compared(direct, direct, {"a": b"1\n3\n", "b": b"oid 16412\n"})

    assert found == scripts.Compared(2, ("a", "b"), ("a",), 3)
    assert found.identical == 1


def test_a_number_counts_where_the_direct_runs_agree_on_it() -> None:
    found = scripts.compared({"a": b"50000 rows\n"}, {"a": b"50000 rows\n"}, {"a": b"50001 rows\n"})

    assert found.differ == ("a",)


def test_a_number_does_not_count_where_they_do_not() -> None:
    found = scripts.compared({"a": b"oid 16412\n"}, {"a": b"oid 17000\n"}, {"a": b"oid 18000\n"})

    assert found.differ == ()


def test_a_script_that_is_not_stable_says_nothing() -> None:
    found = scripts.compared({"a": b"x\n"}, {"a": b"y\n"}, {"a": b"z\n"})

    assert (found.stable, found.differ) == ((), ())


def test_a_script_that_found_no_server_says_nothing() -> None:
    away = {"a": b"psql: error: connection to server failed\n"}

    assert scripts.compared(away, away, {"a": b"1\n"}).stable == ()


def test_the_schedule_gives_the_order(tmp_path: Path) -> None:
    (tmp_path / "parallel_schedule").write_text("# first\ntest: test_setup\n\ntest: b a stats\ntest: c\n")

    assert scripts.scheduled(tmp_path, tmp_path).names == ("test_setup", "b", "a", "c")
    assert scripts.scheduled(tmp_path, tmp_path, ["c"]).names == ("test_setup", "c")
