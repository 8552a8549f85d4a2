"""What was probably meant, and nothing where that is not clear."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.policy import suggest
from pgguard.policy.fields import _seconds


@pytest.mark.parametrize(
    ("written", "meant"),
    [("30 minutes", "30m"), ("1h30m", "90m"), ("1h 30 min", "90m"), ("2 weeks", "14d"), ("90s", "90s"),
     ("60 sec", "1m"), ("24 hours", "1d"), (30, "30m"), (0, ""), (True, ""), ("22:00", ""), ("soon", ""), ("0m", ""),
     (None, ""), ("", "")],
)  # fmt: skip
def test_durations(written: object, meant: str) -> None:
    assert suggest.duration(written) == meant
    assert not meant or _seconds(meant) > 0


@pytest.mark.parametrize(
    ("written", "meant"),
    [("10k", "10000"), ("1_000", "1000"), ("1,000,000", "1000000"), ("2M", "2000000"), ("100 rows", "100"),
     ("many", ""), ("1_00", ""), (-1, ""), (None, "")],
)  # fmt: skip
def test_numbers(written: object, meant: str) -> None:
    assert suggest.number(written) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [(20, "20%"), ("0.2", "20%"), (".05", "5%"), ("20 %", "20%"), ("120%", ""), (True, ""), ("half", ""), (0, "")],
)
def test_shares(written: object, meant: str) -> None:
    assert suggest.share(written) == meant


def test_words() -> None:
    assert suggest.close("deny", ["approve", "refuse"]) == "refuse"
    assert suggest.close("deny", ["table"]) == ""
    assert suggest.close("Materialized_View", ["view", "materialized view"]) == "materialized view"
    assert suggest.choice(True, ("required",)) == "required"
    assert suggest.choice(True, ("a", "b")) == ""
    assert suggest.nearest("x", []) == ""
    assert suggest.did_you_mean("") == ""


@given(st.text(), st.lists(st.text()))
def test_what_is_suggested_is_there(word: str, names: list[str]) -> None:
    assert suggest.close(word, names) in ["", *names]
