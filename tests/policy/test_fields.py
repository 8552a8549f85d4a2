"""Single values, and the nearest word to a wrong one."""

from __future__ import annotations

from fractions import Fraction

import pytest
from pydantic import TypeAdapter, ValidationError

from pgguard.policy.fields import Duration, Share, lost_object, nearest


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("12h", 43200), ("7d", 604800)])
def test_duration(text: str, seconds: float) -> None:
    assert TypeAdapter(Duration).validate_python(text) == seconds


@pytest.mark.parametrize("text", ["", "0m", "30", "m", "-5m", "1.5h", "30M", "9999999d", 1800, None, True])
def test_not_a_duration(text: object) -> None:
    with pytest.raises(ValidationError, match="a duration such as 30m, 12h or 7d is needed here"):
        TypeAdapter(Duration).validate_python(text)


@pytest.mark.parametrize(
    ("text", "share"), [("20%", Fraction(1, 5)), ("12.5%", Fraction(1, 8)), ("99.99%", Fraction(9999, 10000))]
)
def test_share(text: str, share: Fraction) -> None:
    assert TypeAdapter(Share).validate_python(text) == share


@pytest.mark.parametrize("text", ["0%", "100%", "20", "0.2", "-1%", "%", "1e1%", 20, True])
def test_not_a_share(text: object) -> None:
    with pytest.raises(ValidationError, match="a share such as 20%"):
        TypeAdapter(Share).validate_python(text)


def test_lost_objects_in_short() -> None:
    assert lost_object("materialized view v") == {"kind": "materialized view", "name": "v", "how": "dropped"}
    assert lost_object("data t") == {"kind": "data", "name": "t", "how": "truncated"}


def test_nearest() -> None:
    assert nearest("application-name", ["application_name", "role"]) == ', did you mean "application_name"?'
    assert nearest("xyz", ["role", "kind"]) == "; known are role, kind"
    assert nearest("xyz", []) == ""
